"""What one target knows about keys, and the targets where it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.office import SOURCE, USER, Office, Row, people, person
from tests.servers.faulty import FaultyServer, running_faulty_server

DAY = timedelta(days=1)
NO_NAMES = """
userName = "email | lower"
externalId = "id"
active = true
"""
CONTRACTORS = '[sources.con]\ntype = "file"\npath = "con.csv"\nkey = "id"\n'


@dataclass(frozen=True, slots=True)
class Two:
    """A company with two targets: wiki knows names, crm does not."""

    office: Office
    crm: FaultyServer

    def configure(self, *, source: str = SOURCE, wiki: str = "", crm: str = "") -> None:
        self.office.configure(
            source=source,
            user=USER,
            target=wiki,
            more=f"""
[targets.crm]
url = "{self.crm.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
{crm}
[targets.crm.user]
{NO_NAMES}
""",
        )

    def account(self, key: str) -> tuple[str, bool]:
        """The userName and `active` of an account at crm, by the externalId."""
        (user,) = [one for one in self.crm.users.values() if one["externalId"] == key]
        return user["userName"], user["active"]


@pytest.fixture
def two(office: Office) -> Iterator[Two]:
    with running_faulty_server() as server:
        yield Two(office, server)


def contractor(number: int, key: str | None = None) -> Row:
    """A row of con.csv."""
    name = f"contractor{number}@example.org"
    return person(number, email=name, given=f"Con{number}") | ({"id": key} if key else {})


def test_a_move_in_one_population_is_none_in_another(two: Two) -> None:
    """The same keys mean other people in a source that no target combines with the first."""
    two.configure(source=SOURCE + CONTRACTORS, wiki='source = "hr"', crm='source = "con"')
    two.office.hire(people(4))
    two.office.hire([contractor(number) for number in range(1, 5)], "con.csv")
    assert two.office.push().exit_code == 0

    two.office.hire([person(1) | {"id": "90"}, *people(4)[1:]])
    others = [contractor(number) for number in range(2, 5)]
    two.office.hire([contractor(7, "90"), *others], "con.csv")
    outcome = two.office.push(later=DAY)

    assert outcome.exit_code == 0
    assert outcome.targets["wiki"].counts == {"move": 1}
    assert outcome.targets["crm"].counts == {"create": 1, "deactivate": 1}
    assert two.account("00001") == ("contractor1@example.org", False)
    assert two.account("90") == ("contractor7@example.org", True)


def test_a_target_with_both_sources_makes_them_one_population(two: Two) -> None:
    two.configure(source=SOURCE + CONTRACTORS, wiki='source = ["hr", "con"]', crm='source = "hr"')
    two.office.hire(people(4))
    two.office.hire([contractor(9)], "con.csv")
    assert two.office.push().exit_code == 0

    two.office.hire([person(1) | {"id": "90"}, *people(4)[1:]])
    outcome = two.office.push(later=DAY)

    assert [one.counts for one in outcome.targets.values()] == [{"move": 1}, {"move": 1}]
