"""The names of records follow the records, whatever happens to these between two runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scimsync.model.ids import Key, Seq
from scimsync.model.names import name_of
from scimsync.model.records import Record
from scimsync.snapshot.view import SnapshotView
from scimsync.state import record_names, record_rows
from scimsync.state.record_rows import SourceState
from scimsync.state.store import Store, open_state, scratch_store

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def email_of(record: Record) -> str | None:
    return name_of("email", record.data.get("email"))


NAMING = {"email": email_of}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_state("sqlite:///scimsync.db", tmp_path, create=True)) as opened:
        yield opened


def put(store: Store, first: int, *mails: str, source: str = "hr") -> int:
    """Store records with keys from 1 on under sequence numbers from `first` on."""
    rows = [
        (Key(str(number)), Seq(first + number), f'{{"email": "{mail}"}}')
        for number, mail in enumerate(mails, start=1)
    ]
    with store.write() as connection:
        record_rows.put_records(connection, source, rows)
        head = Seq(first + len(rows))
        record_rows.put_source(connection, SourceState(source, head, "digest"))
    return head


def refreshed(store: Store) -> None:
    with store.write() as connection:
        record_names.refresh(connection, "hr", NAMING)


def named(store: Store, *mails: str, overlay: Store | None = None) -> list[list[Key]]:
    found = SnapshotView(store, overlay).named(["hr"], [f"email={mail}" for mail in mails])
    return [found.get(f"email={mail}", []) for mail in mails]


def test_many_records(store: Store) -> None:
    put(store, 0, *(f"p{number}" for number in range(1, 2501)))
    refreshed(store)

    assert named(store, "p1", "p1000", "p1001", "p2500", "p2501") == [
        ["1"],
        ["1000"],
        ["1001"],
        ["2500"],
        [],
    ]


def test_a_name_is_that_of_whoever_has_it_now(store: Store) -> None:
    put(store, 0, "ann", "bob")
    refreshed(store)
    put(store, 2, "new", "ann")
    refreshed(store)

    assert named(store, "ann", "bob", "new") == [["2"], [], ["1"]]


def test_a_name_of_a_leaver_stays_until_somebody_has_it(store: Store) -> None:
    head = put(store, 0, "ann", "bob")
    refreshed(store)
    with store.write() as connection:
        record_rows.remove_records(connection, "hr", [(Key("1"), Seq(head + 1))], NOW)
        record_rows.put_source(connection, SourceState("hr", Seq(head + 1), "digest"))
    refreshed(store)
    assert named(store, "ann") == [["1"]]

    put(store, 10, "gone", "ann")
    refreshed(store)
    assert named(store, "ann") == [["2"]]


def test_a_state_that_is_older_than_its_names_is_read_again(store: Store) -> None:
    put(store, 10, "ann", "bob")
    refreshed(store)
    put(store, 0, "bob", "ann")

    refreshed(store)

    assert named(store, "ann", "bob") == [["2"], ["1"]]


def test_an_overlay_hides_what_it_changes(store: Store) -> None:
    """A plan stores nothing, and sees what it read."""
    put(store, 0, "ann", "bob", "cy")
    refreshed(store)
    with closing(scratch_store()) as overlay:
        changes = [(Key("1"), None), (Key("2"), '{"email": "ann"}'), (Key("4"), '{"email": "cy"}')]
        with store.read() as known, overlay.write() as written:
            record_rows.put_overlay(written, "hr", changes, NOW)
            record_names.lay_over(known, written, "hr", NAMING)

        assert named(store, "ann", "bob", "cy", overlay=overlay) == [["2"], [], ["3", "4"]]
        with overlay.read() as connection:
            changed = list(record_names.changed_names(connection, ["hr"]))
        assert changed == ["email=ann", "email=bob", "email=cy"]
    assert named(store, "ann", "bob", "cy") == [["1"], ["2"], ["3"]]


def test_an_overlay_over_a_state_without_names(store: Store) -> None:
    """As after an upgrade, and where `by` is new in sync.toml."""
    put(store, 0, "ann", "bob")
    with closing(scratch_store()) as overlay:
        with store.read() as known, overlay.write() as written:
            record_rows.put_overlay(written, "hr", [(Key("2"), '{"email": "cy"}')], NOW)
            record_names.lay_over(known, written, "hr", NAMING)

        assert named(store, "ann", "bob", "cy", overlay=overlay) == [["1"], [], ["2"]]


def test_nothing_is_written_where_nothing_changed(store: Store) -> None:
    put(store, 0, "ann")
    with store.read() as connection:
        assert record_names.outdated(connection, "hr", NAMING).keys() == {"email"}
    refreshed(store)
    with store.read() as connection:
        assert not record_names.outdated(connection, "hr", NAMING)
