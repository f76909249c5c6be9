"""`plan --refresh` shows what `push --refresh` does about changes made at the target by hand."""

from __future__ import annotations

import pytest

from scimsync.model.operations import JournaledOperation
from tests.e2e.test_e2e_revert import AFTER, BEFORE, held
from tests.execute.story import NO_GUARD, SOON, change, delete, dies_after, one_of
from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import Json, Office, people, person
from tests.reconcile.hands import found

EXACTLY = [
    ("create", "00003", []),
    ("remove_members", "departments:IT", ["+00001", "+00003", "-00007"]),
    ("update", "00002", ["displayName"]),
]
"""Action, key, and members or paths."""


def _ident(office: Office, key: str) -> str:
    return str(office.links()[key].remote_id)


def _brief(operations: list[Json]) -> list[tuple[str, str, list[str]]]:
    """Action, key, and what changes, but for the values of a new account."""
    return sorted(
        (
            one["action"],
            one["key"],
            [] if one["action"] == "create" else sorted(map(_what, one["changes"])),
        )
        for one in operations
    )


def _what(changed: Json) -> str:
    if changed["path"] != "members":
        return str(changed["path"])
    return f"-{changed['before']}" if changed["after"] is None else f"+{changed['after']}"


def _all(office: Office) -> list[Json]:
    return [one for kind in ("Users", "Groups") for one in read_all(office.url, office.token, kind)]


def by_hand(office: Office) -> None:
    """Others change 00002, delete 00003, and put 00007 into the group of 00001."""
    change(office, "Users", _ident(office, "00002"), displayName="Changed")
    delete(office, "Users", _ident(office, "00003"))
    group = one_of(office, "Groups", displayName="Department IT")
    members = [one for one in group["members"] if one["value"] != _ident(office, "00001")]
    members.append({"value": _ident(office, "00007")})
    change(office, "Groups", group["id"], members=members)


@pytest.fixture
def changed(real_office: Office) -> Office:
    """An office whose target others have changed, and whose plan does not notice."""
    real_office.configure(guard=NO_GUARD, more=BY_DEPARTMENT)
    real_office.hire([*people(6), person(7, dept="Sales")])
    real_office.push()
    by_hand(real_office)
    return real_office


def test_a_plan_shows_what_a_refresh_repairs_and_stores_nothing(changed: Office) -> None:
    office = changed
    before = _all(office)
    tables = ("link", "membership", "operation", "run", "target")
    stored = {name: sorted(map(repr, office.sql(f"select * from {name}"))) for name in tables}

    ran = office.run("plan", "--refresh", "--json", "--exit-code")

    assert ran.code == 6, ran.err
    planned = ran.document["targets"]["wiki"]["operations"]

    assert _brief(planned) == EXACTLY
    assert _all(office) == before
    assert {
        name: sorted(map(repr, office.sql(f"select * from {name}"))) for name in tables
    } == stored
    assert office.plan() == []
    assert "Plan for wiki: 1 create, 1 update" in office.run("plan", "--refresh").out
    old = str(office.links()["00003"].remote_id)

    assert office.run("push", "--refresh").code == 0

    sent = [(one.action, one.key) for one in office.journal()]
    assert sorted(sent) == [(action, key) for action, key, _ in EXACTLY]
    left = found(office.run("reconcile", "--json").document)
    assert left == {("dangling member", "departments:IT", old)}  # the server keeps it
    assert office.run("plan", "--refresh", "--exit-code").code == 0


def test_an_account_that_others_deactivated_is_reactivated(real_office: Office) -> None:
    office = real_office
    office.configure()
    office.hire(people(3))
    office.push()
    change(office, "Users", _ident(office, "00002"), active=False)

    (operation,) = office.run("plan", "--refresh", "--json").document["targets"]["wiki"][
        "operations"
    ]

    assert (operation["action"], operation["reason"]) == ("reactivate", "active became true")
    assert office.run("push", "--refresh").code == 0
    assert [(one.action, one.key) for one in office.journal()] == [("reactivate", "00002")]
    assert one_of(office, "Users", externalId="00002")["active"] is True
    change(office, "Users", _ident(office, "00002"), active=False)
    assert office.run("reconcile", "--fix").code == 0
    assert [(one.action, one.key) for one in office.journal()] == [("reactivate", "00002")]


def test_a_plan_of_chosen_users_refreshes_them_only(changed: Office) -> None:
    ran = changed.run("plan", "--refresh", "-k", "00002", "--json")

    assert _brief(ran.document["targets"]["wiki"]["operations"]) == EXACTLY[-1:]


def test_a_saved_refresh_is_pushed_as_a_refresh(changed: Office) -> None:
    office = changed
    ran = office.run("plan", "--refresh", "--out", "tonight.plan")
    assert ran.code == 0, ran.err
    assert office.run("show", "tonight.plan").out == ran.out

    assert office.run("push", "tonight.plan").code == 0

    sent = [(one.action, one.key) for one in office.journal()]
    assert sorted(sent) == [(action, key) for action, key, _ in EXACTLY]
    (last, *_) = office.run("runs", "--json").document["runs"]
    assert last["origin"]["options"] == ["--refresh", "saved plan tonight.plan"]


def test_a_saved_refresh_is_refused_after_another_change(changed: Office) -> None:
    office = changed
    assert office.run("plan", "--refresh", "--out", "tonight.plan").code == 0
    change(office, "Users", _ident(office, "00004"), displayName="Later")
    before = _all(office)

    ran = office.run("push", "tonight.plan")

    assert ran.code == 3
    assert "tonight.plan is out of date" in ran.err
    assert ran.err.endswith("plan again: scimsync plan --refresh --out FILE\n")
    assert _all(office) == before


def test_a_guard_names_the_push_that_refreshes(changed: Office) -> None:
    changed.configure(guard="max_updates = 0", more=BY_DEPARTMENT)

    ran = changed.run("plan", "--refresh")

    assert ran.code == 3
    assert "allow this once: scimsync push --refresh --allow-updates 1" in ran.err


def test_a_refresh_without_requests_is_refused(changed: Office) -> None:
    ran = changed.run("plan", "--refresh", "--offline")

    assert (ran.code, "SYNC-0916" in ran.err) == (2, True)


def test_a_deleted_account_that_exists_again_is_planned(real_office: Office) -> None:
    """As after a restore of the target: the account has its old id."""
    office = real_office
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    office.hire(people(2))
    office.push()
    office.sql("update link set status = 'deleted', document = '{}' where key = '00003'")
    change(office, "Users", _ident(office, "00003"), active=True)

    ran = office.run("plan", "--refresh", "--json")

    planned = ran.document["targets"]["wiki"]["operations"]
    assert [(one["action"], one["key"]) for one in planned] == [("deactivate", "00003")]
    assert [(one.action, one.key) for one in _refreshed(office)] == [("deactivate", "00003")]


def _refreshed(office: Office) -> list[JournaledOperation]:
    assert office.run("push", "--refresh").code == 0
    return office.journal()


# Pins


@pytest.fixture
def reverted(real_office: Office) -> Office:
    """An office after a revert: 00001 and 00002 are pinned, and members of the group IT."""
    office = real_office
    office.configure(guard=NO_GUARD, more=BY_DEPARTMENT)
    office.hire(BEFORE)
    office.push()
    office.hire(AFTER)
    office.push()
    assert office.run("revert", "2").code == 0
    return office


def _change_pinned(office: Office) -> None:
    """Others change what the revert restored, and what it left, and a member that it restored."""
    first, sixth = _ident(office, "00001"), _ident(office, "00006")
    change(office, "Users", first, **{"name.familyName": "Byhand", "displayName": "By Hand"})
    change(office, "Users", _ident(office, "00002"), displayName="By Hand", active=False)
    change(office, "Users", sixth, **{"name.givenName": "By Hand"})
    change(office, "Users", _ident(office, "00008"), active=True)
    group = one_of(office, "Groups", displayName="Department IT")
    members = [one for one in group["members"] if one["value"] != first]
    members.append({"value": _ident(office, "00007")})
    change(office, "Groups", group["id"], members=members)


@pytest.mark.parametrize("repair", [("push", "--refresh"), ("reconcile", "--fix")])
def test_what_is_pinned_is_repaired_to_what_the_revert_left(
    reverted: Office, repair: tuple[str, str]
) -> None:
    office = reverted
    left, pins = held(office), office.sql("select kind, key, undone, asked, since from pin")
    _change_pinned(office)
    assert held(office) != left
    planned = office.run("plan", "--refresh", "--json").document["targets"]["wiki"]["operations"]

    ran = office.run(*repair)

    assert ran.code == 0, ran.err
    assert held(office) == left
    assert sorted((one.action, one.key) for one in office.journal()) == sorted(
        (one["action"], one["key"]) for one in planned
    )
    assert office.sql("select kind, key, undone, asked, since from pin") == pins
    assert office.run("reconcile", "--exit-code").code == 0
    assert office.plan() == []
    assert office.run("push", "--refresh").code == 0
    assert held(office) == left


@pytest.mark.parametrize("repair", [("push", "--refresh"), ("reconcile", "--fix")])
def test_a_repair_of_what_is_pinned_that_failed_is_made_up_for(
    reverted: Office, monkeypatch: pytest.MonkeyPatch, repair: tuple[str, str]
) -> None:
    """What was read is stored by then, in place of what the target acknowledged."""
    office = reverted
    left = held(office)
    _change_pinned(office)
    dies_after(monkeypatch, lambda one: one.key == "00001", lambda: office.run(*repair))

    office.push(later=SOON)
    assert office.run(*repair).code == 0

    assert held(office) == left
