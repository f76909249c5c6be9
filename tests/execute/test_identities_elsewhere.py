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


ZOE = person(1, email="zoe@example.com", given="Zoe", family="Lee")
OLD = ("person1@example.com", True)


@pytest.fixture
def pushed(two: Two) -> Two:
    two.configure()
    two.office.hire(people(4))
    assert two.office.push().exit_code == 0
    return two


def test_a_target_that_is_pushed_alone_asks_what_the_others_know(pushed: Two) -> None:
    pushed.office.hire([ZOE, *people(4)[1:]])

    alone = pushed.office.run("push", "-t", "crm")

    assert alone.code == 4
    assert "00001: crm: the record belongs to another person" in alone.err
    assert pushed.office.run("plan", "-t", "crm").code == 4
    assert pushed.account("00001") == OLD


def test_a_target_that_comes_later_asks_what_the_others_know(pushed: Two) -> None:
    """wiki planned the change already, and held it back, while crm was out of reach."""
    pushed.office.hire([ZOE, *people(4)[1:]])
    assert pushed.office.run("push", "-t", "wiki").code == 4

    for _ in range(2):
        pushed.office.now += DAY
        assert pushed.office.run("push").code == 4
        assert pushed.account("00001") == OLD


def test_a_target_whose_secret_is_missing_is_asked_too(
    pushed: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed.office.hire([ZOE, *people(4)[1:]])
    text = (pushed.office.folder / "sync.toml").read_text("utf-8")
    pushed.office.write("sync.toml", text.replace("env:WIKI_TOKEN", "env:NONE", 1))

    assert pushed.office.run("push").code == 2
    assert pushed.account("00001") == OLD


def test_a_confirmed_key_is_the_same_person_everywhere(pushed: Two) -> None:
    pushed.office.hire([ZOE, *people(4)[1:]])
    assert pushed.office.run("push").code == 4
    assert pushed.office.run("rekey", "00001", "00001").code == 0

    assert pushed.office.run("push", "-t", "crm").code == 0
    assert pushed.account("00001") == ("zoe@example.com", True)


THE_SAME = person(1) | {"id": "HB-1"}
ANOTHER = person(1, given="Zoe", family="Lee") | {"id": "HB-1"}


def out_of(office: Office, run: str) -> str:
    return office.run(*run.split()).err.replace("\n", " ")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "leave",
    [
        'leave = { action = "deactivate" }',
        'leave = { action = "delete" }',
        'leave = { action = "deactivate", delete_after = "1d" }',
    ],
)
def test_a_new_key_is_no_way_around_a_deprovisioning(
    office: Office, faulty: FaultyServer, leave: str
) -> None:
    office.configure(target=leave)
    office.hire(people(4))
    assert office.push().exit_code == 0
    assert office.run("deprovision", "00001", "--yes").code == 0
    for _ in range(3):
        assert office.push(later=DAY).exit_code == 0
    known = dict(faulty.users)

    office.hire([THE_SAME, *people(4)[1:]])

    assert "HB-1: wiki: same userName person1@example.com" in out_of(office, "plan")
    for _ in range(2):
        assert office.push(later=40 * DAY).exit_code == 4
        assert faulty.users.keys() == known.keys()
        assert not any(
            user["active"] and user["userName"] == "person1@example.com"
            for user in faulty.users.values()
        )

    assert office.run("deprovision", "00001", "--lift").code == 0
    lifted = office.push(later=DAY)
    assert (lifted.exit_code == 0) is ("delete" in leave), lifted.problems


def test_who_never_had_an_account_stays_deprovisioned_under_a_new_key(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target="scope = \"dept == 'IT'\"")
    office.hire([person(1, dept="HR"), *people(4)[1:]])
    assert office.push().exit_code == 0
    assert office.run("deprovision", "00001", "--yes").code == 0

    office.hire([THE_SAME, *people(4)[1:]])

    assert "00001, which was deprovisioned by hand" in out_of(office, "push")
    assert len(faulty.users) == 3


def test_another_person_may_have_the_user_name_of_an_account_that_was_deleted(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target='leave = { action = "delete" }')
    office.hire(people(4))
    assert office.push().exit_code == 0
    assert office.run("deprovision", "00001", "--yes").code == 0

    office.hire([ANOTHER, *people(4)[1:]])

    assert office.push(later=DAY).exit_code == 0
    assert len(faulty.users) == 4


def test_a_deprovisioning_counts_at_a_target_where_there_was_no_account(two: Two) -> None:
    two.configure(wiki="scope = \"dept == 'IT'\"", crm="scope = \"dept == 'HR'\"")
    two.office.hire([*people(3), person(7, dept="HR")])
    assert two.office.push().exit_code == 0
    assert two.office.run("deprovision", "00001", "--yes").code == 0

    two.office.hire([THE_SAME | {"dept": "HR"}, *people(3)[1:], person(7, dept="HR")])

    assert two.office.push(later=DAY).exit_code == 4
    assert two.office.run("push", "-t", "crm").code == 4
    assert [user["externalId"] for user in two.crm.users.values()] == ["00007"]


def test_a_target_that_comes_later_follows_a_move(pushed: Two) -> None:
    """Without the names of wiki, both keys would be held back at crm for ever."""
    pushed.office.hire([THE_SAME, *people(4)[1:]])
    assert pushed.office.run("push", "-t", "wiki").code == 0

    assert "moved from 00001" in pushed.office.run("plan", "-t", "crm").out
    assert pushed.office.run("push").code == 0
    assert pushed.account("HB-1") == OLD
