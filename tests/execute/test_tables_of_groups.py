"""Groups whose table is gone from sync.toml, or is of another kind now: nobody gets in, and leavers
get out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.execute.story import NO_GUARD, POST_GROUP, POST_USER, Proxied, Script, names, one_of
from tests.lifecycle.test_groups import (
    BY_DEPARTMENT,
    BY_RULE,
    BY_TEAM,
    groups,
    team,
    with_teams,
    write_teams,
)
from tests.office import people

pytestmark = pytest.mark.both_databases

DAY = timedelta(days=1)
REVOKE = 'leave = { action = "deactivate", revoke = ["memberships"] }'
KEEP = 'leave = { action = "keep" }\n'


@pytest.mark.parametrize("other", ["", BY_RULE], ids=["last table", "another table left"])
@pytest.mark.parametrize("table", [BY_TEAM, BY_DEPARTMENT], ids=["source", "each"])
def test_a_leaver_loses_memberships_of_groups_whose_table_is_gone(
    proxied: Proxied, other: str, table: str
) -> None:
    office, _ = proxied
    with_teams(office, target=REVOKE, groups=f"{table}{KEEP}{other}")
    office.hire(people(2))
    write_teams(office, [team("A", 1, 2)])
    office.push()
    with_teams(office, target=REVOKE, groups=other)
    office.push()
    name = "Team A" if table is BY_TEAM else "Department IT"
    assert groups(office)[name] == {"00001", "00002"}

    office.hire(people(1))
    office.push()

    assert one_of(office, "Users", externalId="00002")["active"] is False
    assert groups(office)[name] == {"00001"}
    assert office.push(later=DAY).targets["wiki"].requests == 0


@pytest.mark.parametrize("other", ["", BY_RULE], ids=["last table", "another table left"])
def test_nobody_comes_into_a_group_whose_table_is_gone(
    proxied: Proxied, script: Script, other: str
) -> None:
    office, _ = proxied
    office.configure(guard=NO_GUARD, more=f"{BY_DEPARTMENT}{KEEP}{other}")
    office.hire(people(1))
    office.push()
    office.hire(people(2))
    script.plan = {POST_USER: ["400"]}
    office.push()
    office.configure(guard=NO_GUARD, more=other)
    office.push()

    office.push(later=DAY)

    assert groups(office)["Department IT"] == {"00001"}


def test_a_group_that_was_never_made_is_not_made_by_a_table_of_another_kind(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    with_teams(office)
    office.hire(people(2))
    write_teams(office, [team("A", 1, 9)])
    script.plan = {POST_GROUP: ["400"]}
    office.push()
    assert names(office) == []
    with_teams(office, groups=BY_DEPARTMENT.replace("departments", "teams"))
    office.push()

    office.push(later=DAY)

    assert names(office) == ["Department IT"]
