"""The lines that `check` prints below a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from scimsync.config.models import Config
from scimsync.durations import format_duration, format_local
from scimsync.sources.kept_read import kept_read_path, load
from scimsync.state import record_rows
from scimsync.state.store import Store

_COLUMNS_SHOWN = 12


def source_details(
    config: Config,
    source: str,
    columns: Sequence[str],
    used: Sequence[str],
    stores: Iterable[Store],
) -> list[str]:
    """Return lines about a source with `columns`, of which expressions use `used`.

    They are the first columns, the first key in the state and the overlay, and how much of the
    source a run reads, if that is not all of it.
    """
    return [
        *_columns_and_key(columns, source, stores),
        *_how_much_is_read(config, source, used),
    ]


def _columns_and_key(columns: Sequence[str], source: str, stores: Iterable[Store]) -> list[str]:
    more = f", and {len(columns) - _COLUMNS_SHOWN:,} more" if len(columns) > _COLUMNS_SHOWN else ""
    lines = [f"columns: {', '.join(columns[:_COLUMNS_SHOWN])}{more}"]
    keys = []
    for store in stores:
        with store.read() as connection:
            keys.append(record_rows.first_key(connection, source))
    first = min((key for key in keys if key is not None), default=None)
    return lines if first is None else [*lines, f"first key: {first}"]


def _how_much_is_read(config: Config, source: str, used: Sequence[str]) -> Iterator[str]:
    settings = config.sources[source]
    every = settings.whole_read_every()
    if every is None:
        return
    if settings.whole_read_every(used) is None:
        yield "reads everything each time: the changes lack some of the columns in use"
        return
    kept = load(kept_read_path(config.state_dir, source))
    if kept is None:
        yield "reads only what changed, once a push has read everything"
        return
    yield (
        f"reads only what changed; last read everything {format_local(kept.facts.whole_at)},"
        f" and does so every {format_duration(every)}"
    )
