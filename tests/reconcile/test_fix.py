"""`reconcile --fix` repairs what a reconciliation found, through plan, guards and journal."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import pytest

from scimsync.execute import executor
from scimsync.execute.operation_outcome import OperationOutcome
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.state.store import Store
from tests.execute.story import Killed
from tests.office import USER, Office, counts, people, person
from tests.reconcile.hands import GROUPS, Hands, all_held, found, staff
from tests.servers.faulty import FaultyServer, Reply, Seen
from tests.servers.lying import running_lying_server

LEASES_END = timedelta(minutes=10)
NO_GUARD = 'max_removals = 1000\nmax_updates = "100%"'


@pytest.fixture
def pushed(office: Office) -> Office:
    """Ten people have accounts, and one has left."""
    office.hire(people(10))
    assert office.run("push").code == 0
    office.hire(people(9))
    assert office.run("push").code == 0
    return office


@pytest.fixture
def grouped(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Thirty people in five groups, at a server that carries out all requests."""
    with running_lying_server(unique_names=True) as server:
        monkeypatch.setenv("WIKI_TOKEN", server.token)
        one = Office(office.folder, server.url, server.token, time=office.time)
        one.configure(more=GROUPS, guard=NO_GUARD, target='unmanaged = "deactivate"')
        one.hire(staff(36))
        assert one.run("push").code == 0
        one.hire(staff(30))
        assert one.run("push").code == 0
        yield one


def written(faulty: FaultyServer) -> list[str]:
    return sorted(str(seen) for seen in faulty.written())


def test_a_repair_that_a_guard_stops_leaves_the_links_as_they_were(
    pushed: Office, faulty: FaultyServer
) -> None:
    for number in range(1, 9):
        faulty.users[f"id-{number:05}"]["displayName"] = "Else"
    faulty.users["id-00010"]["active"] = True
    before = pushed.links()
    pushed.configure(guard="max_updates = 2")
    pushed.now += timedelta(hours=1)
    faulty.forget()

    ran = pushed.run("reconcile", "--fix")

    assert (ran.code, written(faulty)) == (3, [])
    assert pushed.links() == before
    assert "10 accounts compared, 1 reactivated, 8 changed" in pushed.run("reconcile").out


def test_only_what_differs_is_sent(pushed: Office, faulty: FaultyServer) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"
    faulty.users["id-00010"]["active"] = True
    pushed.hire([person(1, dept="Sales"), *people(9)[1:]])  # not read
    faulty.forget()

    ran = pushed.run("reconcile", "--fix")

    assert (ran.code, written(faulty)) == (0, ["PATCH /Users/id-00002", "PATCH /Users/id-00010"])
    assert "wiki: 1 update, 1 deactivate" in ran.out
    assert faulty.users["id-00002"]["displayName"] == "Given2 Family2"
    assert not faulty.users["id-00010"]["active"]
    assert pushed.run("reconcile", "--exit-code").code == 0
    assert counts(pushed.push()) == {"update": 1}


def test_without_drift_nothing_is_pushed(pushed: Office, faulty: FaultyServer) -> None:
    runs = len(pushed.run("runs", "--json").document["runs"])

    assert pushed.run("reconcile", "--fix").code == 0

    assert len(pushed.run("runs", "--json").document["runs"]) == runs


def test_a_guard_stops_a_repair_as_it_stops_a_push(pushed: Office, faulty: FaultyServer) -> None:
    pushed.configure(target='unmanaged = "deactivate"')
    pushed.run("push")
    for number in range(8):
        faulty.add(userName=f"guest{number}@example.com", active=True)
    faulty.forget()

    ran = pushed.run("reconcile", "--fix")

    assert (ran.code, faulty.written()) == (3, [])
    assert "guard.max_removals: 8 of 17" in ran.err or "guard.max_removals: 8 of" in ran.err
    assert pushed.run("reconcile", "--fix", "--allow-removals", "8").code == 0
    guests = [user for user in faulty.users.values() if user["userName"].startswith("guest")]
    assert [user["active"] for user in guests] == [False] * 8
    assert pushed.run("reconcile", "--exit-code").code == 0


def test_a_limit_is_lifted_for_a_repair_only(pushed: Office) -> None:
    ran = pushed.run("reconcile", "--allow-removals", "8")
    assert (ran.code, "[SYNC-0916]" in ran.err) == (2, True)


@pytest.mark.parametrize("leave", ["deactivate", "delete", "keep"])
def test_unmanaged_accounts_are_deactivated_and_never_deleted(
    pushed: Office, faulty: FaultyServer, leave: str
) -> None:
    protect = "protect = ['userName sw \"svc-\"']"
    pushed.configure(
        target=f'unmanaged = "deactivate"\nleave = {{ action = "{leave}" }}\n{protect}'
    )
    pushed.run("push")
    guest = faulty.add(userName="guest@example.com", active=True)
    service = faulty.add(userName="svc-backup", active=True)

    ran = pushed.run("reconcile", "--fix")

    assert ran.code == 0
    assert not faulty.users[guest["id"]]["active"]
    assert faulty.users[service["id"]]["active"]
    (operation,) = pushed.journal()
    assert (operation.key, operation.action) == (f" (unmanaged) {guest['id']}", "deactivate")
    assert operation.reason == "no user is linked to it"
    assert pushed.links().keys() == {row["id"] for row in people(10)}


@pytest.fixture
def strict(pushed: Office) -> Office:
    """The office of `pushed`, where unmanaged accounts are deactivated."""
    pushed.configure(target='unmanaged = "deactivate"\nscope = "dept != \'Left\'"')
    pushed.run("push")
    return pushed


def fixed(office: Office, faulty: FaultyServer, code: int = 0) -> str:
    """What `reconcile --fix` prints to stderr where it deactivates nothing."""
    faulty.forget()
    ran = office.run("reconcile", "--fix")
    assert (ran.code, faulty.written()) == (code, [])
    assert all(user["active"] for user in faulty.users.values() if user["id"] != "id-00010")
    return ran.err


def test_an_account_that_nobody_knows_is_deactivated_beside_one_that_a_user_matches(
    strict: Office, faulty: FaultyServer
) -> None:
    strict.hire([*people(9), person(11, dept="Left")])
    strict.push()
    mine = faulty.add(userName="PERSON11@example.com", active=True)
    guest = faulty.add(userName="guest@example.com", active=True)

    ran = strict.run("reconcile", "--fix")

    assert ran.code == 0
    assert faulty.users[mine["id"]]["active"]
    assert not faulty.users[guest["id"]]["active"]
    assert (
        f"wiki: PERSON11@example.com (account {mine['id']}) is not deactivated: it has the userName"
        " of 00011 [SYNC-0522]"
    ) in ran.err


def test_the_second_account_of_an_ambiguous_user_is_not_deactivated(
    strict: Office, faulty: FaultyServer
) -> None:
    for name in ("a@example.com", "b@example.com"):
        faulty.add(userName=name, externalId="00011", active=True)
    strict.hire([*people(9), person(11)])
    assert strict.run("push").code == 4

    said = fixed(strict, faulty)

    assert "a@example.com" in said
    assert said.count("it has the externalId of 00011 [SYNC-0522]") == 2


@pytest.mark.parametrize("match", ['["userName"]', '["externalId"]'])
def test_external_id_and_user_name_count_whatever_accounts_are_matched_by(
    pushed: Office, faulty: FaultyServer, match: str
) -> None:
    pushed.configure(target=f'unmanaged = "deactivate"\nmatch = {match}')
    pushed.run("push")
    faulty.add(userName="other@example.com", externalId="00001", active=True)
    faulty.add(userName="PERSON2@example.com", externalId="elsewhere", active=True)
    faulty.forget()

    ran = pushed.run("reconcile", "--fix")

    assert (ran.code, faulty.written()) == (0, [])
    assert "it has the externalId of 00001 [SYNC-0522]" in ran.err
    assert "it has the userName of 00002 [SYNC-0522]" in ran.err


def test_nobody_is_deactivated_while_a_row_cannot_be_used(
    strict: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="person11@example.com", active=True)
    file = strict.folder / "hr.csv"
    file.write_text(f"{file.read_text('utf-8')}00011,cut\n", "utf-8")
    assert strict.run("push").code == 4

    said = fixed(strict, faulty)

    why = "source hr has 1 row that cannot be used; correct it, and push"
    assert f"wiki: 1 unmanaged account is not deactivated: {why} [SYNC-0522]" in said


def test_nobody_is_deactivated_while_the_source_has_changes_to_push(
    strict: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="person11@example.com", active=True)
    strict.hire([*people(9), person(11)])
    why = "source hr has changed since the last push; push first"
    assert why in fixed(strict, faulty)

    (strict.folder / "hr.csv").unlink()

    assert "not deactivated: " in fixed(strict, faulty)


def test_nobody_is_deactivated_while_a_user_cannot_be_told(
    strict: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="person11@example.com", active=True)
    strict.hire([*people(9), person(11, email="")])
    assert strict.run("push").code == 4

    said = fixed(strict, faulty)

    why = "the attributes to match by of 00011 cannot be worked out"
    assert f"1 unmanaged account is not deactivated: {why} [SYNC-0522]" in said


def test_a_key_that_looks_like_that_of_an_unmanaged_account_is_an_ordinary_key(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target='unmanaged = "deactivate"')
    guest = faulty.add(externalId="guest", userName="guest@example.com", active=True)
    office.hire([*people(5), person(6, id=f" (unmanaged) {guest['id']}")])
    assert counts(office.push()) == {"create": 6}

    ran = office.run("reconcile", "--fix")

    assert ran.code == 0
    assert "6 accounts compared, 1 unmanaged" in ran.out
    assert not faulty.users[guest["id"]]["active"]
    (link,) = (one for key, one in office.links().items() if "(unmanaged)" in key)
    assert faulty.users[str(link.remote_id)]["active"]
    assert office.run("reconcile", "--exit-code").code == 0


def test_a_person_who_comes_later_still_gets_the_account(
    pushed: Office, faulty: FaultyServer
) -> None:
    pushed.configure(target='unmanaged = "deactivate"', guard='max_adoptions = "100%"')
    pushed.run("push")
    guest = faulty.add(userName="person11@example.com", active=True)
    assert pushed.run("reconcile", "--fix").code == 0

    pushed.hire([*people(9), person(11)])

    assert counts(pushed.push()) == {"adopt": 1}
    assert faulty.users[guest["id"]]["active"]


def test_unmanaged_accounts_are_adopted_by_those_they_match(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target='unmanaged = "adopt"\nactions = { create = false }')
    office.hire(people(5))
    office.push()
    faulty.add(userName="person3@example.com", externalId="00003", active=True)
    faulty.add(userName="guest@example.com", active=True)
    assert counts(office.push()) == {}

    ran = office.run("reconcile", "--fix")

    assert ran.code == 0
    assert "wiki: 1 adopt" in ran.out
    assert office.links()["00003"].remote_id == "id-00003"
    left = office.run("reconcile", "--json").document
    assert found(left) == {("unmanaged", None, "guest@example.com")}


def test_unmanaged_accounts_are_only_reported_unless_asked_for(
    pushed: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="guest@example.com", active=True)
    faulty.forget()

    ran = pushed.run("reconcile", "--fix")

    assert (ran.code, faulty.written()) == (0, [])
    assert "wiki: 1 finding is not repaired: 1 unmanaged\n" in ran.err


def test_a_product_whose_deactivation_deletes_deactivates_no_unmanaged_account(
    office: Office,
) -> None:
    office.configure(target='unmanaged = "deactivate"\nprofile = "smartsheet"')
    office.hire(people(1))
    ran = office.run("reconcile")
    assert ran.code == 2
    assert "unmanaged: at Smartsheet, deactivating an account deletes it" in ran.err


def test_a_deleted_account_that_exists_again_is_deleted_again(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target='leave = { action = "delete" }')
    office.hire(people(10))
    office.push()
    gone = dict(faulty.users["id-00010"])
    office.hire(people(9))
    office.push()
    faulty.users["id-00010"] = gone
    assert found(office.run("reconcile", "--json").document) == {("reactivated", "00010", None)}

    assert office.run("reconcile", "--fix").code == 0

    assert "id-00010" not in faulty.users
    assert office.run("reconcile", "--exit-code").code == 0


def test_a_form_that_the_target_gives_to_a_value_is_learned_by_the_first_repair(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target answers without the resource, and writes hyphens for blanks."""
    honest = faulty.answer

    def answer(seen: Seen) -> Reply:
        reply = honest(seen)
        if seen.method == "POST":
            return Reply(201, {"id": reply.body["id"]})  # type: ignore[call-overload, index]
        for user in faulty.users.values():
            user["displayName"] = user["displayName"].replace(" ", "-")
        return reply

    monkeypatch.setattr(faulty, "answer", answer)
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    office.hire([person(1, family="Fox"), *people(3)[1:]])
    office.push()  # shows that changes by PATCH work
    shown = {("changed", f"0000{number}", "displayName") for number in (1, 2, 3)}
    assert found(office.run("reconcile", "--json").document) == shown

    ran = office.run("reconcile", "--fix")

    assert ran.code == 0
    assert "3 values are shown differently from what was sent" in ran.err
    assert office.run("reconcile", "--exit-code").code == 0
    faulty.users["id-00002"]["displayName"] = "Else"
    changed = office.run("reconcile", "--json").document
    assert found(changed) == {("changed", "00002", "displayName")}


def test_a_repair_waits_for_a_sync_toml_that_was_not_pushed(
    pushed: Office, faulty: FaultyServer
) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"
    pushed.configure(user=USER + 'title = "given"\n')
    faulty.forget()

    ran = pushed.run("reconcile", "--fix")

    assert faulty.written() == []
    assert "[SYNC-0706]" in ran.err


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "sent"), [("y", 1), ("n", 0), ("", 0)])
def test_on_a_terminal_the_plan_is_shown_first(
    pushed: Office,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    sent: int,
) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"
    monkeypatch.setattr("sys.stdin", _Terminal(f"{answer}\n"))
    faulty.forget()

    ran = pushed.run("reconcile", "--fix")

    assert len(faulty.written()) == sent
    assert "~ update         00002  displayName changed" in ran.out
    assert "Plan for wiki: 1 update" in ran.out
    assert ("cancelled: nothing was changed" in ran.err) is not sent
    assert ran.code == (0 if sent else 1)


@contextmanager
def dying_after(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[Callable[[], bool]]:
    """End the process once a run has sent `number` operations: nothing is written from then on."""
    send, write = vars(executor)["send_operation"], Store.write
    sent, dead = [0], []

    def die() -> NoReturn:
        dead.append(True)
        raise Killed

    async def send_and_die(sending: Sending, prepared: PreparedOperation) -> OperationOutcome:
        outcome: OperationOutcome = await send(sending, prepared)
        sent[0] += 1
        if sent[0] >= number:
            die()
        return outcome

    def write_no_more(self: Store) -> Any:
        if dead:
            raise Killed
        return write(self)

    with monkeypatch.context() as patched:
        patched.setattr(executor, "send_operation", send_and_die)
        patched.setattr(Store, "write", write_no_more)
        yield lambda: bool(dead)


@pytest.mark.parametrize("number", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("first", ["push", "reconcile --fix"])
def test_a_repair_that_is_killed_converges(
    grouped: Office, monkeypatch: pytest.MonkeyPatch, number: int, first: str
) -> None:
    hands = Hands(grouped, random.Random(number))
    before = all_held(hands)
    hands.change(20)
    with dying_after(monkeypatch, number) as died:
        with pytest.raises(BaseException):  # noqa: B017, PT011 - asyncio may wrap it
            grouped.run("reconcile", "--fix")
        assert died()
    grouped.now += LEASES_END

    if first == "push":
        assert grouped.run("push").code == 0
        assert not any("(unmanaged)" in key for key in grouped.links())
    ran = grouped.run("reconcile", "--fix")

    assert ran.code == 0, ran.err
    assert all_held(hands) == before
    assert grouped.run("reconcile", "--exit-code").code == 0
    assert not any("(unmanaged)" in key for key in grouped.links())
    assert grouped.run("plan", "--exit-code").code == 0
