"""One company, kept in each kind of source, gives the same plan.

The push comes from CSV files. If another kind of source with the same keys takes their place,
nothing is left to do.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.acceptance.holders import HOLDERS
from tests.acceptance.holders.files import csv_files
from tests.acceptance.holders.holder import Held
from tests.chaos.scale import scaled
from tests.office import ENTERPRISE, Office
from tests.servers.lying import running_lying_server
from tests.sources_company import Company, company

Json = dict[str, Any]


def configure(office: Office, held: Held) -> None:
    """Write a sync.toml that takes people and groups from one kind of source."""
    office.configure(
        source=f"[sources.staff]\n{held.people}\n\n[sources.teams]\n{held.groups}\n",
        target=f'source = "staff"\nscope = "{held.scope}"',
        user=f"""
externalId = "{held.key}"
userName = "{held.user_name}"
"name.givenName" = "{held.given_name}"
"name.familyName" = "{held.family_name}"
title = "{held.title}"
active = true
"{ENTERPRISE}:department" = "{held.department}"
"{ENTERPRISE}:manager.value" = "ref({held.manager})"
""",
        more=f"""
[targets.wiki.groups.teams]
source = "teams"
displayName = "{held.group_name}"
members = "{held.members}"
""",
    )


@dataclass(frozen=True)
class Pushed:
    """A company that was pushed from CSV files: its folder, and the plan of the push."""

    company: Company
    office: Office
    plan: list[Json]


def in_order(operations: list[Json]) -> list[Json]:
    """The operations by kind and key; members in the order of their ids."""
    return sorted(operations, key=lambda one: (one["kind"], one["key"], one["action"]))


def what(operations: list[Json]) -> list[Json]:
    """What is planned, without the reason, which may name columns."""
    kept = [
        {name: one[name] for name in ("kind", "key", "action", "changes")} for one in operations
    ]
    return in_order(kept)


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    """500 people and 20 groups, or 2,000 and 60 in `make chaos`."""
    staff = company(scaled(500, 2000), scaled(20, 60))
    folder = tmp_path_factory.mktemp("pushed")
    with running_lying_server(unique_names=True) as server, csv_files(staff, folder) as held:
        office = Office(folder, server.url, server.token)
        configure(office, held)
        planned = what(office.plan(offline=True))
        assert len(server.users) == 0
        outcome = office.push()
        assert outcome.exit_code == 0, outcome
        assert len(server.users) == len(staff.active)
        assert len(server.groups) == len(staff.groups)
        yield Pushed(staff, office, planned)


@pytest.mark.parametrize("kind", HOLDERS)
def test_the_plan_is_the_same_and_nothing_is_left_after_the_push(
    kind: str, pushed: Pushed, tmp_path: Path
) -> None:
    with (
        HOLDERS[kind](pushed.company, tmp_path) as held,
        patch.dict(os.environ, held.environment),
    ):
        office = Office(tmp_path, pushed.office.url, pushed.office.token)
        configure(office, held)
        assert what(office.plan(offline=True)) == pushed.plan
        for state in pushed.office.folder.glob("scimsync.db*"):
            shutil.copy(state, tmp_path)
        assert office.plan() == []
