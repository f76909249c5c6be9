"""What holds of any company: neither the order of rows nor the number of steps matters."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lifecycle import model
from tests.lifecycle.company import ENTERPRISE, Company, Rules, sync_toml
from tests.lifecycle.readback import read_all
from tests.lifecycle.year import live
from tests.office import Office
from tests.servers.wire import watched

Json = dict[str, Any]
SMALL = 70
"""People: enough for the five heads, the forty leads and some others."""


class Branch:
    """A small company and three targets of its own."""

    def __init__(self, office: Office, urls: dict[str, str]) -> None:
        self.office = office
        self.urls = urls

    def write(self, company: Company, rules: Rules, order: Random | None = None) -> None:
        people, teams = list(company.people.values()), list(company.teams.values())
        if order is not None:
            order.shuffle(people)
            order.shuffle(teams)
        self.office.write("sync.toml", sync_toml(rules, self.urls))
        self.office.hire(one.row() for one in people)
        self.office.hire((one.row() for one in teams), "teams.csv")

    def push(self) -> None:
        self.office.push(removals=100_000, updates=100_000, identity_changes=100_000, records=1)
        later = timedelta(hours=1)  # so that deletions that are due are confirmed
        outcome = self.office.push(
            later=later, removals=100_000, updates=100_000, identity_changes=100_000, records=1
        )
        assert (outcome.exit_code, outcome.problems) == (0, ())


@contextmanager
def branch(server: tuple[str, str], folders: pytest.TempPathFactory) -> Iterator[Branch]:
    """Its targets are at a real server, each a tenant of its own."""
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("WIKI_TOKEN", server[1])
        # a wire passes an answer on in one piece; the server itself sends it in two, and the
        # client's TCP waits before the second
        wires = {
            name: stack.enter_context(watched(f"{server[0]}/{name}-{secrets.token_hex(8)}/v2"))
            for name in ("wiki", "crm", "vault")
        }
        yield Branch(
            Office(folders.mktemp("branch"), "", server[1]),
            {name: wire.url for name, wire in wires.items()},
        )


def held_by(url: str, token: str, keys: set[str]) -> tuple[dict[str, Json], dict[str, set[str]]]:
    """Key -> what the account holds, and displayName -> members, as far as it is about `keys` and
    groups with such members."""
    users = read_all(url, token, "Users")
    whose = {one["id"]: one["externalId"] for one in users if one["externalId"] in keys}
    accounts = {one["externalId"]: _account(one, whose) for one in users if one["id"] in whose}
    found = read_all(url, token, "Groups")
    names = {one["id"]: one["displayName"] for one in found}
    members = {
        one["displayName"]: {
            whose.get(member["value"]) or names.get(member["value"], "")
            for member in one.get("members", [])
        }
        for one in found
    }
    return accounts, {name: some - {""} for name, some in members.items() if some - {""}}


def _account(user: Json, whose: Mapping[str, str]) -> Json:
    held = {
        name: value
        for name, value in user.items()
        if name not in ("id", "meta", "groups", "schemas") and value != []
    }
    for name in ("roles", "entitlements"):
        held[name] = sorted(one["value"] for one in held.get(name, []))
    extension = dict(held.get(ENTERPRISE, {}))
    manager = whose.get(extension.pop("manager", {}).get("value", ""))
    return held | {ENTERPRISE: extension | {"manager": manager}}


def test_a_year_in_twelve_steps_and_in_one_end_in_the_same_state(
    real_server: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Leavers are left out: who comes and goes between two steps never had an account, and is
    nobody's manager. So are teams that were dissolved, which the vault keeps."""
    with (
        branch(real_server, tmp_path_factory) as by_month,
        branch(real_server, tmp_path_factory) as at_once,
    ):
        company = Company.founded(1, SMALL)
        rules = Rules()
        for _, rules in live(company):
            by_month.write(company, rules)
            by_month.push()
            by_month.office.now += timedelta(days=30)
        at_once.office.now = by_month.office.now
        at_once.write(company, rules)
        at_once.push()

        dissolved = {f"Team {number} (vault)" for number in range(1, 16)} - {
            f"{team.name} (vault)" for team in company.teams.values()
        }
        for name, target in (
            ("wiki", model.wiki(rules)),
            ("crm", model.crm(rules)),
            ("vault", model.vault(rules)),
        ):
            keys = {key for key, person in company.people.items() if target.in_scope(person)}
            accounts, groups = held_by(by_month.urls[name], by_month.office.token, keys)
            assert accounts.keys() == keys
            known = {group: members for group, members in groups.items() if group not in dissolved}
            assert (accounts, known) == held_by(at_once.urls[name], at_once.office.token, keys), (
                name
            )


@settings(max_examples=2, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1_000_000), order=st.randoms(use_true_random=False))
def test_rows_in_any_order_give_the_same_plan(
    real_server: tuple[str, str], tmp_path_factory: pytest.TempPathFactory, seed: int, order: Random
) -> None:
    """Of a company's first day, and of the same company half a year later, when everything has
    changed."""
    with branch(real_server, tmp_path_factory) as one:
        company = Company.founded(seed, SMALL)
        year = live(company)
        for months in (1, 5):
            *_, (_, rules) = islice(year, months)
            plans = set()
            for shuffled in (None, order):
                one.write(company, rules, shuffled)
                plans.add(one.office.run("plan", "--json", "--offline").out)
            assert len(plans) == 1
            one.push()
