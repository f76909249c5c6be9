"""`reconcile` shows how a target differs from what it acknowledged, and concludes no more than the
target proves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.office import USER, Json, Office, people, person
from tests.reconcile.hands import found
from tests.servers.faulty import FaultyServer, Reply, Seen, error_reply
from tests.servers.lying import LyingServer, listing, running_lying_server

GROUPS = '[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"'


@pytest.fixture
def pushed(office: Office) -> Office:
    """Five people have accounts."""
    office.hire(people(5))
    assert office.run("push").code == 0
    return office


@pytest.fixture
def liar() -> Iterator[LyingServer]:
    with running_lying_server(unique_names=True) as server:
        yield server


def test_an_untouched_target_has_no_drift(pushed: Office, faulty: FaultyServer) -> None:
    faulty.forget()

    ran = pushed.run("reconcile", "--exit-code")

    assert ran.code == 0
    assert re.fullmatch(r"wiki: 5 accounts compared, no drift \(1 request, \d+\.\d s\)\n", ran.out)
    assert faulty.written() == []


def test_findings_name_the_account_and_both_values(pushed: Office, faulty: FaultyServer) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"
    faulty.users["id-00003"]["active"] = False
    del faulty.users["id-00004"]
    faulty.add(userName="guest@example.com", active=True, id="x")

    ran = pushed.run("reconcile")

    assert ran.code == 0
    assert ran.out.splitlines()[:-1] == [
        "wiki",
        "  changed      00002  person2@example.com (account id-00002)",
        '      displayName  "Given2 Family2" → "Else"',
        "  deactivated  00003  person3@example.com (account id-00003)",
        "  vanished     00004  person4@example.com (account id-00004)",
        "  unmanaged    guest@example.com  account id-1",
        "",
    ]
    assert "4 accounts compared, 1 unmanaged, 1 vanished, 1 deactivated, 1 changed" in ran.out


def test_the_document_has_each_finding(pushed: Office, faulty: FaultyServer) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"

    ran = pushed.run("reconcile", "--json", "--exit-code")

    assert ran.code == 6
    assert ran.document["drift"] == 1
    target = ran.document["targets"]["wiki"]
    assert target["counts"] == {"changed": 1}
    assert target["findings"] == [
        {
            "drift": "changed",
            "kind": "user",
            "key": "00002",
            "id": "id-00002",
            "name": "person2@example.com",
            "changes": [{"path": "displayName", "acknowledged": "Given2 Family2", "shown": "Else"}],
            "others": [],
            "member": None,
            "detail": None,
        }
    ]
    assert (target["incomplete"], target["error"], target["unreadable"]["count"]) == (None, None, 0)


def test_nothing_is_stored_and_the_next_push_does_nothing(
    pushed: Office, faulty: FaultyServer
) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"
    before = pushed.links()

    pushed.run("reconcile")

    assert pushed.links() == before
    faulty.forget()
    assert pushed.run("push").code == 0
    assert faulty.seen == []


def test_protected_accounts_are_left_out(pushed: Office, faulty: FaultyServer) -> None:
    pushed.configure(target="protect = ['userName sw \"svc-\"', 'displayName eq \"Else\"']")
    faulty.add(userName="svc-backup", active=True)
    faulty.users["id-00002"]["displayName"] = "Else"

    assert found(pushed.run("reconcile", "--json").document) == set()


def test_a_target_that_is_down_has_an_error_and_no_findings(
    pushed: Office, faulty: FaultyServer
) -> None:
    faulty.fail(status=500, times=99)

    ran = pushed.run("reconcile", "--exit-code")

    assert (ran.code, ran.out) == (1, "")
    assert "[SYNC-0405]" in ran.err


def test_before_the_first_push_every_account_is_unmanaged(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="ann@example.com", active=True)
    office.hire(people(1))

    found_here = found(office.run("reconcile", "--json").document)

    assert found_here == {("unmanaged", None, "ann@example.com")}
    assert not (office.folder / "scimsync.db").exists()


def test_an_attribute_that_the_target_never_shows_is_not_compared(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.configure(user=USER + '\ntitle = "given"')
    office.hire(people(5))
    office.push()
    for user in faulty.users.values():
        del user["title"]

    ran = office.run("reconcile")

    assert ran.code == 0
    assert "5 accounts compared, no drift" in ran.out
    assert "title is not compared: the target shows it for none of 5 accounts" in ran.err


def test_a_list_that_leaves_attributes_out_is_made_up_for(
    pushed: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list shows ids and names only; each account is read then."""
    honest = faulty.answer

    def answer(seen: Seen) -> Reply:
        reply = honest(seen)
        if seen.path == "/Users" and isinstance(reply.body, dict):
            resources = [
                {name: one[name] for name in ("id", "userName", "active")}
                for one in reply.body["Resources"]
            ]
            return Reply(200, {**reply.body, "Resources": resources})
        return reply

    monkeypatch.setattr(faulty, "answer", answer)
    faulty.users["id-00002"]["displayName"] = "Else"

    ran = pushed.run("reconcile", "--json")

    assert found(ran.document) == {("changed", "00002", "displayName")}
    assert ran.document["targets"]["wiki"]["notes"] == []


Change = Callable[[list[Json], Seen], Reply]


def cut(users: list[Json], seen: Seen) -> Reply:
    """Each page lacks its last account; the total is right."""
    reply = listing(users, seen, 3)
    assert isinstance(reply.body, dict)
    reply.body["Resources"] = reply.body["Resources"][:-1]
    return reply


def too_few(users: list[Json], seen: Seen) -> Reply:
    """The list and its total lack an account."""
    return listing(users[:-1], seen, 3)


def repeats(users: list[Json], seen: Seen) -> Reply:
    """Every page is the first."""
    body = listing(users, Seen("GET", "/Users", {}, {}, None), 3).body
    return Reply(200, body)


def other_totals(users: list[Json], seen: Seen) -> Reply:
    """The total grows from page to page, and the last page is empty."""
    reply = listing(users[:-1], seen, 3)
    assert isinstance(reply.body, dict)
    reply.body["totalResults"] += int(seen.query.get("startIndex", "1"))
    return reply


def ends_in_an_error(users: list[Json], seen: Seen) -> Reply:
    """The second page is refused."""
    if seen.query.get("startIndex", "1") != "1":
        return error_reply(400, "not so")
    return listing(users, seen, 3)


def no_total(users: list[Json], seen: Seen) -> Reply:
    """One page without a total."""
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "Resources": users[:3],
    }
    return Reply(
        200, body if seen.query.get("startIndex", "1") == "1" else {**body, "Resources": []}
    )


def empty(users: list[Json], seen: Seen) -> Reply:
    """A whole list of nothing."""
    return listing([], seen, 3)


@pytest.mark.parametrize(
    "answer_list", [cut, too_few, repeats, other_totals, ends_in_an_error, no_total, empty]
)
@pytest.mark.parametrize("number", [8, 7])
def test_a_list_that_is_not_whole_makes_no_account_vanish(
    pushed: Office,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    answer_list: Change,
    number: int,
) -> None:
    pushed.hire(people(number))
    assert pushed.run("push").code == 0
    honest = faulty.answer

    def answer(seen: Seen) -> Reply:
        if seen.path == "/Users" and seen.method == "GET" and "filter" not in seen.query:
            return answer_list(list(faulty.users.values()), seen)
        return honest(seen)

    monkeypatch.setattr(faulty, "answer", answer)
    faulty.users["id-00001"]["displayName"] = "Else"

    ran = pushed.run("reconcile", "--json")

    assert found(ran.document) == {("changed", "00001", "displayName")}
    is_shown_whole = answer_list is too_few
    assert ran.code == (0 if is_shown_whole else 1)
    assert (ran.document["targets"]["wiki"]["incomplete"] is None) is is_shown_whole


def test_a_404_to_everything_makes_no_account_vanish(pushed: Office, faulty: FaultyServer) -> None:
    """A gateway answers; only the list still comes, without the account."""
    gone = faulty.users.pop("id-00003")
    faulty.fail(
        "GET",
        status=404,
        body={"error": "no route"},
        where=lambda seen: "filter" in seen.query,
        times=99,
    )

    ran = pushed.run("reconcile", "--json")

    # the list, which is shown to be whole, has others and not this one
    assert found(ran.document) == {("vanished", "00003", None)}
    faulty.users["id-00003"] = gone
    faulty.fail(
        "GET",
        status=404,
        body={"error": "no route"},
        where=lambda seen: seen.path != "/Users",
        times=99,
    )
    del faulty.users["id-00004"]
    faulty.add(userName="a@example.com", externalId="00004", active=True)
    assert found(pushed.run("reconcile", "--json").document) <= {
        ("new id", "00004", None),
        ("unmanaged", None, "a@example.com"),
    }


def test_an_account_with_a_new_id_is_neither_gone_nor_unmanaged(
    pushed: Office, faulty: FaultyServer
) -> None:
    user = faulty.users.pop("id-00003")
    faulty.users["new"] = {**user, "id": "new"}

    document = pushed.run("reconcile", "--json").document

    assert found(document) == {("new id", "00003", None)}
    assert document["targets"]["wiki"]["findings"][0]["detail"] == "new"


def test_an_id_that_was_given_to_somebody_else_is_told(
    pushed: Office, faulty: FaultyServer
) -> None:
    faulty.users["id-00003"] |= {"externalId": "77", "userName": "else@example.com"}

    document = pushed.run("reconcile", "--json").document

    assert found(document) == {("reassigned", "00003", None)}


def test_a_group_that_shows_no_members_proves_nothing_alone(
    liar: LyingServer, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", liar.token)
    lying = Office(office.folder, liar.url, liar.token, time=office.time)
    lying.configure(more=GROUPS)
    lying.hire([*people(3), person(4, dept="Law"), person(5, dept="Law")])
    assert lying.run("push").code == 0
    assert found(lying.run("reconcile", "--json").document) == set()
    shown = dict(liar.groups)

    for name in shown:
        liar.groups[name] = {**shown[name], "members": []}
    hidden = lying.run("reconcile", "--json")

    assert (hidden.code, found(hidden.document)) == (1, set())
    assert hidden.document["targets"]["wiki"]["unreadable"]["count"] == 2

    liar.groups["IT-0"] = shown["IT-0"]
    one = lying.run("reconcile", "--json")

    law = "departments:Law"
    assert found(one.document) == {
        ("member removed", law, "00004"),
        ("member removed", law, "00005"),
    }
    assert one.code == 0
