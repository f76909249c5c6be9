"""Each account belongs to one person, whatever the target answers and whatever the state holds."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from scimsync.errors import StateError
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.state import link_store
from scimsync.state.store import open_state
from tests.office import Office, counts, people, person, resource
from tests.servers.faulty import FaultyServer

HOUR = timedelta(hours=1)


def owners(office: Office) -> dict[str, list[str]]:
    """Remote id -> the keys that are linked to it."""
    found: dict[str, list[str]] = {}
    for key, link in office.links().items():
        if link.has_account and link.remote_id is not None:
            found.setdefault(link.remote_id, []).append(key)
    return found


def answer_with(faulty: FaultyServer, user_id: str, status: int = 200) -> None:
    """The next POST changes nothing and answers with an account that exists."""
    faulty.fail("POST", status=status, body=faulty.users[user_id])
    faulty.faults[-1].headers = {"Content-Type": "application/scim+json"}


@pytest.mark.both_databases
@pytest.mark.parametrize("status", [200, 201])
def test_a_creation_that_answers_with_the_account_of_somebody_else_fails(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    office.hire(people(1))
    office.push()
    answer_with(faulty, "id-00001", status)
    office.hire(people(2))

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert "the target answered with the account of 00001 [SYNC-0370]" in ran.err
    assert owners(office) == {"id-00001": ["00001"]}
    assert counts(office.push(later=HOUR)) == {"create": 1}
    assert owners(office) == {"id-00001": ["00001"], "id-00002": ["00002"]}
    assert office.push().exit_code == 0


def test_an_account_that_was_made_behind_a_wrong_answer_is_not_left_to_a_leaver(
    office: Office, faulty: FaultyServer
) -> None:
    """The answer shows the account of somebody else, and yet one was made; then the user leaves."""
    office.configure(guard='min_records = "0%"\nmax_removals = 2')
    office.hire(people(2))
    office.push()
    answer_with(faulty, "id-00001")
    faulty.faults[-1].effect = True
    office.hire(people(3))
    assert office.push().exit_code == 4
    assert faulty.users["id-00003"]["active"] is True
    office.hire(people(2))

    outcome = office.push(later=HOUR)

    assert (counts(outcome), outcome.exit_code) == ({"deactivate": 1}, 0)
    assert faulty.users["id-00003"]["active"] is False


@pytest.mark.both_databases
def test_of_two_creations_with_one_id_only_the_first_is_linked(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.fail("POST", times=2, status=201, body={"id": "same"})
    office.hire(people(2))

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1}, 4)
    assert [len(keys) for keys in owners(office).values()] == [1]
    (failed,) = (one for one in office.journal() if one.status == "failed")
    (owner,) = owners(office)["same"]
    assert failed.detail == f"the target answered with the account of {owner} [SYNC-0370]"


def test_the_owner_is_read_and_repaired_after_somebody_elses_creation(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(1))
    office.push()
    answer_with(faulty, "id-00001")
    faulty.users["id-00001"]["displayName"] = "Given2 Family2"  # the POST overwrote the account
    office.hire(people(2))
    office.push()

    office.push(later=HOUR)

    assert faulty.users["id-00001"]["displayName"] == "Given1 Family1"


def test_a_creation_that_answers_with_an_account_of_nobody_fails(
    office: Office, faulty: FaultyServer
) -> None:
    chief = faulty.add(userName="root@example.com", displayName="Root")["id"]
    before = dict(faulty.users[chief])
    answer_with(faulty, chief)
    office.hire(people(1))

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert "the target answered with another account: userName 'root@example.com'" in ran.err
    assert owners(office) == {}
    assert counts(office.push(later=HOUR)) == {"create": 1}
    assert faulty.users[chief] == before


def test_an_answer_with_another_name_but_our_external_id_is_ours(
    office: Office, faulty: FaultyServer
) -> None:
    made = resource(person(1)) | {"id": "7", "userName": "tenant|person1@example.com"}
    faulty.fail("POST", status=201, body=made)
    office.hire(people(1))

    assert counts(office.push()) == {"create": 1}
    assert owners(office) == {"7": ["00001"]}


@pytest.mark.both_databases
def test_the_database_refuses_a_second_owner(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    office.push()
    second = Link(Kind.USER, Key("x"), LinkStatus.ACTIVE, RemoteId("id-00001"))

    with (
        closing(open_state(office.state_url, office.folder, create=True)) as store,
        pytest.raises(StateError),
        store.write() as connection,
    ):
        link_store.put_links(connection, "wiki", [second])

    assert owners(office) == {"id-00001": ["00001"]}


@pytest.mark.both_databases
def test_a_link_that_gives_an_account_up_makes_way_for_another_one(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(1))
    office.push()
    new = Link(Kind.USER, Key("00000"), LinkStatus.ACTIVE, RemoteId("id-00001"))
    old = Link(Kind.USER, Key("00001"), LinkStatus.DELETED, RemoteId("id-00001"))

    with (
        closing(open_state(office.state_url, office.folder, create=True)) as store,
        store.write() as connection,
    ):
        link_store.put_links(connection, "wiki", [new, old])

    assert owners(office) == {"id-00001": ["00000"]}


def test_an_import_with_two_owners_is_refused(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(2))
    office.push()
    office.run("state", "export", "state.ndjson")
    text = (office.folder / "state.ndjson").read_text()
    office.write("state.ndjson", text.replace('"id-00002"', '"id-00001"'))
    (office.folder / "scimsync.db").unlink()

    ran = office.run("state", "import", "state.ndjson")

    assert ran.code == 2, ran.err
    assert "00002 and 00001 are linked to the same user at wiki" in ran.err
    assert "nothing was imported" in ran.err
    assert office.links() == {}


# Duplicates in a state of an earlier version


@pytest.fixture
def duplicates(office: Office, faulty: FaultyServer) -> Office:
    """Two keys are linked to one account, as the migration leaves them."""
    office.hire(people(3))
    office.push()
    office.sql("UPDATE link SET shared = true WHERE key IN ('00001', '00002')")
    office.sql("UPDATE link SET remote_id = 'id-00001' WHERE key = '00002'")
    office.sql("UPDATE link SET next_try_at = '2000-01-01 00:00:00' WHERE shared")
    del faulty.users["id-00002"]
    faulty.forget()
    return office


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "rows",
    [people(3), [person(1, dept="Law"), person(2, dept="Press"), person(3)], people(3)[2:]],
    ids=["nothing changed", "both changed", "both left"],
)
def test_nothing_is_sent_about_an_account_with_two_owners(
    duplicates: Office, faulty: FaultyServer, rows: list[dict[str, str]]
) -> None:
    office = duplicates
    office.configure(guard='min_records = "0%"')
    office.hire(rows)

    for _ in range(2):
        ran = office.run("push")
        assert ran.code == 4, ran.err
        for key, other in (("00001", "00002"), ("00002", "00001")):
            assert (
                f"{key}: wiki: the account id-00001 is linked to {other} too; nothing is sent about"
                " it [SYNC-0371]"
            ) in ran.err
    assert faulty.seen == []


def test_a_plan_says_so_too(duplicates: Office) -> None:
    ran = duplicates.run("plan", "--json")

    assert [problem["key"] for problem in ran.document["problems"]] == ["00001", "00002"]


def test_the_only_owner_left_is_an_ordinary_one(duplicates: Office, faulty: FaultyServer) -> None:
    office = duplicates
    office.sql("DELETE FROM link WHERE key = '00002'")
    office.hire([person(1, dept="Law"), *people(3)[1:]])

    assert counts(office.push()) == {"update": 1}
    assert office.sql("SELECT count(*) FROM link WHERE shared") == [(0,)]
    assert office.push().exit_code == 0
