"""Columns that lose their filled cells: which are noticed, and what the message says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from scimsync.errors import GuardStop
from scimsync.model.limits import Limit, Minimum
from scimsync.snapshot.ingest import SourceLimits, ingest
from scimsync.sources.relation import Column, TextForm
from scimsync.state import record_rows
from scimsync.state.store import Store, scratch_store
from tests.file_sources import file_spec

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
NONE_REQUIRED = Minimum.share(0)
FIFTH = Limit.share(20)

Cells = Sequence[Any]


class Folder:
    """A source with the columns `id` and `dept`, and a state."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store

    def ingest(
        self,
        rows: Sequence[dict[str, Any]],
        limit: Limit = FIFTH,
        may_be_empty: Sequence[str] = (),
        columns: Sequence[str] = ("dept",),
        **settings: Any,
    ) -> None:
        (self.folder / "hr.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
        ingest(
            self.store,
            file_spec(self.folder, "hr.ndjson", **settings),
            [name for name in columns if any(name in row for row in rows)],
            self.folder / "hr.index.duckdb",
            SourceLimits([NONE_REQUIRED], [limit], may_be_empty),
            NOW,
            named=columns,
        )

    @property
    def filled(self) -> Any:
        with self.store.read() as connection:
            return record_rows.get_source(connection, "hr").filled

    def forget_filled(self) -> None:
        with self.store.write() as connection:
            state = record_rows.get_source(connection, "hr")
            record_rows.put_source(connection, record_rows.SourceState("hr", state.head_seq))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with closing(scratch_store()) as store:
        yield Folder(tmp_path, store)


def column(cells: Cells) -> list[dict[str, Any]]:
    """Rows whose keys count from 0. The row of a cell `...` is missing."""
    return [{"id": f"{key:02}", "dept": cell} for key, cell in enumerate(cells) if cell is not ...]


def why(action: Callable[[], None]) -> str | None:
    try:
        action()
    except GuardStop as stop:
        return str(stop)
    return None


@pytest.mark.parametrize(
    ("before", "after", "limit", "stops"),
    [
        (["IT"] * 4, [""] * 4, FIFTH, True),
        (["IT"] * 4, [None] * 4, FIFTH, True),
        (["IT"] * 4, [" \u00a0\t"] * 4, FIFTH, True),
        (["IT"] * 4, ["", None, " ", "IT"], FIFTH, True),
        # at least three cells
        (["IT"] * 2, [""] * 2, FIFTH, False),
        (["IT", "IT", "", ""], [""] * 4, FIFTH, False),
        (["IT"] * 3, [""] * 3, FIFTH, True),
        # a share of the filled ones
        (["IT"] * 20, [""] * 4 + ["IT"] * 16, FIFTH, False),
        (["IT"] * 20, [""] * 5 + ["IT"] * 15, FIFTH, True),
        (["IT"] * 10 + [""] * 10, ["IT"] * 6 + [""] * 14, FIFTH, True),
        (["IT"] * 20, ["IT"] * 20, Limit.share(0), False),
        (["IT"] * 20, [""] * 20, Limit.share(100), False),
        # a number is meant as it stands
        (["IT"] * 20, [""] * 7 + ["IT"] * 13, Limit.parse("7"), False),
        (["IT"] * 20, [""] * 8 + ["IT"] * 12, Limit.parse("7"), True),
        (["IT"] * 20, [""] + ["IT"] * 19, Limit.parse("0"), True),
        # others than were filled before
        ([""] * 4, ["IT"] * 4, FIFTH, False),
        (["IT"] * 8, ["Law"] * 8, FIFTH, False),
        # only keys that are there both times
        (["IT"] * 8, [..., ..., ..., ..., "IT", "IT", "IT", "IT"], FIFTH, False),
        (["IT"] * 8, [*["IT"] * 8, *[""] * 20], FIFTH, False),
        (["IT"] * 8, [..., ..., ..., ..., "", "", "", "IT"], FIFTH, True),
        # lists, numbers, objects
        ([["a"]] * 4, [[]] * 4, FIFTH, True),
        ([["a"]] * 4, [[None, ""]] * 4, FIFTH, True),
        ([0, 0, 0, False], [None] * 4, FIFTH, True),
        ([{"a": 1}] * 4, [{}] * 4, FIFTH, True),
        ([1, 2, 3, 4], [0, 0, 0, False], FIFTH, False),
        ([["a"]] * 4, [["b", None]] * 4, FIFTH, False),
    ],
)
def test_a_column_that_lost_more_cells_than_the_limit_stops_its_source(
    folder: Folder, before: Cells, after: Cells, limit: Limit, stops: bool
) -> None:
    folder.ingest(column(before))

    message = why(lambda: folder.ingest(column(after), limit))

    assert (message is not None) is stops, message


def test_an_emptied_column_may_be_allowed_and_stays_empty(folder: Folder) -> None:
    folder.ingest(column(["IT"] * 4))
    folder.ingest(column([""] * 4), FIFTH, ["dept"])

    assert why(lambda: folder.ingest(column(["", "", "", "", "IT"]))) is None
    assert folder.filled == {"dept": 1}


def test_a_state_of_an_earlier_version_knows_what_was_filled(folder: Folder) -> None:
    folder.ingest(column(["IT"] * 10 + [""] * 90))
    folder.forget_filled()

    assert "lost 3 of 10 filled cells" in (
        why(lambda: folder.ingest(column([""] * 3 + ["IT"] * 7 + [""] * 90))) or ""
    )
    folder.ingest(column([""] * 2 + ["IT"] * 8 + [""] * 90))
    assert folder.filled == {"dept": 8}


def test_the_message_names_source_column_numbers_keys_and_option(folder: Folder) -> None:
    folder.ingest(column(["IT"] * 10))

    assert why(lambda: folder.ingest(column(["IT", *[""] * 9]))) == (
        'guard.max_emptied: source "hr" lost 9 of 10 filled cells of column "dept" (limit 20%,'
        " here 2) [SYNC-0509]\n"
        "  first: 01, 02, 03, 04, 05 and 4 more\n"
        "  allow this once: scimsync push --allow-emptied dept"
    )


def test_the_message_names_all_columns(folder: Folder) -> None:
    before = [row | {"job title": "Clerk", "city": "Bonn"} for row in column(["IT"] * 4)]
    after = [row | {"job title": "", "city": "Ulm"} for row in column([""] * 4)]
    names = ("dept", "job title", "city")
    folder.ingest(before, columns=names)

    assert why(lambda: folder.ingest(after, columns=names)) == (
        'guard.max_emptied: source "hr" lost 4 of 4 filled cells of column "dept" and 4 of 4'
        ' filled cells of column "job title" (limit 20%) [SYNC-0509]\n'
        "  first: 00, 01, 02, 03\n"
        "  allow this once: scimsync push --allow-emptied dept --allow-emptied 'job title'"
    )
    assert why(lambda: folder.ingest(after, FIFTH, ["dept"], names)) is not None
    assert why(lambda: folder.ingest(after, FIFTH, ["dept", "job title"], names)) is None


def test_a_column_that_another_source_still_has_is_emptied_where_it_is_missing(
    folder: Folder,
) -> None:
    folder.ingest(column(["IT"] * 6))
    without = [{"id": f"{key:02}", "name": "Ann"} for key in range(6)]
    names = ("dept", "name")

    assert why(lambda: folder.ingest(without, columns=names)) == (
        'guard.max_emptied: source "hr" lost 6 of 6 filled cells of column "dept" (limit 20%,'
        " here 2) [SYNC-0509]\n"
        "  allow this once: scimsync push --allow-emptied dept"
    )
    assert why(lambda: folder.ingest(without, FIFTH, ["dept"], names)) is None
    assert folder.filled == {"name": 6}
    assert why(lambda: folder.ingest(column(["IT"] * 6), columns=names)) is not None  # the name


def test_a_list_with_a_separator_counts_as_filled_where_it_has_items(folder: Folder) -> None:
    folder.ingest(column(["a;b"] * 4), lists={"dept": ";"})
    assert folder.filled == {"dept": 4}

    assert why(lambda: folder.ingest(column([" ; ;"] * 4), lists={"dept": ";"})) is not None


def test_the_filled_cells_of_each_ingest_are_recorded(folder: Folder) -> None:
    folder.ingest(column(["IT", "", None, " ", "Law"]))
    assert folder.filled == {"dept": 2}

    folder.ingest(column(["IT", "", None, " ", "Law"]))
    assert folder.filled == {"dept": 2}

    folder.ingest(column(["IT", "Law", ..., " ", "Law", "Law"]))
    assert folder.filled == {"dept": 4}


@pytest.mark.parametrize("text", ["!", "IT", "~", "~~", " IT", "\u00a0-", "\u00e9", "\x01", "null"])
def test_text_with_a_visible_character_is_filled(text: str) -> None:
    assert is_filled(TextForm.TEXT, text)
    assert is_filled(TextForm.LIST, text)


@pytest.mark.parametrize("text", [None, "", " ", "\t\r\n", "\u00a0\u2003", "\u200b", "\ufeff"])
def test_text_of_white_space_is_not_filled(text: str | None) -> None:
    assert not is_filled(TextForm.TEXT, text)
    assert not is_filled(TextForm.LIST, text)


@pytest.mark.parametrize(
    "value",
    ["IT", "it", "north", "7", "-", "#", "~", "\u00e9", 7, -1.5, 0, True, False, ["", "IT"]],
)
def test_json_with_a_value_is_filled(value: Any) -> None:
    assert is_filled(TextForm.JSON, json.dumps(value))
    assert is_filled(TextForm.JSON, json.dumps(value, ensure_ascii=False))


@pytest.mark.parametrize(
    "value", ["", " ", "\t\n", "\u00a0", "null", ",", "{}", [], {}, [""], [None, ["", " "]]]
)
def test_json_without_a_value_is_not_filled(value: Any) -> None:
    assert not is_filled(TextForm.JSON, json.dumps(value, ensure_ascii=False))


def is_filled(form: TextForm, text: str | None) -> object:
    sql = Column("dept", form, None).is_filled("$text")
    with duckdb.connect() as connection:
        row = connection.execute(f"select {sql}".replace("$text", "$text::varchar"), {"text": text})
        return row.fetchall()[0][0]
