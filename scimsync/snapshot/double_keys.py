"""Find records that are gone because a row has a key of another source by mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from scimsync.model.ids import Key
from scimsync.model.records import Record


def beside_doubles(
    gone: Iterable[Record], doubles: Mapping[Key, Sequence[Record]]
) -> dict[Key, str]:
    """Return the keys of `gone` that a record of `doubles` may belong to, with its source.

    `doubles` are the records of keys that several sources have. One of them resembles a record that
    its source no longer has if at least half of its filled cells equal the former ones, and more
    than equal those of the other sources' records of its key.
    """
    judged = [
        (record.source, cells, max(len(cells & _cells(other)) for other in others))
        for records in doubles.values()
        for record in records
        if (others := [one for one in records if one.source != record.source])
        and (cells := _cells(record))
    ]
    found: dict[Key, str] = {}
    for record in gone:
        former = _cells(record)
        for source, cells, own in judged:
            equal = len(cells & former)
            if source == record.source and 2 * equal >= len(cells) and equal > own:
                found[record.key] = source
    return found


def _cells(record: Record) -> set[tuple[str, str]]:
    """Return the filled cells of a record, without its key."""
    return {
        (column, text)
        for column, value in record.data.items()
        if value is not None
        and (text := str(value).strip().casefold())
        and text != record.key.casefold()
    }
