"""Accidents of HR's files: each is stopped, held back for the people concerned, or harmless, and
the right file brings everything back."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.accidents import GROSS, HALF, Rows, company, written
from tests.chaos.scale import LONG
from tests.office import USER, Office, Pauses
from tests.servers.lying import LyingServer, running_lying_server

Json = dict[str, Any]
ACCIDENTS = {**GROSS, **HALF}
RETURNS = {"rows doubled under other keys": ("--allow-records", "50%")}
"""What the right file needs after an accident."""

HOURS = timedelta(hours=21)
MAPPING = USER + 'roles = "[dept]"\n'
TARGET = """
scope = "status == 'active'"
leave = { action = "deactivate", revoke = ["memberships", "roles"] }
"""
GROUPS = """
[access]
Senior = "level | int >= 3"
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
[targets.wiki.groups.seniors]
displayName = { value = "Seniors" }
members = "'Senior' in access"
"""


class Employed:
    """A company whose accounts are right. `rows` are its file."""

    def __init__(self, folder: Path, server: LyingServer, size: int) -> None:
        self.server, self.rows = server, company(size)
        self.office = Office(folder, server.url, server.token, time=Pauses().source)
        self.office.configure(user=MAPPING, target=TARGET, more=GROUPS)
        self.push(self.rows)
        self.users, self.groups = deepcopy(server.users), deepcopy(server.groups)
        self.folder, self.now = folder, self.office.now

    def push(self, file: Rows | bytes, *options: str) -> tuple[int, str]:
        """Push a file; return the exit code and what is said."""
        content = file if isinstance(file, bytes) else written(file)
        (self.office.folder / "hr.csv").write_bytes(content)
        self.office.now += HOURS
        ran = self.office.run("push", *options)
        return ran.code, ran.err

    def again(self, folder: Path) -> None:
        """Start again from the right accounts."""
        shutil.copytree(self.folder, folder)
        self.office.folder, self.office.now = folder, self.now
        self.server.users, self.server.groups = deepcopy(self.users), deepcopy(self.groups)

    def harm(self) -> dict[str, str]:
        """Return who has lost what."""
        harm = {}
        whose = {user["userName"]: user_id for user_id, user in self.users.items()}
        keys = {user["externalId"]: user_id for user_id, user in self.users.items()}
        for user_id, before in self.users.items():
            after = self.server.users.get(user_id)
            if after is None:
                harm[user_id] = "deleted"
            elif not after["active"]:
                harm[user_id] = "deactivated"
            elif whose.get(after["userName"], user_id) != user_id:
                harm[user_id] = f"belongs to {after['userName']}"
            elif keys.get(after["externalId"], user_id) != user_id:
                harm[user_id] = f"belongs to {after['externalId']}"
            elif after.get("roles", []) != before["roles"]:
                harm[user_id] = f"has the roles {after.get('roles', [])}"
            elif lost := self._lost_groups(user_id):
                harm[user_id] = f"is no longer in {lost}"
        return harm

    def _lost_groups(self, user_id: str) -> list[str]:
        now = members(self.server.groups)
        return [
            name
            for name, some in members(self.groups).items()
            if user_id in some and user_id not in now.get(name, set())
        ]


def members(groups: dict[str, Json]) -> dict[str, set[str]]:
    """displayName -> ids."""
    return {
        group["displayName"]: {one["value"] for one in group.get("members", [])}
        for group in groups.values()
    }


def _cases() -> list[tuple[int, str]]:
    """Return (size, name): all in a long run, or else some of both sizes."""
    every = 1 if LONG else 16
    cases = [(4, name) for name in list(GROSS)[::every]]
    cases += [(40, name) for name in list(ACCIDENTS)[every // 2 :: every]]
    return cases + [(400, name) for name in ACCIDENTS if LONG]


@pytest.fixture(scope="module")
def employed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Employed]:
    with running_lying_server(unique_names=True) as server:
        yield Employed(tmp_path_factory.mktemp("company"), server, request.param)


@pytest.mark.parametrize(("employed", "name"), _cases(), indirect=["employed"])
def test_an_accident_locks_nobody_out(employed: Employed, tmp_path: Path, name: str) -> None:
    employed.again(tmp_path / "office")

    code, said = employed.push(ACCIDENTS[name](employed.rows, random.Random(name)))

    assert code in range(5), said
    assert "Traceback" not in said
    harm = employed.harm()
    assert not harm, (code, harm, said)
    employed.push(employed.rows, *RETURNS.get(name, ()))
    code, said = employed.push(employed.rows)
    assert code == 0, said
    assert employed.server.users == employed.users
    assert members(employed.server.groups) == members(employed.groups)
