"""A saved plan is applied as it was reviewed, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import Office, people, person
from tests.servers.faulty import FaultyServer


@pytest.fixture
def saved(office: Office, faulty: FaultyServer) -> Office:
    """20 people with accounts, and a saved plan: one leaves, one moves, one comes."""
    office.configure(
        user=(office.folder / "sync.toml").read_text().partition("[targets.wiki.user]\n")[2]
    )
    office.hire(people(20))
    office.push()
    office.hire([person(1, dept="Sales"), *people(19)[1:], person(21)])
    ran = office.run("plan", "--out", "tonight.plan")
    assert ran.code == 0
    assert "Plan for wiki: 1 create, 1 update, 1 deactivate" in ran.out
    faulty.forget()
    return office


def test_a_saved_plan_is_carried_out(saved: Office, faulty: FaultyServer) -> None:
    planned = json.loads((saved.folder / "tonight.plan").read_text())["plan"]["targets"]["wiki"][
        "operations"
    ]

    ran = saved.run("push", "tonight.plan")

    assert ran.code == 0
    shown = [(one["requests"][0]["method"], one["requests"][0]["path"]) for one in planned]
    assert [(one.method, one.path) for one in faulty.written()] == shown
    assert saved.plan() == []


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_plan_that_a_guard_stops_is_not_saved(saved: Office, form: str) -> None:
    saved.hire(people(12))

    ran = saved.run("plan", "-t", "wiki", "--out", "other.plan", "--format", form)

    assert ran.code == 3
    assert not (saved.folder / "other.plan").exists()
    said = ran.out + ran.err
    assert "allow this once: scimsync push -t wiki --allow-records 12" in said
    assert "other.plan: not saved, because a push would refuse this plan [SYNC-0908]" in ran.err
    assert "\\n" not in ran.err
    if form == "json":
        assert "guard.min_records" in ran.document["guard"]


def test_a_plan_that_cannot_be_saved_is_one_document(saved: Office) -> None:
    ran = saved.run("plan", "--json", "--out", "nowhere/other.plan")

    assert ran.code == 2
    assert ran.document["error"]["code"] == "SYNC-0907"


def move_source(office: Office) -> None:
    office.hire([person(1, dept="Law"), *people(19)[1:], person(21)])


def move_state(office: Office) -> None:
    assert office.push("00021").exit_code == 0


def move_configuration(office: Office) -> None:
    text = (office.folder / "sync.toml").read_text()
    office.write("sync.toml", text.replace("given ~ ' ' ~ family", "family ~ ', ' ~ given"))


def carry_out(office: Office) -> None:
    assert office.run("push", "tonight.plan").code == 0


@pytest.mark.parametrize("move", [move_source, move_state, move_configuration, carry_out])
def test_nothing_is_sent_where_something_has_moved_on(
    saved: Office, faulty: FaultyServer, move: Callable[[Office], None]
) -> None:
    move(saved)
    faulty.forget()

    ran = saved.run("push", "tonight.plan")

    assert ran.code == 3
    assert "tonight.plan is out of date: sources, state or configuration have changed" in ran.err
    assert "plan --out" in ran.err
    assert faulty.written() == []


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('leave = { action = "deactivate", delete_after = "1h" }', "leave.delete_after"),
        ('leave = { action = "delete" }', "leave.action"),
        ('dialect = "rfc"', "dialect"),
        ("actions = { remove = false }", "actions.remove"),
        ("protect = ['userName sw \"svc-\"']", "protect"),
        ("scope = \"dept != 'Law'\"", "expressions"),
        (
            "groups.all = { displayName = { value = 'All' }, members = 'true' }",
            "expressions, groups",
        ),
    ],
)
def test_other_settings_are_another_plan(
    saved: Office, faulty: FaultyServer, lines: str, named: str
) -> None:
    text = (saved.folder / "sync.toml").read_text()
    saved.write("sync.toml", text.replace("[targets.wiki]\n", f"[targets.wiki]\n{lines}\n"))

    ran = saved.run("push", "tonight.plan")

    assert ran.code == 3
    assert ran.err.endswith(
        "aborted: tonight.plan is out of date: sources, state or configuration have changed (wiki:"
        f" {named}); nothing was sent [SYNC-0507]\n  plan again: scimsync plan --out FILE\n"
    )
    assert faulty.seen == []


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("env:WIKI_TOKEN", "env:OTHER_TOKEN", "auth"),
        ("env:WIKI_TOKEN", "file:token", "auth"),
        ('url = "http://127.0.0.1', 'url = "http://localhost', "url"),
        ("[targets.wiki", "[targets.chat", "no longer a target"),
    ],
)
def test_another_place_or_identity_is_another_plan(
    saved: Office,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    after: str,
    named: str,
) -> None:
    monkeypatch.setenv("OTHER_TOKEN", saved.token)
    saved.write("token", saved.token)
    text = (saved.folder / "sync.toml").read_text()
    saved.write("sync.toml", text.replace(before, after))

    ran = saved.run("push", "tonight.plan", "--allow-new-url", "--json")

    assert ran.code == 3
    assert ran.document["outcome"] == "stopped"
    assert f"wiki: {named})" in ran.document["guard"]
    assert faulty.seen == []


def test_a_slower_pace_is_the_same_plan(saved: Office, faulty: FaultyServer) -> None:
    text = (saved.folder / "sync.toml").read_text()
    lines = 'protect = [\'userName sw "svc-"\']\nleave = { delete_after = "9d" }\n'
    text = text.replace("[targets.wiki]\n", f"[targets.wiki]\n{lines}")
    saved.write("sync.toml", text)
    assert saved.run("plan", "--out", "tonight.plan").code == 0
    saved.write("sync.toml", text.replace("[targets.wiki]\n", "[targets.wiki]\nrate = 20\n"))

    assert saved.run("push", "tonight.plan").code == 0
    assert len(faulty.written()) == 3


@pytest.mark.parametrize("option", ["-t wiki", "-k 00001", "-t nowhere -k 00001"])
def test_a_part_of_a_saved_plan_is_another_plan(
    saved: Office, faulty: FaultyServer, option: str
) -> None:
    ran = saved.run("push", "tonight.plan", *option.split())

    assert ran.code == 2
    assert ran.err == (
        "push tonight.plan: a saved plan is applied as a whole; it cannot be combined with -t or -k"
        " [SYNC-0511]\n  plan a part: scimsync plan --out FILE -t TARGET -k KEY\n"
    )
    assert faulty.seen == []


def test_members_with_other_ids_are_another_plan(real_office: Office) -> None:
    real_office.configure(more=BY_DEPARTMENT)
    real_office.hire(people(4))
    real_office.push()
    real_office.hire([person(1, dept="Law"), *people(4)[1:]])
    assert real_office.run("plan", "--out", "tonight.plan").code == 0
    real_office.sql("update link set remote_id = 'another' where key = '00001'")

    ran = real_office.run("push", "tonight.plan")

    assert ran.code == 3
    assert (
        "(wiki: the same number of operations, but different ones)"
    ) in ran.err or "operations" in ran.err


def test_a_change_without_a_consequence_is_no_obstacle(saved: Office, faulty: FaultyServer) -> None:
    rows = [person(1, dept="Sales"), *people(19)[1:], person(21)]
    saved.hire(row | {"shoe": "42"} for row in reversed(rows))

    assert saved.run("push", "tonight.plan").code == 0
    assert len(faulty.written()) == 3


@pytest.mark.parametrize("text", ["", "{}", "a letter", '{"saved": {"scimsync_plan": 99}}'])
def test_what_is_no_plan_is_refused(saved: Office, faulty: FaultyServer, text: str) -> None:
    saved.write("other.plan", text)

    ran = saved.run("push", "other.plan")

    assert ran.code == 2
    assert "other.plan: this" in ran.err
    assert faulty.seen == []


def test_a_plan_that_is_not_there(saved: Office) -> None:
    ran = saved.run("push", "nowhere.plan")

    assert ran.code == 2
    assert "nowhere.plan" in ran.err
    assert "Traceback" not in ran.err
