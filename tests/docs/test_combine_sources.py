"""The configuration of the page about several sources works with files as it describes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.docs.documentation import blocks, page
from tests.office import ENTERPRISE, Office, counts, fetch

PAGE = "docs/how-to/combine-sources.md"
URL = "https://wiki.example.com/scim/v2"


@pytest.fixture
def office(real_office: Office) -> Office:
    """Two employees and two contractors; the contract of one ends on the last of March."""
    real_office.now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    real_office.write(
        "staff.csv",
        "employee_id,email,given,family,status,manager_email\n"
        "1,ann@example.com,Ann,Lee,active,\n"
        "2,bob@example.com,Bob,Ray,left,ann@example.com\n",
    )
    real_office.write(
        "contractors.csv",
        "contractor_id,email,given,family,agency,ends,manager_email\n"
        "7,cy@example.com,Cy,Fox,Temp,2026-03-31,Ann@example.com\n"
        "8,di@example.com,Di,Oak,Temp,2026-12-31,cy@example.com\n",
    )
    return real_office


def groups(office: Office) -> dict[str, set[str]]:
    """Name -> userNames of the members."""
    names = {one["id"]: name for name, one in office.accounts().items()}
    found: list[Any] = fetch(f"{office.url}/Groups?count=100", office.token)["Resources"]
    return {
        group["displayName"]: {names[one["value"]] for one in group.get("members", ())}
        for group in found
    }


def test_the_population_of_the_page(office: Office) -> None:
    office.write("sync.toml", blocks(page(PAGE), "toml")[0].replace(URL, office.url))

    push = office.run("push")

    assert push.code == 0, push.err
    accounts = office.accounts()
    assert {name: (one["externalId"], one["userType"]) for name, one in accounts.items()} == {
        "ann@example.com": ("1", "Employee"),
        "cy@example.com": ("7", "Contractor"),
        "di@example.com": ("8", "Contractor"),
    }
    manager = accounts["cy@example.com"][ENTERPRISE]["manager"]["value"]
    assert manager == accounts["ann@example.com"]["id"]
    assert groups(office) == {
        "Everyone": {"ann@example.com", "cy@example.com", "di@example.com"},
        "Agency Temp": {"cy@example.com", "di@example.com"},
    }
    # the contract ends with the day in Vienna
    office.now = datetime(2026, 3, 31, 21, 59, tzinfo=UTC)
    assert counts(office.push()) == {}
    assert counts(office.push(later=timedelta(minutes=1))) == {"deactivate": 1}


def test_keys_that_overlap(office: Office) -> None:
    first, second, *_ = blocks(page(PAGE), "toml")
    head, _, rest = first.partition("[sources.contractors]")
    _, _, tail = rest.partition("[access]")
    office.write("sync.toml", f"{head}{second}\n[access]{tail}".replace(URL, office.url))

    assert office.run("push").code == 0
    assert {one["externalId"] for one in office.accounts().values()} == {"1", "C7", "C8"}


def test_nested_groups_by_the_recursive_query(office: Office) -> None:
    """Also where groups contain each other."""
    shown = blocks(page(PAGE), "toml")
    at = next(number for number, one in enumerate(shown) if "recursive" in one)
    nested = "\n".join(shown[at : at + 2])
    office.write("groups.csv", "id,name\nall,All\neng,Engineering\nweb,Web\nnone,Nobody\n")
    office.write("members.csv", "group_id,user_id\nall,1\neng,7\nweb,8\n")
    office.write("nested.csv", "parent,child\nall,eng\neng,web\nweb,eng\n")
    first = blocks(page(PAGE), "toml")[0].partition("[targets.wiki.groups")[0]
    office.write("sync.toml", f"{first}\n{nested}".replace(URL, office.url))

    push = office.run("push")

    assert push.code == 0, push.err
    assert groups(office) == {
        "All": {"ann@example.com", "cy@example.com", "di@example.com"},
        "Engineering": {"cy@example.com", "di@example.com"},
        "Web": {"cy@example.com", "di@example.com"},
        "Nobody": set(),
    }
    assert office.run("plan", "--exit-code").code == 0

    office.write("nested.csv", "parent,child\nall,eng\neng,web\n")
    assert counts(office.push(later=timedelta(hours=1))) == {"remove_members": 1}
    assert groups(office)["Web"] == {"di@example.com"}
