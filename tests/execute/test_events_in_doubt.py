"""A push that dies right after a request was carried out: its event is exported all the same."""

from __future__ import annotations

import pytest

from tests.execute.story import SOON, Proxied, pushed_until
from tests.lifecycle.test_groups import team, with_teams, write_teams
from tests.office import Office, Row, person
from tests.security_events import audit_table, in_file, short

pytestmark = pytest.mark.both_databases

PEOPLE = [person(number, rights="") for number in range(1, 4)]
TEAMS = [team("z"), team("a", 1)]

CASES: dict[str, tuple[list[Row], list[Row], str, str, list[str]]] = {
    "a user is created": (
        [*PEOPLE, person(4, rights="")],
        TEAMS,
        "create",
        "00004",
        ["create:notice"],
    ),
    "a user is changed": (
        [person(1, rights="", family="Other"), *PEOPLE[1:]],
        TEAMS,
        "update",
        "00001",
        ["patch:notice"],
    ),
    "a user is deactivated": (PEOPLE[:2], TEAMS, "deactivate", "00003", ["deactivate"]),
    "a group is created": (
        PEOPLE,
        [*TEAMS, team("b")],
        "create",
        "b",
        ["create:notice"],
    ),
    "a group is renamed": (
        PEOPLE,
        [team("z"), team("a", 1, name="Renamed")],
        "update",
        "a",
        ["patch:notice"],
    ),
    "a group is deleted": (PEOPLE, [team("a", 1)], "delete", "z", ["delete"]),
    "a member is added": (
        PEOPLE,
        [team("z"), team("a", 1, 2)],
        "add_members",
        "a",
        ["patch:notice"],
    ),
    "a member is removed": (
        PEOPLE,
        [team("z"), team("a")],
        "remove_members",
        "a",
        ["patch:notice"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_carried_out_is_one_event(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    office, _ = proxied
    users, teams, action, key, expected = CASES[case]
    with_teams(office)
    text = (office.folder / "sync.toml").read_text("utf-8")
    office.write("sync.toml", text + audit_table(office.folder, 'file = "events.ndjson"'))
    office.hire(PEOPLE)
    write_teams(office, TEAMS)
    push(office)
    before = len(events(office))
    office.hire(users)
    write_teams(office, teams)
    pushed_until(office, monkeypatch, lambda entry: entry.action == action)
    office.now += SOON
    push(office)
    push(office)

    found = [(named, list(names)) for named, names in events(office)[before:]]
    assert found == [(key, expected)]


def events(office: Office) -> list[tuple[str, dict[str, object]]]:
    return short(in_file(office.folder / "events.ndjson"))


def push(office: Office) -> None:
    ran = office.run("push")
    assert ran.code == 0, ran.err
