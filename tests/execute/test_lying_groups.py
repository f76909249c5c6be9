"""Targets whose answers about groups do not prove what they seem to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.office import Office, Pauses, people, person
from tests.servers.faulty import Seen
from tests.servers.lying import AFTER, INSTEAD, READ, WRITES, Lie, LyingServer, running_lying_server

DAY = timedelta(days=1)
DEPARTMENTS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""
ABOUT_MEMBERS = {**INSTEAD, **AFTER, **WRITES["PATCH"]}


@pytest.fixture
def liar() -> Iterator[LyingServer]:
    with running_lying_server(unique_names=False) as server:
        yield server


@pytest.fixture
def lied_to(tmp_path: Path, liar: LyingServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A company whose wiki is the liar, with a group for each department."""
    monkeypatch.setenv("WIKI_TOKEN", liar.token)
    office = Office(tmp_path, liar.url, liar.token, time=Pauses().source)
    office.configure(more=DEPARTMENTS)
    return office


def members(liar: LyingServer, name: str) -> list[str]:
    """The ids of the members of the one group of this name."""
    (group,) = (one for one in liar.groups.values() if one["displayName"] == name)
    return sorted(one["value"] for one in group.get("members", []))


@pytest.mark.parametrize("name", ["202", "another", "error in a 200", "web page", "404 page"])
def test_who_was_not_taken_out_of_a_group_is_taken_out_later(
    lied_to: Office, liar: LyingServer, name: str
) -> None:
    lied_to.hire([*people(3), person(4, dept="Sales")])
    assert lied_to.push().exit_code == 0
    lie = ABOUT_MEMBERS[name]

    def about_members(seen: Seen, chance: Random) -> Lie | None:
        return lie if seen.method == "PATCH" and seen.path.startswith("/Groups/") else None

    liar.choose = about_members
    lied_to.hire([*people(2), person(3, dept="Sales"), person(4, dept="Sales")])

    assert lied_to.push().exit_code == 4

    assert "id-00003" in members(liar, "IT")
    liar.choose = lambda seen, chance: None
    assert lied_to.push(later=DAY).exit_code == 0
    assert members(liar, "IT") == ["id-00001", "id-00002"]
    assert members(liar, "Sales") == ["id-00003", "id-00004"]


def test_who_may_have_got_into_a_group_by_an_earlier_try_is_taken_out_again(
    lied_to: Office, liar: LyingServer
) -> None:
    """A request has its effect and no answer, its repetition is refused, and the group cannot be
    read; then the user moves back."""
    rows = [*people(3), person(4, dept="Sales")]
    lied_to.hire(rows)
    assert lied_to.push().exit_code == 0
    tries: list[Lie] = [AFTER["500 after all"]]

    def about_sales(seen: Seen, chance: Random) -> Lie | None:
        if seen.path != "/Groups/Sales-0":
            return None
        return tries.pop() if seen.method == "PATCH" and tries else INSTEAD["409"]

    liar.choose = about_sales
    lied_to.hire([*people(2), person(3, dept="Sales"), person(4, dept="Sales")])
    assert lied_to.push().exit_code == 4
    assert members(liar, "Sales") == ["id-00003", "id-00004"]
    liar.choose = lambda seen, chance: None
    lied_to.hire(rows)

    assert lied_to.push(later=DAY).exit_code == 0

    assert members(liar, "Sales") == ["id-00004"]


@pytest.mark.parametrize("readable", [True, False])
def test_a_refused_removal_never_empties_the_group(
    lied_to: Office, liar: LyingServer, readable: bool
) -> None:
    """The target follows the RFC, and once refuses a removal that names the member in the path. In
    another shape, the removal is one of all members."""
    lied_to.hire([*people(4), person(5, dept="Sales")])
    assert lied_to.push().exit_code == 0

    def about_removals(seen: Seen, chance: Random) -> Lie | None:
        paths = [one.get("path", "") for one in (seen.body or {}).get("Operations", ())]
        if any(path.startswith("members[") for path in paths):
            return INSTEAD["400 invalidPath"]
        emptied = not readable and not members(liar, "IT")
        return INSTEAD["403"] if seen.method == "GET" and emptied else None

    liar.choose = about_removals
    lied_to.hire([*people(3), person(4, dept="Sales"), person(5, dept="Sales")])

    lied_to.push()

    if readable:
        assert {"id-00001", "id-00002", "id-00003"} <= {*members(liar, "IT")}
    liar.choose = lambda seen, chance: None
    assert lied_to.push(later=DAY).exit_code == 0
    assert members(liar, "IT") == ["id-00001", "id-00002", "id-00003"]


def test_another_group_does_not_prove_that_a_member_is_out(
    lied_to: Office, liar: LyingServer
) -> None:
    lied_to.hire([*people(3), person(4, dept="Sales")])
    assert lied_to.push().exit_code == 0

    def about_it(seen: Seen, chance: Random) -> Lie | None:
        lies = {"PATCH": INSTEAD["501"], "GET": READ["another"]}
        return lies.get(seen.method) if seen.path == "/Groups/IT-0" else None

    liar.choose = about_it
    lied_to.hire([*people(2), person(3, dept="Sales"), person(4, dept="Sales")])

    assert lied_to.push().exit_code == 4

    liar.choose = lambda seen, chance: None
    assert lied_to.push(later=DAY).exit_code == 0
    assert members(liar, "IT") == ["id-00001", "id-00002"]


@pytest.mark.parametrize("name", ["404", "404 without a body", "404 of a gateway"])
def test_one_search_answered_with_404_does_not_make_a_group_twice(
    lied_to: Office, liar: LyingServer, name: str
) -> None:
    """Some servers answer so to all searches that find nothing. This one does not."""
    lied_to.hire([*people(3), person(4, dept="Sales")])
    assert lied_to.push().exit_code == 0
    liar.groups["by-hand"] = {"id": "by-hand", "displayName": "Law"}
    liar.choose = lambda seen, chance: (
        INSTEAD[name] if "Law" in seen.query.get("filter", "") else None
    )
    lied_to.hire([*people(3), person(4, dept="Sales"), person(5, dept="Law")])

    assert lied_to.push(later=DAY).exit_code == 4

    assert sorted(group["displayName"] for group in liar.groups.values()) == ["IT", "Law", "Sales"]


def test_a_list_from_before_a_creation_does_not_prove_that_nothing_was_created(
    lied_to: Office, liar: LyingServer
) -> None:
    """Filters do not work, and each creation is carried out but answered with a web page."""
    lied_to.hire(people(5))

    def all_day(seen: Seen, chance: Random) -> Lie | None:
        if "filter" in seen.query:
            return INSTEAD["400"]
        return AFTER["web page after all"] if seen.method == "POST" else None

    liar.choose = all_day
    for _ in range(3):
        lied_to.push(later=DAY)

    assert sorted(user["externalId"] for user in liar.users.values()) == [
        f"{number:05}" for number in range(1, 6)
    ]
    assert [group["displayName"] for group in liar.groups.values()] == ["IT"]


def test_a_list_from_before_a_creation_does_not_prove_that_a_group_is_gone(
    lied_to: Office, liar: LyingServer
) -> None:
    """Filters do not work, and the new group is not found by its id for a while."""
    lied_to.hire(people(5))
    assert lied_to.push().exit_code == 0
    lied_to.hire([*people(5), *(person(number, dept=f"Dept {number}") for number in range(6, 11))])

    def all_day(seen: Seen, chance: Random) -> Lie | None:
        if "filter" in seen.query:
            return INSTEAD["400"]
        return INSTEAD["404"] if seen.path.startswith("/Groups/Dept") else None

    liar.choose = all_day
    assert lied_to.push().exit_code == 4

    liar.choose = lambda seen, chance: None
    lied_to.push(later=DAY)
    assert lied_to.push(later=DAY).exit_code == 0
    assert members(liar, "Dept 7") == ["id-00007"]
