"""A year of a made-up company: at the end of each month all targets are what a simple model of the
rules says they should be, and no request was made that the model does not ask for."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scimsync.model.operations import Action
from scimsync.run import RunOutcome
from tests.lifecycle import model
from tests.lifecycle.company import Company, Rules, sync_toml
from tests.lifecycle.model import Target, TargetRules
from tests.lifecycle.readback import Reader, differences, expected_groups, expected_users
from tests.lifecycle.year import live
from tests.office import Office, counts
from tests.servers.wire import Wire, watched

NO_LIMIT: dict[str, Any] = {
    "removals": 100_000,
    "updates": 100_000,
    "identity_changes": 100_000,
    "records": 1,
}


@pytest.fixture
def wires(real_server: tuple[str, str]) -> Iterator[dict[str, Wire]]:
    """Three targets, each a scim2-server of its own, all requests seen."""
    url, _ = real_server
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(watched(f"{url}/{name}-{secrets.token_hex(8)}/v2"))
            for name in ("wiki", "crm", "vault")
        }


def rules_of_targets(rules: Rules) -> dict[str, TargetRules]:
    """The targets that there are in a month."""
    there = {"wiki": model.wiki(rules), "crm": model.crm(rules)}
    return there | ({"vault": model.vault(rules)} if rules.vault else {})


class Year:
    """The company's office, and beside it the model of what should come of it."""

    def __init__(self, office: Office, wires: dict[str, Wire], size: int) -> None:
        self.office, self.wires = office, wires
        self.company = Company.founded(2026, size)
        self.targets = {name: Target() for name in wires}
        self.readers = {name: Reader(wire.url, office.token) for name, wire in wires.items()}

    def push(self) -> RunOutcome:
        for wire in self.wires.values():
            wire.seen.clear()
        return self.office.push(**NO_LIMIT)

    def write(self, rules: Rules) -> None:
        self.office.write(
            "sync.toml", sync_toml(rules, {name: wire.url for name, wire in self.wires.items()})
        )
        self.office.hire(one.row() for one in self.company.people.values())
        self.office.hire((one.row() for one in self.company.teams.values()), "teams.csv")


def test_a_year_of_five_hundred_people_at_three_targets(
    tmp_path: Path,
    real_server: tuple[str, str],
    wires: dict[str, Wire],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", real_server[1])
    year = Year(Office(tmp_path, "", real_server[1]), wires, 505)
    months = 0
    happened: Counter[str] = Counter()
    for month, rules in live(year.company):
        year.write(rules)
        outcome = year.push()

        written = {name: len(wire.written()) for name, wire in wires.items()}
        there = rules_of_targets(rules)
        requests = {
            name: year.targets[name].month(one, year.company, year.office.now)
            for name, one in there.items()
        }
        assert outcome.exit_code == 0, (month, outcome.problems)
        for name in there:
            held = year.readers[name].users(year.targets[name])
            assert differences(held, expected_users(year.targets[name])) == {}, (month, name)
            groups = year.readers[name].groups(year.targets[name])
            assert differences(groups, expected_groups(year.targets[name])) == {}, (month, name)
            happened.update(counts(outcome, name))
        assert {name: written[name] for name in there} == requests, month
        assert year.push().outcome == "done"
        assert {name: wire.seen for name, wire in wires.items() if wire.seen} == {}, month
        assert len(year.company.people) >= 500
        assert sum(len(target.groups) for target in year.targets.values()) >= 40
        year.office.now += timedelta(days=30)
        months += 1
    assert months == 12
    assert all(
        len(year.targets[name].users) >= number
        for name, number in (("wiki", 500), ("crm", 60), ("vault", 40))
    )
    assert set(happened) == set(Action) - {Action.ADOPT, Action.MOVE}
    assert sum(target.stepped_aside for target in year.targets.values()) >= 2
    assert year.targets["wiki"].chunked >= 1
