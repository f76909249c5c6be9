"""A company with a target that is written to in each fixed dialect, for two days."""

from __future__ import annotations

from pathlib import Path

import pytest

from scimsync.scim.dialects import DIALECTS
from tests.interop.site import USER
from tests.interop.test_all_pairs import FIRST_DAY, LEAVER, NEXT_DAY, wrong
from tests.lifecycle.test_shapes import GROUPS, NO_GUARD
from tests.office import Office, Pauses
from tests.servers.partial import running_partial_server


# entra-legacy sends `active` as text, which no server to the letter of the RFC stores
@pytest.mark.parametrize("dialect", sorted(set(DIALECTS) - {"auto", "entra-legacy"}))
def test_two_days_in_a_dialect(dialect: str, tmp_path: Path) -> None:
    with running_partial_server(set()) as server:
        office = Office(tmp_path, server.url, server.token, time=Pauses().source)
        groups = "" if dialect == "google" else GROUPS
        office.configure(user=USER, more=groups, guard=NO_GUARD, target=f'dialect = "{dialect}"')
        for rows, left in ((FIRST_DAY, []), (NEXT_DAY, [LEAVER])):
            office.hire(rows)
            ran = office.run("push")

            assert ran.code == 0, ran.err
            found = [one for one in wrong(server, rows, left) if "no group" not in one or groups]
            assert found == []


def test_a_dialect_without_groups_refuses_tables_of_groups(tmp_path: Path) -> None:
    office = Office(tmp_path, "http://127.0.0.1:1/v2", "token", time=Pauses().source)
    office.configure(user=USER, more=GROUPS, target='dialect = "google"')
    office.hire(FIRST_DAY)

    ran = office.run("push")

    assert ran.code == 2
    assert "sync.toml: targets.wiki.groups: this dialect does not provision groups" in ran.err
