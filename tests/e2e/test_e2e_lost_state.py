"""Links are the truth, the rest can be rebuilt: what is lost costs time and sends nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.office import MANAGER, USER, Office, bare, counts, people, person, resource
from tests.servers.faulty import FaultyServer

pytestmark = pytest.mark.both_databases

INDEX = "hr.index.duckdb"


def _truncate(office: Office) -> None:
    path = office.folder / INDEX
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _damage(office: Office) -> None:
    path = office.folder / INDEX
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)


def _folder(office: Office) -> None:
    (office.folder / INDEX).unlink()
    (office.folder / INDEX).mkdir()


def _cursor_and_index(office: Office) -> None:
    office.sql("UPDATE target SET cursor = 0")
    _unlink(office)


def _all_of_it(office: Office) -> None:
    office.sql("DELETE FROM target")
    office.sql("UPDATE source SET digest = NULL")
    _unlink(office)


def _unlink(office: Office) -> None:
    (office.folder / INDEX).unlink()


LOSSES: dict[str, Callable[[Office], object]] = {
    "nothing": lambda office: None,
    "index": _unlink,
    "half of the index": _truncate,
    "index overwritten": lambda office: office.write(INDEX, "this is no index"),
    "index emptied": lambda office: (office.folder / INDEX).write_bytes(b""),
    "blocks of the index": _damage,
    "a folder in place of the index": _folder,
    "cursor": lambda office: office.sql("UPDATE target SET cursor = 0"),
    "target": lambda office: office.sql("DELETE FROM target"),
    "digest of the file": lambda office: office.sql("UPDATE source SET digest = NULL"),
    "cursor and index": _cursor_and_index,
    "target, digest and index": _all_of_it,
}


@pytest.mark.parametrize("lost", LOSSES)
def test_what_is_lost_sends_nothing(office: Office, faulty: FaultyServer, lost: str) -> None:
    office.configure(user=USER + MANAGER, guard='min_records = "0%"\nmax_removals = 20')
    office.hire([person(1), *(person(number, manager="00001") for number in range(2, 41))])
    office.push()
    office.hire([person(1), *(person(number, manager="00001") for number in range(2, 31))])
    assert counts(office.push()) == {"deactivate": 10}
    faulty.forget()

    LOSSES[lost](office)

    assert office.plan() == []
    outcome = office.push()
    assert (counts(outcome), outcome.exit_code) == ({}, 0)
    assert faulty.seen == []
    assert office.plan() == []


def test_a_change_is_found_although_index_and_cursor_are_lost(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(40))
    office.push()
    faulty.forget()
    LOSSES["target, digest and index"](office)
    office.hire([person(1, dept="Sales"), *people(41)[1:39], person(41)])

    assert counts(office.push()) == {"create": 1, "update": 1, "deactivate": 1}
    assert [str(one) for one in faulty.written()] == [
        "PATCH /Users/id-00040",
        "PATCH /Users/id-00001",
        "POST /Users",
    ]


@pytest.mark.sqlite
def test_a_lost_state_database_adopts_all_accounts_and_changes_none(real_office: Office) -> None:
    rows = people(30)
    real_office.hire(rows)
    real_office.push()
    before = real_office.accounts()
    for file in real_office.folder.glob("scimsync.db*"):
        file.unlink()

    assert counts(real_office.push()) == {"adopt": 30}

    assert real_office.accounts() == before
    assert {name: bare(user) for name, user in before.items()} == {
        row["email"].lower(): resource(row) for row in rows
    }
    assert real_office.push().targets["wiki"].requests == 0


def test_a_file_written_again_with_the_same_content_sends_nothing(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(10))
    office.push()
    faulty.forget()

    office.hire(reversed(people(10)))

    assert (office.plan(), counts(office.push()), faulty.seen) == ([], {}, [])


def test_a_column_that_nobody_maps_costs_nothing(office: Office, faulty: FaultyServer) -> None:
    office.hire(person(number) | {"last_seen": "Monday"} for number in range(1, 11))
    office.push()
    faulty.forget()

    office.hire(person(number) | {"last_seen": "Tuesday"} for number in range(1, 11))

    assert (office.plan(), counts(office.push()), faulty.seen) == ([], {}, [])
