"""The exports of examples/exports: two days at a real SCIM server, and `init` with the first."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.docs.documentation import ROOT
from tests.office import ENTERPRISE, Json, Office, fetch

FOLDER = ROOT / "examples" / "exports"
EXPORTS = sorted(path.parent.name for path in FOLDER.glob("*/sync.toml"))


@dataclass(frozen=True)
class Days:
    """What happens on two days, by userName.

    `first` get an account on the first day. On the second, `joined` get one, `changed` are updated,
    and `left` is deactivated. `holds` are parts of accounts after that. `moved` is who leaves a
    group for another one, with the names of both.
    """

    first: frozenset[str]
    joined: str
    changed: tuple[str, ...]
    left: str
    holds: Mapping[str, Json]
    moved: tuple[str, str, str] | None = None


def staff(department: str = "Sales", **more: Any) -> Days:
    """The two days of the office in the exports of directories and HR systems.

    Gro left long ago, Ivo starts in 2035, and the account of Kim expired.
    """
    names = "ada.adler bo.berg cy.cole dana.diaz eva.ek finn.fox hana.hill"
    return Days(
        first=frozenset(f"{name}@example.com" for name in names.split()),
        joined="jo.jung@example.com",
        changed=("cy.cole@example.com", "eva.falk@example.com"),
        left="dana.diaz@example.com",
        holds={
            "cy.cole@example.com": {ENTERPRISE: {"department": department}},
            "eva.falk@example.com": {"name": {"givenName": "Eva", "familyName": "Falk"}},
            "jo.jung@example.com": {"active": True, "displayName": "Jo Jung"},
        },
        **more,
    )


PUPILS_AND_TEACHERS = frozenset(
    ["aabel", "bboyd", "ccruz", "ddean", "eeng", "ffaust", "ggray", "hho", "iito"]
)


def school(*changed: str, group: tuple[str, str] | None = None, **holds: Json) -> Days:
    """The two days of the schools in the exports of school systems."""
    return Days(
        first=frozenset(
            ["aabel", "bboyd", "ccruz", "ddean", "eeng", "ffaust", "ggray", "hho", "iito"]
        ),
        joined="jjuul",
        changed=(*changed, "fflynn"),
        left="ggray",
        holds={
            "fflynn": {"name": {"givenName": "Fay", "familyName": "Flynn"}},
            "jjuul": {"active": True},
            **holds,
        },
        moved=None if group is None else ("eeng", *group),
    )


SOUTH: Json = {ENTERPRISE: {"department": "South School"}}
WITH_SCHOOL = ("Mathematics 7a (North School)", "Art 8b (South School)")
CLASSES = ("Mathematics 7a", "Art 8b")

DAYS = {
    "adp": staff(),
    "apple-school-manager": school("eeng", group=CLASSES, eeng=SOUTH),
    "bamboohr": staff(),
    "canvas": school(group=CLASSES),
    "clever": school("eeng", group=WITH_SCHOOL, eeng=SOUTH),
    "csvde": staff(),
    "entra": staff(),
    "get-aduser": staff(),
    "google-workspace": staff(moved=("cy.cole@example.com", "/Purchasing", "/Sales")),
    "hibob": staff(),
    "jumpcloud": staff(),
    "microsoft-365": staff(),
    "moodle": school("eeng", group=CLASSES, eeng={ENTERPRISE: {"organization": "South School"}}),
    "okta": staff(),
    "oneroster-1.1": school("eeng", group=WITH_SCHOOL, eeng=SOUTH),
    "oneroster-1.2": school("eeng", group=CLASSES, eeng=SOUTH),
    "personio": staff(),
    "workday": staff(),
}
MANAGED = [
    name
    for name in EXPORTS
    if name not in ("entra", "microsoft-365") and DAYS[name].left != "ggray"
]
"""The exports that say who manages whom: Bo manages Eva."""


def copied(name: str, office: Office) -> Office:
    """Copy an example, with the URL of the office's server."""
    shutil.copytree(FOLDER / name, office.folder, dirs_exist_ok=True)
    text = (office.folder / "sync.toml").read_text("utf-8")
    office.write("sync.toml", text.replace("https://wiki.example.com/scim/v2", office.url))
    return office


def turn_to_day_two(office: Office) -> None:
    """Replace the files of the first day by those of the second."""
    office.now += timedelta(days=1)
    for path in [*office.folder.glob("day2.csv"), *office.folder.glob("day2/*.csv")]:
        name = path.relative_to(office.folder).as_posix().replace("day2", "day1")
        shutil.copy(path, office.folder / name)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_followed_for_two_days(name: str, real_office: Office) -> None:
    days, office = DAYS[name], copied(name, real_office)

    checked = office.run("check")
    assert (checked.code, "warning" in checked.out) == (0, False), checked.out
    first = office.run("push", "--json")
    assert (first.code, first.document["problems"]) == (0, []), first.err
    accounts = office.accounts()
    assert accounts.keys() == days.first
    assert all(account["active"] for account in accounts.values())

    turn_to_day_two(office)
    planned = office.run("plan", "--json").document
    second = office.run("push", "--json")
    assert (second.code, second.document["problems"]) == (0, []), second.err
    accounts = office.accounts()
    names = {account["externalId"]: each for each, account in accounts.items()}
    done: dict[str, set[str]] = {}
    for operation in planned["targets"]["wiki"]["operations"]:
        if operation["kind"] == "user":
            done.setdefault(operation["action"], set()).add(names[operation["key"]])
    assert done == {"create": {days.joined}, "update": {*days.changed}, "deactivate": {days.left}}
    assert {each for each, account in accounts.items() if not account["active"]} == {days.left}
    for each, part in days.holds.items():
        assert_holds(accounts[each], part)
    if days.moved is not None:
        who, before, after = days.moved
        groups = memberships(office)
        assert who in groups[after]
        assert who not in groups.get(before, ())

    third = office.run("push", "--json").document
    assert third["targets"]["wiki"]["requests"] == 0


@pytest.mark.parametrize("name", MANAGED)
def test_an_export_tells_who_manages_whom(name: str, real_office: Office) -> None:
    office = copied(name, real_office)

    assert office.run("push").code == 0

    accounts = office.accounts()
    manager = accounts["eva.ek@example.com"][ENTERPRISE]["manager"]["value"]
    assert manager == accounts["bo.berg@example.com"]["id"]


def assert_holds(resource: Json, part: Json) -> None:
    """Check that a resource has the values of `part`."""
    for attribute, value in part.items():
        if isinstance(value, dict):
            assert_holds(resource[attribute], value)
        else:
            assert resource[attribute] == value, attribute


def memberships(office: Office) -> dict[str, set[str]]:
    """Return the userNames of the members of each group, by its displayName."""
    names = {account["id"]: name for name, account in office.accounts().items()}
    page = fetch(f"{office.url}/Groups?count=500", office.token)
    return {
        group["displayName"]: {names[member["value"]] for member in group.get("members", [])}
        for group in page["Resources"]
    }


def test_each_example_says_where_its_columns_come_from() -> None:
    index = (FOLDER / "README.md").read_text("utf-8")

    for name in EXPORTS:
        text = (FOLDER / name / "README.md").read_text("utf-8")
        assert re.search(r"^Columns:\s.*\b20\d\d\b", text, re.MULTILINE | re.DOTALL), name
        assert f"]({name})" in index
