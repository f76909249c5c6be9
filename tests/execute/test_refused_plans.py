"""What a plan was that a guard stopped, or that died before it was accepted: nothing of it is
carried out by anybody."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from scimsync.errors import Interrupted
from scimsync.execute import executor
from scimsync.plan import guard
from scimsync.run.target_run import TargetRun
from tests.execute.story import (
    DELETE,
    NO_GUARD,
    PATCH_USER,
    SOON,
    Proxied,
    Script,
    add_group,
    change,
    delete,
    names,
    one_of,
    push_that_dies,
    requests,
)
from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import (
    BY_DEPARTMENT,
    BY_TEAM,
    groups,
    team,
    with_teams,
    write_teams,
)
from tests.office import SOURCE, USER, Office, Row, people, person

GUARD = 'max_removals = 5\nmin_records = "0%"\n'


def law_and_it(office: Office) -> list[Row]:
    """22 people, three of them in Law; then a guard stops a file that lacks half of them, Law among
    them."""
    rows = [
        *(person(number) for number in range(1, 20)),
        *(person(number, dept="Law") for number in (20, 21, 22)),
    ]
    office.configure(target=DELETE, guard=GUARD, more=BY_DEPARTMENT)
    office.hire(rows)
    assert office.push().exit_code == 0
    office.hire(rows[:11])
    return rows


def stopped(office: Office, _monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that a guard stops."""
    assert office.push().exit_code == 3


def killed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that dies before the guards are asked."""
    push_that_dies(office, monkeypatch, guard, "check", lambda die: lambda *_more: die())


@pytest.mark.parametrize("end", [stopped, killed])
def test_one_person_is_pushed_and_no_group_of_the_refused_plan_goes(
    proxied: Proxied,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Office, pytest.MonkeyPatch], None],
) -> None:
    office, _ = proxied
    rows = law_and_it(office)
    end(office, monkeypatch)
    before = groups(office)

    rows[19]["dept"] = "IT"
    office.hire(rows)
    assert office.push("00020", later=SOON).exit_code == 0

    assert groups(office) == {
        "Department Law": {"00021", "00022"},
        "Department IT": before["Department IT"] | {"00020"},
    }


def test_one_person_is_deprovisioned_and_no_group_of_the_refused_plan_goes(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    office.hire(law_and_it(office)[:11])
    stopped(office, monkeypatch)

    assert office.run("deprovision", "00020").code == 0

    assert groups(office)["Department Law"] == {"00021", "00022"}


def test_who_cannot_be_planned_stays_where_he_was_before_the_refused_plan(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    mapped = USER.replace(
        '"name.givenName" = "given"',
        '"name.givenName" = "given if given != \'bad\' else given.nothing.more"',
    )
    office.configure(user=mapped, target=DELETE, guard=GUARD, more=BY_DEPARTMENT)
    rows = people(19)
    office.hire(rows)
    assert office.push().exit_code == 0
    office.hire(rows[:9])
    stopped(office, monkeypatch)
    before = groups(office)

    rows[18]["given"] = "bad"
    office.hire(rows)
    assert office.push(later=SOON).exit_code == 4

    assert groups(office) == before


def test_one_person_is_pushed_and_stays_in_the_group_of_a_source(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    with_teams(office, guard='max_removals = 2\nmin_records = "0%"\n')
    office.hire([person(number, rights="") for number in range(1, 21)])
    whole = [team("z"), team("a", *range(1, 21))]
    write_teams(office, whole)
    assert office.push().exit_code == 0
    write_teams(office, [team("z"), team("a", 1, 2)])
    stopped(office, monkeypatch)

    write_teams(office, whole)
    office.push("00007")
    assert len(groups(office)["Team a"]) == 20
    assert office.push().exit_code == 0
    assert len(groups(office)["Team a"]) == 20


@pytest.mark.parametrize("meanwhile", ["a member goes", "the group goes"])
def test_members_of_a_group_that_a_refused_plan_would_have_adopted_are_not_taken_for_there(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    office, _ = proxied
    guard = 'max_updates = 1\nmax_removals = 1000\nmin_records = "0%"\n'
    with_teams(office, groups=f"{BY_TEAM}adopt = true\n", guard=guard)
    staff = [person(number, rights="") for number in range(1, 12)]
    office.hire(staff)
    write_teams(office, [team("z")])
    assert office.push().exit_code == 0
    ids = {user["externalId"]: user["id"] for user in read_all(office.url, office.token, "Users")}
    made = add_group(office, "Team a", [ids["00001"], ids["00002"]])
    write_teams(office, [team("z"), team("a", 1, 2)])
    office.hire([row | {"dept": "Sales"} for row in staff])
    stopped(office, monkeypatch)
    if meanwhile == "a member goes":
        change(office, "Groups", made, members=[{"value": ids["00001"]}])
    else:
        delete(office, "Groups", made)

    office.hire(staff)
    assert office.push(later=SOON).exit_code == 0

    assert groups(office) == {"Team z": set(), "Team a": {"00001", "00002"}}
    assert requests(office) == 0


def test_what_a_run_did_that_lost_its_lease_is_read_and_not_believed(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run deletes an account and is stopped for longer than its lease; another one makes the
    account anew meanwhile."""
    office, _ = proxied
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    send = vars(executor)["send_operation"]
    others: list[object] = []

    async def send_and_sleep(*more: Any) -> Any:
        outcome = await send(*more)
        if not others:
            others.append(None)
            office.hire(people(2))
            office.now += timedelta(minutes=20)
            others.append(await asyncio.to_thread(office.push))
        return outcome

    with monkeypatch.context() as patched:
        patched.setattr(executor, "send_operation", send_and_sleep)
        office.hire(people(1))
        office.push()
    assert names(office, "Users") == ["person1@example.com", "person2@example.com"]

    office.push(later=SOON)
    office.hire(people(1))
    assert office.push(later=SOON).exit_code == 0

    assert names(office, "Users") == ["person1@example.com"]


def test_a_push_from_another_source_leaves_alone_what_a_push_at_work_has_read(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    second = f"""
[sources.other]
type = "file"
path = "other.csv"
key = "id"
[targets.second]
url = "{office.url.removesuffix("/v2")}x/v2"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
source = "other"
[targets.second.user]
{USER}
"""
    office.configure(source=SOURCE, target='source = "hr"', guard=NO_GUARD, more=second)
    office.hire(people(2))
    office.hire(people(2), "other.csv")
    assert office.run("push", "-q").code == 0
    office.hire([person(1, dept="Sales"), person(2), person(3)])
    module = sys.modules["scimsync.run.push"]
    read_sources = module.read_sources
    codes: list[int] = []

    def read_and_wait(*more: Any) -> Any:
        reading = read_sources(*more)
        if not codes:
            beside = office.start("push", "-t", "second")
            beside.communicate()
            codes.append(beside.returncode)
        return reading

    with monkeypatch.context() as patched:
        patched.setattr(module, "read_sources", read_and_wait)
        assert office.run("push", "-t", "wiki").code == 0
    assert codes == [0]

    assert names(office, "Users") == [f"person{number}@example.com" for number in (1, 2, 3)]


def test_one_person_is_pushed_and_no_small_team_goes_that_a_refused_file_lacks(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    with_teams(office, guard='max_removals = 4\nmin_records = "0%"\n')
    staff = [person(number, rights="") for number in range(1, 21)]
    office.hire(staff)
    write_teams(office, [team("z"), team("a", 1, 2, 3), team("b", *range(4, 20))])
    assert office.push().exit_code == 0
    write_teams(office, [team("z")])  # cut off
    stopped(office, monkeypatch)

    office.push("00001")
    office.run("deprovision", "00020")
    office.now += SOON
    office.run("retry")

    assert names(office) == ["Team a", "Team b", "Team z"]


def test_who_was_read_in_a_refused_plan_is_planned_again(
    proxied: Proxied, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody in doubt moves while he cannot be read; then a guard stops the run that reads him;
    then the file is mended."""
    office, _ = proxied
    mapped = "".join(line for line in USER.splitlines(keepends=True) if "department" not in line)
    office.configure(user=mapped, guard=GUARD, more=BY_DEPARTMENT)
    rows = people(20)
    rows[1]["dept"] = "Law"
    office.hire(rows)
    assert office.push().exit_code == 0
    rows[0]["given"] = "Changed"
    office.hire(rows)
    script.plan = {PATCH_USER: ["late 500"] * 5}
    assert office.push().exit_code == 4
    rows[0]["dept"] = "Law"
    office.hire(rows)
    script.plan = {"GET /[^?]*/Users/": ["500"] * 5}
    assert office.push(later=SOON).exit_code == 4
    office.hire(rows[:9])
    office.now += timedelta(days=1)
    stopped(office, monkeypatch)

    office.hire(rows)
    assert office.push(later=timedelta(days=1)).exit_code == 0

    assert groups(office)["Department Law"] == {"00001", "00002"}
    assert "00001" not in groups(office)["Department IT"]


def test_a_run_that_is_interrupted_before_its_second_round_ends_in_order(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    office.hire(people(2))
    office.push()
    delete(office, "Users", one_of(office, "Users", externalId="00001")["id"])
    office.hire([person(1, given="New"), person(2)])
    again = TargetRun.plan_again

    async def interrupted(self: TargetRun, *more: Any) -> None:
        self.connection.stop(Interrupted("interrupted", number=2))
        await again(self, *more)

    with monkeypatch.context() as patched:
        patched.setattr(TargetRun, "plan_again", interrupted)
        assert office.push().outcome == "interrupted"

    assert office.push(later=SOON).exit_code == 0
    assert len(names(office, "Users")) == 2
