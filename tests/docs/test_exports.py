"""The exports of examples/exports: two days at a real SCIM server, and `init` with the first."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable, Mapping
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


@pytest.mark.parametrize("name", [name for name in EXPORTS if (FOLDER / name / "day1").is_dir()])
def test_a_bundle_of_files_may_be_packed(name: str, real_office: Office) -> None:
    office = copied(name, real_office)
    unpacked = office.run("plan", "--offline", "--json").document

    shutil.make_archive(str(office.folder / "bundle"), "zip", office.folder / "day1")
    shutil.rmtree(office.folder / "day1")
    text = (office.folder / "sync.toml").read_text("utf-8")
    office.write("sync.toml", text.replace("day1/", "bundle.zip/"))
    packed = office.run("plan", "--offline", "--json")

    assert packed.code == 0, packed.err
    assert packed.document["targets"] == unpacked["targets"]


@dataclass(frozen=True)
class Drafted:
    """What `init` makes of the file of the first day.

    `users` are the userNames that it would create, by default those that the example creates.
    `told` are parts of the notes on the screen.
    """

    key: str
    scope: str | None
    user_name: str
    users: Callable[[frozenset[str]], set[str]] = set
    told: tuple[str, ...] = ()
    file: str = "day1.csv"


def without(*left_out: str) -> Callable[[frozenset[str]], set[str]]:
    return lambda names: {name for name in names if not name.startswith(left_out)}


NO_LEAVERS = "No column was recognized that says who has left, so everyone"
NO_MANAGER = "The manager is not mapped, because"

DRAFTED = {
    "adp": Drafted(
        "Associate ID",
        "col['Position Status'] == 'Active' and col['Hire Date'] | date('%m/%d/%Y') <= today",
        "col['Work Contact: Work Email'] | lower",
        without("hana"),
        ("users with 'Leave' are out of scope",),
    ),
    "apple-school-manager": Drafted(
        "person_id",
        None,
        "sis_username",
        without("aabel", "bboyd", "ccruz"),
        (NO_LEAVERS,),
        "day1/students.csv",
    ),
    "bamboohr": Drafted(
        "Employee #",
        "Status == 'Active' and col['Hire Date'] | date <= today",
        "col['Work Email'] | lower",
    ),
    "canvas": Drafted("user_id", "status == 'active'", "login_id", file="day1/users.csv"),
    "clever": Drafted(
        "Student_id",
        None,
        "Username",
        without("aabel", "bboyd", "ccruz"),
        (NO_LEAVERS,),
        "day1/students.csv",
    ),
    "csvde": Drafted(
        "objectGUID",
        "(userAccountControl | int) // 2 % 2 == 0"
        " and (accountExpires | filetime is none or accountExpires | filetime > today)",
        "userPrincipalName",
        told=(f"{NO_MANAGER} manager holds values of DN and not keys.",),
    ),
    "entra": Drafted(
        "objectId",
        "accountEnabled == 'True'",
        "userPrincipalName",
        lambda names: {*names, "kai.kern_example.org#EXT#@example.com"},
    ),
    "get-aduser": Drafted(
        "EmployeeID",
        "Enabled == 'True' and (userAccountControl | int) // 2 % 2 == 0"
        " and (accountExpires | filetime is none or accountExpires | filetime > today)",
        "UserPrincipalName",
        told=(f"{NO_MANAGER} Manager holds values of DistinguishedName and not keys.",),
    ),
    "google-workspace": Drafted(
        "Employee ID",
        "col['Status [READ ONLY]'] == 'Active'",
        "col['Email Address [Required]'] | lower",
        told=(f"{NO_MANAGER} col['Manager Email'] holds values of",),
    ),
    "hibob": Drafted(
        "Employee ID",
        "col['Lifecycle status'] == 'Employed' and col['Start date'] | date('%d/%m/%Y') <= today",
        "Email | lower",
        without("hana"),
        (
            "users with 'Parental leave', 'Hired' are out of scope",
            f"{NO_MANAGER} col['Reports to'] holds values of col['Display name'] and not keys.",
        ),
    ),
    "jumpcloud": Drafted(
        "_id",
        "state == 'ACTIVATED' and activated == 'True' and suspended == 'False'",
        "username",
        lambda names: {name.partition("@")[0].replace(".", "") for name in names},
        ("users with 'STAGED' are out of scope",),
    ),
    "microsoft-365": Drafted(
        "Object Id", "col['Block credential'] == 'False'", "col['User principal name'] | lower"
    ),
    "moodle": Drafted("idnumber", "suspended == '0'", "username"),
    "okta": Drafted(
        "user.id",
        "col['user.status'] in ['ACTIVE', 'PASSWORD_EXPIRED']",
        "col['user.login']",
        told=("users with 'STAGED' are out of scope",),
    ),
    "oneroster-1.1": Drafted(
        "sourcedId", "enabledUser == 'true'", "username", file="day1/users.csv"
    ),
    "oneroster-1.2": Drafted(
        "sourcedId", "enabledUser == 'true'", "username", file="day1/users.csv"
    ),
    "personio": Drafted(
        "Personnel number",
        "Status == 'Active' and col['Hire date'] | date <= today",
        "Email | lower",
        without("hana"),
        (
            "users with 'Leave', 'Onboarding' are out of scope",
            f"{NO_MANAGER} Supervisor holds names of users and not keys.",
        ),
    ),
    "workday": Drafted(
        "Employee_ID",
        "Active_Status == '1' and Hire_Date | date <= today",
        "col['Email_-_Primary_Work'] | lower",
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_init_makes_a_configuration_of_an_export_that_works_at_once(
    name: str, real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, office = DRAFTED[name], copied(name, real_office)
    (office.folder / "sync.toml").unlink()

    ran = office.run("init", expected.file)

    assert (ran.code, ran.err) == (0, "")
    text = (office.folder / "sync.toml").read_text("utf-8")
    document = tomllib.loads(text)
    ((source,), (target,)) = document["sources"].values(), document["targets"].values()
    assert (source["key"], target.get("scope")) == (expected.key, expected.scope)
    assert target["user"]["userName"] == expected.user_name
    screen = " ".join(ran.out.split())
    assert [note for note in expected.told if note not in screen] == []
    assert ("Check before the first push" in screen) == bool(expected.told)

    office.write("sync.toml", text.replace("https://app.example.com/scim/v2", office.url))
    monkeypatch.setenv("SCIM_TOKEN", office.token)
    checked = office.run("check")
    assert (checked.code, "warning" in checked.out) == (0, False), checked.out
    planned = office.run("plan", "--json")
    assert (planned.code, planned.document["problems"]) == (0, []), planned.err
    operations = planned.document["targets"]["app"]["operations"]
    assert {user_name(operation) for operation in operations} == expected.users(DAYS[name].first)


def user_name(operation: Json) -> str:
    """Return the userName that an operation gives an account."""
    (change,) = [each for each in operation["changes"] if each["path"] == "userName"]
    return str(change["after"])


def test_each_example_says_where_its_columns_come_from() -> None:
    index = (FOLDER / "README.md").read_text("utf-8")

    for name in EXPORTS:
        text = (FOLDER / name / "README.md").read_text("utf-8")
        assert re.search(r"^Columns:\s.*\b20\d\d\b", text, re.MULTILINE | re.DOTALL), name
        assert f"]({name})" in index
