"""`scimsync revert RUN` brings a real server back, and later pushes leave it so."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from scimsync.model.operations import JournaledOperation
from tests.execute.story import NO_GUARD, SOON, change, delete, dies_after, one_of
from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import MANAGER, USER, Json, Office, counts, people, person, resource
from tests.servers.faulty import FaultyServer


def held(office: Office) -> dict[str, Any]:
    """What the target holds, without what it adds: users by userName, groups by displayName."""
    users = {one["id"]: one for one in read_all(office.url, office.token, "Users")}
    groups = read_all(office.url, office.token, "Groups")
    named = {ident: one["userName"] for ident, one in users.items()}
    return {
        one["userName"]: {name: value for name, value in one.items() if name != "meta"}
        for one in users.values()
    } | {
        one["displayName"]: sorted(named[member["value"]] for member in one.get("members", []))
        for one in groups
    }


def post(office: Office, body: Json) -> None:
    """Somebody else makes an account."""
    headers = {"Authorization": f"Bearer {office.token}"}
    httpx2.post(f"{office.url}/Users", json=body, headers=headers).raise_for_status()


BEFORE = [*people(6), person(7, dept="Sales")]
AFTER = [
    person(1, dept="Sales", family="Other"),  # updated, and in another group
    person(2, email="second@example.com"),  # updated
    *people(5)[2:],
    # 00006 leaves
    person(7, dept="Law"),  # into a new group
    person(8),  # created
]


@pytest.fixture
def pushed(real_office: Office) -> tuple[Office, dict[str, Any]]:
    """An office after run 2, and what its target held before."""
    real_office.configure(guard=NO_GUARD, more=BY_DEPARTMENT)
    real_office.hire(BEFORE)
    real_office.push()
    before = held(real_office)
    real_office.hire(AFTER)
    outcome = real_office.push()
    assert {"create", "update", "deactivate", "add_members", "remove_members"} == {
        *outcome.targets["wiki"].counts
    }
    return real_office, before


def test_a_push_is_undone_attribute_by_attribute(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, before = pushed

    ran = office.run("revert", "2")

    assert ran.code == 0, ran.err
    assert (
        "wiki: 1 user is reactivated although the sources do not ask for them: 00006; "
    ) in ran.err
    after = held(office)
    created = after.pop("person8@example.com")
    assert created["active"] is False
    assert after == before


def test_a_push_is_undone_where_resources_are_written_as_a_whole(real_office: Office) -> None:
    real_office.configure(
        guard=NO_GUARD,
        more=BY_DEPARTMENT,
        target='dialect = "okta-put"',
        user=f'{USER}{MANAGER}roles = "role or None"\n',
    )
    real_office.hire(row | {"manager": "00003", "role": "cook"} for row in BEFORE)
    real_office.push()
    before = held(real_office)
    roles = {"00003": ""}
    real_office.hire(
        row | {"manager": "00004", "role": roles.get(row["id"], "waiter")} for row in AFTER
    )
    assert "update" in counts(real_office.push())

    ran = real_office.run("revert", "2")

    assert ran.code == 0, ran.err
    assert {**held(real_office), "person8@example.com": None} == {
        **before,
        "person8@example.com": None,
    }
    assert real_office.plan() == []


def test_later_pushes_leave_it_so_until_something_else_is_asked_for(
    pushed: tuple[Office, dict[str, Any]],
) -> None:
    office, before = pushed
    office.run("revert", "2")

    assert office.plan() == []
    assert office.push().targets["wiki"].requests == 0
    assert office.push(refresh=True).targets["wiki"].counts == {}
    assert {**held(office), "person8@example.com": None} == {**before, "person8@example.com": None}

    rows = [row | {"given": "Else"} if row["id"] in ("00001", "00008") else row for row in AFTER]
    office.hire(rows)
    assert [(one["action"], one["key"]) for one in office.plan()] == [
        ("update", "00001"),
        ("reactivate", "00008"),
        ("remove_members", "departments:IT"),
        ("add_members", "departments:Sales"),
    ]
    office.push()
    after = held(office)
    assert after["person1@example.com"]["name"] == {"givenName": "Else", "familyName": "Other"}
    assert after["person8@example.com"]["active"]
    assert after["Department Sales"] == ["person1@example.com", "person7@example.com"]
    assert after["person2@example.com"] == before["person2@example.com"]
    assert after["person6@example.com"]["active"]
    office.hire([row | {"family": "New"} if row["id"] == "00007" else row for row in rows])
    office.push()
    assert held(office)["Department Law"] == ["person7@example.com"]  # the group is needed again


def test_a_changed_mapping_applies_at_once(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, _ = pushed
    office.run("revert", "2")

    office.configure(
        user=USER.replace("given ~ ' ' ~ family", "family"), guard=NO_GUARD, more=BY_DEPARTMENT
    )
    office.push()

    after = held(office)
    assert after["person1@example.com"]["displayName"] == "Other"
    assert after["second@example.com"]["active"]
    assert after["person6@example.com"]["active"]  # nothing in sync.toml is about the leaver


def test_a_pinned_user_who_leaves_is_deactivated(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, _ = pushed
    office.run("revert", "2")

    office.hire([row for row in AFTER if row["id"] not in ("00001", "00002")])
    office.push()

    after = held(office)
    assert not after["person1@example.com"]["active"]
    assert not after["person2@example.com"]["active"]
    assert office.run("deprovision", "00006").code == 0
    assert not held(office)["person6@example.com"]["active"]


@pytest.mark.parametrize(
    ("before", "after", "active"),
    [
        pytest.param("left", None, False, id="out of scope, then missing"),
        pytest.param(None, "left", False, id="missing, then out of scope"),
        pytest.param("left", "retired", True, id="still out of scope"),
    ],
)
def test_a_user_who_was_pinned_without_asking_leaves_once_the_sources_say_so_again(
    office: Office, faulty: FaultyServer, before: str | None, after: str | None, active: bool
) -> None:
    def hire(dept: str | None) -> None:
        office.hire([*people(5), *([] if dept is None else [person(6, dept=dept)])])

    office.configure(target="scope = \"dept == 'IT'\"")
    hire("IT")
    office.push()
    hire(before)
    assert counts(office.push()) == {"deactivate": 1}
    assert office.run("revert", "2", "--yes").code == 0
    assert counts(office.push()) == {}
    assert faulty.users["id-00006"]["active"]

    hire(after)
    outcome = office.push()

    assert outcome.exit_code == 0
    assert faulty.users["id-00006"]["active"] is active
    assert counts(office.push()) == {}


def test_what_has_changed_since_is_named_and_left(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, _ = pushed
    office.hire([AFTER[0] | {"family": "Third"}, *AFTER[1:]])
    office.push()  # run 3 changes 00001 again
    second = one_of(office, "Users", userName="second@example.com")
    change(office, "Users", second["id"], userName="byhand@example.com")
    eighth = one_of(office, "Users", externalId="00008")
    delete(office, "Users", eighth["id"])

    ran = office.run("revert", "2")

    assert ran.code == 4
    failed = {one.key: one.detail for one in office.journal() if one.status == "failed"}
    assert failed == {
        "00001": "name.familyName no longer has the value that run 2 set [SYNC-0392]",
        "00002": (
            'the target shows another value: userName is "byhand@example.com", not'
            ' "second@example.com" [SYNC-0392]'
        ),
        "00008": "its account is not found at the target [SYNC-0392]",
    }
    after = held(office)
    assert after["byhand@example.com"]["active"]
    assert after["person1@example.com"]["name"]["familyName"] == "Third"
    assert after["person6@example.com"]["active"]
    assert "00002: wiki: " in ran.err or "wiki: the target shows" in ran.err


def test_a_guard_stops_a_revert(real_office: Office) -> None:
    real_office.configure()
    real_office.hire(people(4))
    real_office.push()
    real_office.hire(people(20))
    real_office.push()
    before = held(real_office)

    ran = real_office.run("revert", "2")

    assert ran.code == 3
    assert "guard.max_removals: 16 of 20 accounts" in ran.err
    assert "allow this once: scimsync revert 2 --allow-removals 16" in ran.err
    assert held(real_office) == before
    assert real_office.sql("select count(*) from pin") == [(0,)]
    assert real_office.run("revert", "2", "--allow-removals", "16").code == 0
    assert sum(one["active"] for one in held(real_office).values()) == 4


@pytest.fixture
def stopped(real_office: Office) -> Office:
    """An office whose run 2 created so many accounts that a guard stops its revert."""
    real_office.configure()
    real_office.hire(people(4))
    real_office.push()
    real_office.hire(people(20))
    real_office.push()
    return real_office


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_revert_that_a_guard_stops_is_not_saved(stopped: Office, form: tuple[str, ...]) -> None:
    ran = stopped.run("revert", "2", "--out", "my undo.plan", *form)

    assert ran.code == 3
    assert not (stopped.folder / "my undo.plan").exists()
    assert ran.err.count("guard.max_removals: 16 of 20") == (0 if form else 1)
    hint = "allow this once: scimsync revert 2 --out 'my undo.plan' --allow-removals 16"
    assert hint in (ran.document["guard"] if form else ran.err)
    assert ran.err.endswith(
        "my undo.plan: not saved, because a push would refuse this plan [SYNC-0908]\n"
    )


def test_the_guard_of_a_saved_revert_names_the_file(stopped: Office) -> None:
    stopped.run("revert", "2", "--out", "undo.plan", "--allow-removals", "16")

    ran = stopped.run("push", "undo.plan")

    assert ran.code == 3
    hint = "allow this once: scimsync push undo.plan --allow-removals 16\n"
    assert ran.err.endswith(hint)
    assert stopped.run(*hint.split()[4:]).code == 0
    assert sum(one["active"] for one in held(stopped).values()) == 4


@pytest.mark.parametrize(
    "options",
    [("-t", "wiki"), ("-t", "wiki", *(f"-k{one['id']}" for one in people(20)[4:]))],
)
def test_the_hint_of_a_guard_repeats_the_restrictions(
    stopped: Office, options: tuple[str, ...]
) -> None:
    ran = stopped.run("revert", "2", *options)

    assert ran.code == 3
    key = " -k KEY" if len(options) > 2 else ""
    hint = f"allow this once: scimsync revert 2 -t wiki{key} --allow-removals 16\n"
    assert ran.err.endswith(hint)


def test_a_saved_revert_is_sent_as_it_was_read(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, before = pushed
    saved = office.run("revert", "2", "--out", "undo.plan")
    assert saved.code == 0
    assert "saved undo.plan" in saved.err
    shown = office.run("show", "undo.plan")
    assert (shown.code, shown.out) == (0, saved.out)
    assert "by scimsync revert" in shown.err
    assert held(office) != before
    planned = json.loads((office.folder / "undo.plan").read_text())["plan"]["targets"]["wiki"]

    ran = office.run("push", "undo.plan")

    assert ran.code == 0, ran.err
    assert len(office.journal()) == len(planned["operations"])
    assert {**held(office), "person8@example.com": None} == {**before, "person8@example.com": None}
    runs = office.run("runs", "--json").document["runs"]
    assert [one["command"] for one in runs][:2] == ["revert 2", "push"]
    assert office.push().targets["wiki"].requests == 0
    again = office.run("push", "undo.plan")
    assert again.code == 3
    assert "SYNC-0513" in again.err


def test_a_saved_revert_is_refused_as_a_whole(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, _ = pushed
    assert office.run("revert", "2", "--out", "undo.plan").code == 0
    first = one_of(office, "Users", externalId="00001")
    change(office, "Users", first["id"], **{"name.familyName": "Byhand"})
    before = held(office)

    ran = office.run("push", "undo.plan")

    assert ran.code == 3
    assert ran.err.endswith(
        'aborted: "wiki": the starting point of undo.plan has changed since it was planned:'
        " 1 account or group; nothing was sent [SYNC-0513]\n"
        '  00001: the target shows another value: name.familyName is "Byhand", not "Other"\n'
        "  plan again: scimsync revert 2 -t wiki --out FILE\n"
    )
    assert held(office) == before
    office.write("undo.plan", (office.folder / "undo.plan").read_text().replace("Other", "Evil"))
    assert office.run("push", "undo.plan").code == 2


def test_a_revert_is_reverted(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, _ = pushed
    after_push = held(office)
    office.run("revert", "2")

    ran = office.run("revert", "3")

    assert ran.code == 4  # the group that the revert deleted
    assert "group Law" in ran.err or "departments:Law" in ran.err
    after = held(office)
    assert after | {"Department Law": after_push["Department Law"]} == after_push
    assert office.push().targets["wiki"].counts == {}


def test_two_runs_are_reverted_one_after_the_other(real_office: Office) -> None:
    real_office.configure()
    before = {}
    for family in ("One", "Two", "Three"):
        real_office.hire([person(1, family=family)])
        real_office.push()
        before[family] = held(real_office)

    assert real_office.run("revert", "2").code == 4
    assert real_office.run("revert", "3").code == 0
    assert held(real_office) == before["Two"]
    assert real_office.run("revert", "2").code == 0
    assert held(real_office) == before["One"]
    assert real_office.push().targets["wiki"].requests == 0


def test_a_pinned_account_that_is_deleted_stays_so_until_the_pin_ends(
    pushed: tuple[Office, dict[str, Any]],
) -> None:
    office, _ = pushed
    office.run("revert", "2")
    for key in ("00001", "00006", "00008"):  # updated, left, and created by the run
        delete(office, "Users", one_of(office, "Users", externalId=key)["id"])

    ran = office.run("reconcile", "--fix")

    assert ran.code == 0
    assert (
        "wiki: 3 vanished accounts and groups are pinned by a revert, and not created again until"
        " the pin ends; see scimsync status\n"
    ) in ran.err
    assert {one.action for one in office.journal()}.isdisjoint({"create", "adopt"})
    assert office.push(refresh=True).targets["wiki"].counts.get("create") is None

    assert office.run("revert", "2", "--lift", "-k", "00001").code == 0
    assert counts(office.push())["create"] == 1
    assert one_of(office, "Users", externalId="00001")["name"]["familyName"] == "Other"


def test_pins_are_shown_and_lifted(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, _ = pushed
    after_push = held(office)
    office.run("revert", "2")

    status = office.run("status")
    assert "6 users and groups are pinned by a revert" in status.out
    document = office.run("status", "--json").document["targets"]["wiki"]["pinned"]
    assert document["count"] == 6
    assert "scimsync revert 2 --lift -k 00001" in office.run("explain", "00001").out
    pin = office.run("explain", "00001", "--json").document["targets"]["wiki"]["pinned"]
    assert pin["restored"]["name.familyName"] == "Family1"

    assert office.run("revert", "2", "--lift", "-k", "00001").code == 0
    office.push()
    assert held(office)["person1@example.com"] == after_push["person1@example.com"]
    ran = office.run("revert", "2", "--lift")
    assert (
        ran.out == "wiki: 4 users and 1 group no longer pinned; the next push applies the sources\n"
    )
    office.push()
    after = held(office)
    assert {name: one for name, one in after.items() if not name.startswith("Dep")}.keys() == {
        name for name in after_push if not name.startswith("Dep")
    }
    assert after["Department Law"] == ["person7@example.com"]
    assert after["Department IT"] == after_push["Department IT"]
    assert office.run("revert", "2", "--lift").code == 2


def test_a_part_is_reverted(pushed: tuple[Office, dict[str, Any]]) -> None:
    office, before = pushed
    after_push = held(office)

    assert office.run("revert", "2", "-k", "00006").code == 0

    after = held(office)
    assert after["person6@example.com"] == before["person6@example.com"]
    assert {**after, "person6@example.com": None} == {**after_push, "person6@example.com": None}


def test_an_adopted_account_gets_its_values_back(real_office: Office) -> None:
    body = resource(person(1, family="Theirs")) | {"externalId": "theirs", "title": "Boss"}
    post(real_office, body)
    before = held(real_office)
    real_office.configure()
    real_office.hire(people(1))
    real_office.push()
    assert held(real_office) != before

    assert real_office.run("revert", "1").code == 0

    assert held(real_office) == before
    assert real_office.push().targets["wiki"].requests == 0


def test_deleted_accounts_are_named(real_office: Office) -> None:
    real_office.configure(target='leave = { action = "delete" }', guard=NO_GUARD)
    real_office.hire(people(2))
    real_office.push()
    real_office.hire(people(1))
    real_office.push()

    ran = real_office.run("revert", "2")

    assert ran.code == 4
    assert "00002" in ran.err
    assert "run 2 deleted the account: it is not brought back [SYNC-0391]" in ran.err


def test_the_creation_of_an_account_that_is_gone_costs_no_other_account(
    real_office: Office,
) -> None:
    real_office.configure(target='leave = { action = "delete" }', guard=NO_GUARD)
    real_office.hire(people(3))
    real_office.push()
    created = real_office.links()["00001"].remote_id
    (operation,) = (one for one in real_office.journal() if one.key == "00001")
    assert (operation.action, operation.remote_id) == ("create", created)
    real_office.hire(people(3)[1:])
    real_office.push()
    new = person(1, email="new@example.com", given="Zoe", family="Zorn")
    real_office.hire([new, *people(3)[1:]])
    real_office.push()
    before = held(real_office)

    ran = real_office.run("revert", "1", "-k", "00001")

    assert ran.code == 4
    other = real_office.links()["00001"].remote_id
    assert other != created
    assert f"the key has another account now: {other}, since run 3 [SYNC-0392]" in ran.err
    assert held(real_office) == before


def test_a_new_account_of_a_key_does_not_get_the_groups_of_the_old_one(
    real_office: Office,
) -> None:
    leave = 'leave = { action = "delete" }'
    real_office.configure(target=leave, guard=NO_GUARD, more=BY_DEPARTMENT)
    real_office.hire([person(1), *people(3)[1:]])
    real_office.push()
    real_office.hire([person(1, dept=""), *people(3)[1:]])
    real_office.push()
    real_office.hire(people(3)[1:])
    real_office.push()
    real_office.hire([person(1, dept="", email="new@example.com", family="Zorn"), *people(3)[1:]])
    real_office.push()

    ran = real_office.run("revert", "2")

    assert ran.code == 4
    assert "00001: another account since run 4 [SYNC-0392]" in ran.err
    assert held(real_office)["Department IT"] == ["person2@example.com", "person3@example.com"]


@pytest.mark.parametrize("number", [1, 3, 6])
def test_a_revert_that_dies_is_finished(
    pushed: tuple[Office, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    office, before = pushed
    sent = 0

    def counts_to(_: JournaledOperation) -> bool:
        nonlocal sent
        sent += 1
        return sent == number

    dies_after(monkeypatch, counts_to, lambda: office.run("revert", "2"))
    office.push(later=SOON)
    assert "Department Law" not in held(office) or held(office)["Department Law"] == []
    office.run("revert", "2")

    assert office.plan() == []
    assert {**held(office), "person8@example.com": None} == {**before, "person8@example.com": None}


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["99"], 2, "there is no run 99 in the journal [SYNC-0394]"),
        (["x"], 2, '"x" is not a run number; scimsync runs lists the runs [SYNC-0394]'),
        (["2", "-k", "nobody"], 2, 'unknown key "nobody": no source record and no linked account'),
        (["2", "-k", "00001", "-k", "nobody"], 2, "[SYNC-0350]"),
        (["2", "-k", "nobody", "--lift"], 2, "[SYNC-0350]"),
        (["2", "-k", "nobody", "--out", "undo.plan"], 2, "[SYNC-0350]"),
        (["2", "-k", "00003"], 0, ""),
        (["2", "-t", "nowhere"], 2, "nowhere"),
        (["2", "--lift"], 2, "the revert of run 2 has no pins here [SYNC-0395]"),
    ],
)
def test_what_cannot_be_reverted(
    pushed: tuple[Office, dict[str, Any]], arguments: list[str], code: int, text: str
) -> None:
    office, _ = pushed
    before = held(office)

    ran = office.run("revert", *arguments)

    assert ran.code == code
    assert text in ran.err
    assert held(office) == before


def test_user_names_that_were_swapped_are_swapped_back(real_office: Office) -> None:
    real_office.configure(guard=NO_GUARD)
    real_office.hire(people(3))
    real_office.push()
    before = held(real_office)
    mine, theirs = person(1)["email"], person(2)["email"]
    real_office.hire([person(1, email=theirs), person(2, email=mine), person(3, email="x@y.zz")])
    assert counts(real_office.push()) == {"update": 3}

    ran = real_office.run("revert", "2")

    assert ran.code == 0, ran.err
    assert held(real_office) == before
    assert real_office.push().targets["wiki"].requests == 0


def test_a_user_name_that_another_user_has_by_now_is_left(real_office: Office) -> None:
    real_office.configure(guard=NO_GUARD)
    real_office.hire(people(1))
    real_office.push()
    renamed = person(1, email="renamed@example.com")
    real_office.hire([renamed, person(2, email=person(1)["email"])])
    real_office.push()

    ran = real_office.run("revert", "2")

    assert ran.code == 4
    assert "userName person1@example.com belongs to 00002 now [SYNC-0392]" in ran.err
    assert held(real_office)["renamed@example.com"]["active"]
    assert not held(real_office)["person1@example.com"]["active"]
