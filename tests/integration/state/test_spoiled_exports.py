"""An export with wrong values is refused as a whole, or holds what the program can read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.errors import ExportError
from scimsync.model.ids import Kind
from scimsync.model.operations import OperationFilter
from scimsync.state import (
    link_store,
    operation_journal,
    record_rows,
    run_rows,
    target_states,
    transfer,
)
from scimsync.state.store import Store, scratch_store
from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import MANAGER, USER, Office, people, person

Lines = list[bytes]

LONG = "9" * 40
VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        2**31,
        2**63 - 1,
        1.5,
        "",
        "x",
        "{}",
        "[]",
        "null",
        "[[1, 2, 3]]",
        '{"a": 1}',
        '{"a": {"$ref": 1}}',
        LONG,
        "[" * 5000,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-13-01",
        "active",
        "user",
        [],
        ["x"],
        {},
        {"x": 1},
    ]
)


def read_everything(store: Store) -> None:
    """Read what commands read."""
    with store.read() as connection:
        for name in ("wiki", ""):
            for kind in Kind:
                link_store.get_links(
                    connection, name, kind, link_store.all_keys(connection, name, kind)
                )
            target_states.get_targets(connection, [name])
        record_rows.get_source(connection, "hr")
        record_rows.get_records(connection, ["hr"], [row["id"] for row in people(4)])  # type: ignore[misc]
        run_rows.last(connection, 10)
        list(operation_journal.find(connection, OperationFilter()))


def imported(lines: Iterable[bytes]) -> bool:
    """Whether an import of these lines succeeds. If not, it left nothing behind."""
    with closing(scratch_store()) as store:
        try:
            transfer.import_(store, lines, "state.ndjson")
        except ExportError as error:
            message = str(error)
        else:
            read_everything(store)
            return True
        assert message.startswith("state.ndjson")
        assert len(list(transfer.export(store, Office.now))) == 2
        return False


@pytest.fixture
def lines(real_office: Office) -> Lines:
    """The export of a company with groups, managers, and an operation that failed."""
    real_office.configure(user=USER + MANAGER, more=BY_DEPARTMENT)
    real_office.hire([*people(2), person(3, manager="00001"), person(4, email="")])
    assert real_office.run("push").code == 4
    assert real_office.run("state", "export", "state.ndjson").code == 0
    return (real_office.folder / "state.ndjson").read_bytes().splitlines(keepends=True)


def test_values_of_another_kind_are_refused_or_can_be_read(lines: Lines) -> None:
    rows = [json.loads(line) for line in lines]
    columns = {(row[0], name): at for at, row in enumerate(rows) if isinstance(row, list)
               for name in row[1]}  # fmt: skip
    spoiled: set[bool] = set()

    @settings(max_examples=80, derandomize=True)
    @given(st.sampled_from(sorted(columns)), VALUES)
    def check(place: tuple[str, str], value: Any) -> None:
        at = columns[place]
        row = [place[0], rows[at][1] | {place[1]: value}]
        spoiled.add(imported([*lines[:at], json.dumps(row).encode() + b"\n", *lines[at + 1 :]]))

    check()
    assert spoiled == {True, False}


@settings(max_examples=25, derandomize=True)
@given(st.data())
def check_shapes(lines: Lines, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(
        st.sampled_from(
            [
                [],
                [lines[at], lines[at]],
                [lines[at][:-5]],
                [lines[at].replace(b'"', b"'")],
                [b"[" * 10_000],
                [b"null\n"],
                [b"3\n"],
                [b'"link"\n'],
                [b'["link"]\n'],
                [b'["link", {}]\n'],
                [b'["lease", {}]\n'],
                [b'[["link"], {}]\n'],
                [b'{"rows": true}\n'],
                [b'{"rows": 1e999}\n'],
                [b'{"rows": "' + LONG.encode() + b'"}\n'],
                [b"\xff\xfe\n"],
                [b"\0\n"],
            ]
        )
    )
    assert not imported([*lines[:at], *other, *lines[at + 1 :]])


def test_lines_of_another_shape_are_refused(lines: Lines) -> None:
    assert imported(lines)

    check_shapes(lines)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            b'"kind":"user"',
            b'"kind":"robot"',
            "state.ndjson, line {line}: not a row of an export [SYNC-0613]\n"
            "  nothing was imported\n",
        ),
        (
            b'"failures":0',
            b'"failures":"none"',
            "state.ndjson, line {line}: not a row of an export [SYNC-0613]\n"
            "  nothing was imported\n",
        ),
    ],
)
def test_the_message_names_the_line(
    office: Office, lines: Lines, before: bytes, after: bytes, message: str
) -> None:
    at = next(number for number, line in enumerate(lines) if before in line)
    lines[at] = lines[at].replace(before, after)
    (office.folder / "state.ndjson").write_bytes(b"".join(lines))
    for left in office.folder.glob("scimsync.db*"):
        left.unlink()

    ran = office.run("state", "import", "state.ndjson")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == message.format(line=at + 1)
    assert office.links() == {}
