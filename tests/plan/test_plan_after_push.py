"""Whatever a population and its next day are: after a push nothing is left to do, and the target
says what the file says."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.office import ENTERPRISE, MANAGER, USER, Office, Row, person
from tests.servers.faulty import Json, running_faulty_server

NUMBERS = range(1, 7)
LOOSE = 'min_records = "0%"\nmax_removals = 100\nmax_updates = 100\nmax_identity_changes = 100'


@st.composite
def days(draw: st.DrawFn) -> list[Row]:
    """Some of six people, each with a name, a department and a manager of that day; nobody shares a
    name."""
    there = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, unique=True))
    names = draw(st.permutations(NUMBERS))
    return [
        person(
            number,
            email=f"Person{names[number - 1]}@example.com",
            dept=draw(st.sampled_from(["IT", "Sales", ""])),
            manager=draw(st.sampled_from(["", *(f"{other:05}" for other in NUMBERS)])),
        )
        for number in there
    ]


def said(user: Json, key_of: dict[str, str]) -> tuple[object, ...]:
    """What an account holds, references by key."""
    extension = user.get(ENTERPRISE, {})
    manager = extension.get("manager", {}).get("value")
    names = (user["userName"], user["emails"], user["name"], user["displayName"])
    return (*names, extension.get("department"), key_of.get(manager, manager), user["active"])


def wanted(row: Row, keys: set[str]) -> tuple[object, ...]:
    name = row["email"].lower()
    return (
        name,
        [{"type": "work", "value": name, "primary": True}],
        {"givenName": row["given"], "familyName": row["family"]},
        f"{row['given']} {row['family']}",
        row["dept"] or None,
        row["manager"] if row["manager"] in keys else None,
        True,
    )


@pytest.mark.parametrize("leave", ["deactivate", "delete"])
@settings(max_examples=12, derandomize=True, suppress_health_check=list(HealthCheck))
@given(story=st.lists(days(), min_size=2, max_size=3))
def test_after_each_push_the_plan_is_empty(leave: str, story: list[list[Row]]) -> None:
    with (
        pytest.MonkeyPatch.context() as patched,
        tempfile.TemporaryDirectory() as folder,
        running_faulty_server() as server,
    ):
        patched.setenv("WIKI_TOKEN", server.token)
        office = Office(Path(folder), server.url, server.token)
        office.configure(
            user=USER + MANAGER, target=f'leave = {{ action = "{leave}" }}', guard=LOOSE
        )
        for rows in story:
            office.hire(rows)
            outcome = office.push()
            tries = 0
            # a name that a leaver holds, or that is freed in this very push
            while outcome.exit_code == 4 and tries < 2:
                tries += 1
                outcome = office.push(later=timedelta(hours=1))
            assert office.plan() == []
            server.forget()
            again = office.push()
            assert [str(one) for one in server.written()] == []
            links = office.links()
            key_of = {link.remote_id: key for key, link in links.items() if link.remote_id}
            failed = {problem.key for problem in again.problems}
            keys = {row["id"] for row in rows}
            for row in rows:
                if row["id"] not in failed:
                    remote_id = links[row["id"]].remote_id
                    assert remote_id is not None
                    told = said(
                        server.users[remote_id], {str(key): value for key, value in key_of.items()}
                    )
                    known = keys | {key for key, link in links.items() if link.has_account}
                    assert told == wanted(row, known - (failed - set(key_of.values())))
            assert len(key_of) == len({link.remote_id for link in links.values() if link.remote_id})
            gone = [link for key, link in links.items() if key not in keys]
            assert all(link.status in ("inactive", "deleted") for link in gone)
