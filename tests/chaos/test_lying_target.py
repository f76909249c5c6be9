"""A target that lies at random: nobody wrongly loses or keeps access without a word, and all is
right once the lies stop."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.liar import any_mood
from tests.chaos.scale import LONG, scaled, seed
from tests.chaos.staff import DEACTIVATE, DELETE, Staff
from tests.office import ENTERPRISE, Office, Pauses
from tests.servers.lying import LyingServer, running_lying_server

Json = dict[str, Any]
DAYS = 10
DAY = timedelta(days=1)


class Lied:
    """A company and its target, day by day."""

    def __init__(
        self, folder: Path, server: LyingServer, chance: random.Random, number: int
    ) -> None:
        self.server, self.chance, self.number = server, chance, number
        self.office = Office(folder, server.url, server.token, time=Pauses().source)
        self.staff = Staff(chance, 200, 20)
        self.deletes = chance.random() < 0.5
        self.staff.configure(self.office, DELETE if self.deletes else DEACTIVATE)
        self.server.add(userName="svc-backup", active=True)
        self.where: tuple[Any, ...] = ()

    def push(self) -> int:
        """Push the company of today, and assert what must hold whatever the target says."""
        self.office.hire(self.staff.rows.values())
        active = {one["externalId"] for one in self._accounts() if one["active"]}
        outcome = self.office.push(later=DAY)
        code = outcome.exit_code
        self.where = (*self.where[:2], code, outcome.problems, outcome.targets["wiki"])
        held = {one["externalId"]: one for one in self._accounts()}
        self._assert_no_duplicates()
        self._assert_owners()
        locked_out = [
            key
            for key in self.staff.rows.keys() & active
            if key not in held or not held[key]["active"]
        ]
        assert not locked_out, (locked_out, self.where)
        if code == 0:
            self._assert_no_excess(held)
        return code

    def day(self, number: int) -> None:
        """Change, lie, push."""
        mood, choose = any_mood(self.chance)
        self.where = (f"seed {self.number}", f"day {number}: {mood}")
        self.server.choose, self.server.seed = choose, f"{self.number} {number}"
        self.push()
        self.server.choose = lambda seen, chance: None
        self.staff.day()

    def assert_converges(self) -> None:
        """Push twice without lies; all is as it should be."""
        self.where = (f"seed {self.number}", "honest")
        self.push()
        code = self.push()
        assert code == 0, self.where
        held = {one["externalId"]: one for one in self._accounts()}
        keys = {one["id"]: key for key, one in held.items()}
        wanted = self.staff.accounts()
        wrong = {}
        for key, account in wanted.items():
            shown, right = _shown(held.get(key), keys), _shown(account, {})
            if shown is not None and not self.staff.rows[key]["manager"]:
                # a creation without an answer may have set one that is not wanted any more
                shown = shown | {ENTERPRISE: {**shown[ENTERPRISE], "manager": None}}
            if shown != right:
                wrong[key] = (shown, right)
        assert not wrong, (wrong, self.where)
        groups = self._members(keys)
        assert groups == self.staff.groups(), self.where
        assert self.server.named("svc-backup") == {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "svc-backup",
            "active": True,
            "id": "id-1",
        }
        assert self.office.plan() == [], self.where

    def _accounts(self) -> list[Json]:
        return [one for one in self.server.users.values() if "externalId" in one]

    def _members(self, keys: dict[str, str]) -> dict[str, set[str]]:
        return {
            group["displayName"]: {
                keys.get(one["value"], "nobody") for one in group.get("members", [])
            }
            for group in self.server.groups.values()
        }

    def _assert_no_duplicates(self) -> None:
        names = Counter(one["userName"].casefold() for one in self.server.users.values())
        groups = Counter(one["displayName"].casefold() for one in self.server.groups.values())
        twice = [name for name, times in (names + groups).items() if times > 1]
        assert not twice, (twice, self.where)
        people = Counter(one["externalId"] for one in self._accounts())
        assert max(people.values(), default=1) == 1, (people.most_common(3), self.where)

    def _assert_owners(self) -> None:
        if not (self.office.folder / "scimsync.db").exists():
            return
        links = self.office.links()
        whose: Counter[str] = Counter(
            link.remote_id for link in links.values() if link.remote_id and link.has_account
        )
        assert max(whose.values(), default=1) == 1, (whose.most_common(3), self.where)
        for key, link in links.items():
            account = self.server.users.get(link.remote_id or "")
            if link.has_account and account is not None:
                assert account.get("externalId") == key, (key, account, self.where)

    def _assert_no_excess(self, held: dict[str, Json]) -> None:
        """Nobody has more access than wanted, if nothing was said."""
        stay = [
            key for key, account in held.items() if key not in self.staff.rows and account["active"]
        ]
        assert not stay, (stay, [self.office.links().get(key) for key in stay], self.where)
        keys = {one["id"]: key for key, one in held.items()}
        wanted = self.staff.groups()
        members = {
            name: some - wanted.get(name, set()) for name, some in self._members(keys).items()
        }
        more = {name: some for name, some in members.items() if some}
        assert not more, (more, self.where)
        roles = {
            key: account.get("roles")
            for key, account in held.items()
            if key in self.staff.rows
            and account.get("roles", []) != [{"value": self.staff.rows[key]["dept"]}]
        }
        assert not roles, (roles, self.where)


def _shown(account: Json | None, keys: dict[str, str]) -> Json | None:
    """An account without what the target adds, a manager by key."""
    if account is None:
        return None
    kept = {name: value for name, value in account.items() if name not in ("id", "meta")}
    extension = dict(kept.pop(ENTERPRISE, {}))
    manager = extension.pop("manager", {}).get("value")
    kept["schemas"] = sorted(kept["schemas"])
    return kept | {ENTERPRISE: {**extension, "manager": keys.get(manager, manager)}}


def lie_for_ten_days(folder: Path, number: int) -> None:
    """Ten days of lies and two without."""
    chance = random.Random(number)
    folder.mkdir()
    unique = chance.random() < 0.5
    with running_lying_server(unique_names=unique) as server:
        lied = Lied(folder, server, chance, number)
        lied.staff.found()
        for day in range(DAYS):
            lied.day(day)
        lied.assert_converges()


@pytest.mark.parametrize("number", range(scaled(1, 200)))
def test_a_target_that_lies_for_ten_days(tmp_path: Path, number: int) -> None:
    first = seed() if LONG else 1
    lie_for_ten_days(tmp_path / "office", first + number)
