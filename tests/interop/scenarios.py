"""What happens in a company, and what its application should hold afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tests.interop.site import Site, enterprise
from tests.office import ENTERPRISE, MANAGER, Row, people, person

Scenario = Callable[[Site], None]

DEPARTMENTS = '[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"\n'

SCENARIOS: Final[dict[str, Scenario]] = {}

LARGE: Final = ("large group", "paging", "Bulk", "cursor")
"""Scenarios with many people."""


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    """Register a scenario."""

    def register(play: Scenario) -> Scenario:
        SCENARIOS[name] = play
        return play

    return register


@scenario("join")
def join(site: Site) -> None:
    """New accounts are created: first for the whole company, then for one user at a time."""
    site.settle(people(6))
    site.settle(people(7))


@scenario("move")
def move(site: Site) -> None:
    """Attributes change."""
    site.settle(people(6))
    site.settle(
        [person(1, family="Married"), person(2, given="Another", family="Name"), *people(6)[2:]]
    )


@scenario("rename")
def rename(site: Site) -> None:
    """A userName and an e-mail address change."""
    site.settle(people(6))
    site.settle([person(1, email="renamed@example.com"), *people(6)[1:]])


@scenario("swap")
def swap(site: Site) -> None:
    """Two users swap userNames and e-mail addresses."""
    one, two, *others = people(6)
    site.settle([one, two, *others])
    site.settle([one | {"email": two["email"]}, two | {"email": one["email"]}, *others])


@scenario("leave")
def leave(site: Site) -> None:
    """The account of a leaver is deactivated."""
    site.settle(people(6))
    site.settle(people(5), left=[person(6)])


@scenario("rehire")
def rehire(site: Site) -> None:
    """Someone who comes back gets the same account, reactivated."""
    site.settle(people(6))
    before = site.account(person(6))["id"]
    site.settle(people(5), left=[person(6)])
    site.settle(people(6))
    assert site.account(person(6))["id"] == before


@scenario("delete")
def delete(site: Site) -> None:
    """The account of a leaver is deleted, and a user who comes back gets a new one."""
    site.configure(target='leave = { action = "delete" }')
    site.settle(people(6))
    site.settle(people(5))
    site.settle(people(6))


@scenario("groups by rule")
def groups_by_rule(site: Site) -> None:
    """The members of a group change with a rule."""
    site.configure(
        more='[targets.wiki.groups.engineers]\ndisplayName = { value = "Engineers" }\n'
        "members = \"dept == 'IT'\""
    )
    sales = [person(number, dept="Sales") for number in range(4, 7)]
    site.settle([*people(3), *sales], groups={"Engineers": people(3)})
    moved = [person(1), person(2, dept="Sales"), person(3), person(4), *sales[1:]]
    site.settle(moved, groups={"Engineers": [person(1), person(3), person(4)]})


@scenario("groups by value")
def groups_by_value(site: Site) -> None:
    """There is a group for each department, and users change departments."""
    site.configure(more=DEPARTMENTS)
    sales = [person(number, dept="Sales") for number in range(4, 7)]
    site.settle([*people(3), *sales], groups={"IT": people(3), "Sales": sales})
    legal = person(3, dept="Legal")
    site.settle(
        [*people(2), legal, *sales[:2], person(6)],
        groups={"IT": [*people(2), person(6)], "Sales": sales[:2], "Legal": [legal]},
    )


@scenario("large group")
def large_group(site: Site) -> None:
    """A group of 250 members loses 20 and gains 4."""
    site.configure(more=DEPARTMENTS)
    staff = people(270)
    sales = [row | {"dept": "Sales"} for row in staff[250:]]
    site.settle([*staff[:250], *sales], groups={"IT": staff[:250], "Sales": sales})
    left = [row | {"dept": "Sales"} for row in staff[:20]]
    site.settle(
        [*left, *staff[20:254], *sales[4:]], groups={"IT": staff[20:254], "Sales": left + sales[4:]}
    )


@scenario("manager")
def manager(site: Site) -> None:
    """Managers are set, changed, and removed."""
    site.configure(user=MANAGER)
    boss, other, *team = people(6)
    first = [row | {"manager": boss["id"]} for row in team]
    site.settle([boss, other, *first])
    assert_managers(site, dict.fromkeys(_keys(team), boss))
    second = [row | {"manager": other["id"]} for row in first[:2]]
    third = [row | {"manager": ""} for row in first[2:3]]
    site.settle([boss, other, *second, *third, *first[3:]])
    managers: dict[str, Row | None] = dict.fromkeys(_keys(second), other)
    assert_managers(site, managers | {team[2]["id"]: None} | dict.fromkeys(_keys(team[3:]), boss))


def assert_managers(site: Site, managers: Mapping[str, Row | None]) -> None:
    """Check key -> manager."""
    accounts = {one["externalId"]: one for one in site.read("Users")}
    held = {key: (enterprise(accounts[key]).get("manager") or {}).get("value") for key in managers}
    site.expect(held, {key: boss and accounts[boss["id"]]["id"] for key, boss in managers.items()})


@scenario("extension attributes")
def extension_attributes(site: Site) -> None:
    """Attributes of the enterprise extension are set, added, changed, and removed."""
    site.configure(user=f'"{ENTERPRISE}:department" = "dept"\n"{ENTERPRISE}:costCenter" = "cost"\n')
    rows = [person(number, cost="") for number in range(1, 6)]
    site.settle([rows[0], rows[1] | {"cost": "100"}, *rows[2:]])
    changed = [
        rows[0] | {"cost": "200"},
        rows[1],
        rows[2] | {"dept": "Sales"},
        rows[3] | {"dept": ""},
        rows[4],
    ]
    site.settle(changed)
    extensions = {one["externalId"]: enterprise(one) for one in site.read("Users")}
    site.expect(
        {
            key: (held.get("department") or "", held.get("costCenter") or "")
            for key, held in extensions.items()
        },
        {row["id"]: (row["dept"], row["cost"]) for row in changed},
    )


@scenario("adopt by externalId")
def adopt_by_external_id(site: Site) -> None:
    """An existing account with another userName is adopted."""
    one = person(1)
    site.create(one | {"email": "old.name@example.com"}, externalId=one["id"])
    before = site.read("Users")[0]["id"]
    site.settle(people(6))
    assert site.account(one)["id"] == before


@scenario("adopt by userName")
def adopt_by_user_name(site: Site) -> None:
    """An existing account without an externalId is adopted."""
    site.create(person(1))
    before = site.read("Users")[0]["id"]
    site.settle(people(6))
    assert site.account(person(1))["id"] == before


@scenario("deleted by hand")
def deleted_by_hand(site: Site) -> None:
    """An account that was deleted at the server is created again when its record changes."""
    site.settle(people(6))
    site.delete(person(1))
    site.settle([person(1, family="Married"), *people(6)[1:]])


@scenario("changed by hand")
def changed_by_hand(site: Site) -> None:
    """An update of an account that was edited at the server changes no other attributes."""
    site.settle(people(6))
    site.replace(person(1), name={"givenName": "Wrong", "familyName": "Name"}, title="Director")
    title = site.account(person(1)).get("title")
    site.settle([person(1, given="Another", family="Married"), *people(6)[1:]])
    site.expect(site.account(person(1)).get("title"), title)


@scenario("lost state")
def lost_state(site: Site) -> None:
    """After the state is lost, all accounts and groups are found again, and nothing is sent."""
    site.configure(more=DEPARTMENTS + "adopt = true\n")
    site.settle(people(12), groups={"IT": people(12)})
    before = {one["id"] for one in site.read("Users")}
    site.lose_state()
    site.settle(people(12), groups={"IT": people(12)})
    site.expect({one["id"] for one in site.read("Users")}, before)


@scenario("paging")
def paging(site: Site) -> None:
    """120 existing accounts on several pages are found, and the missing ones are created."""
    site.settle(people(120))
    before = {one["id"] for one in site.read("Users")}
    site.lose_state()
    site.settle(people(125))
    assert before <= {one["id"] for one in site.read("Users")}


@scenario("409")
def conflict(site: Site) -> None:
    """An account that appears between the search and the creation is adopted."""
    with site.proxy() as proxy:
        proxy.before("POST", lambda: site.create(person(3)))
        site.settle(people(6))


@scenario("412")
def precondition(site: Site) -> None:
    """An account changes just before it is updated, and neither change is lost."""
    with site.proxy() as proxy:
        site.settle(people(6))
        title = site.titled(person(1))
        proxy.before("PATCH", lambda: site.replace(person(1), title="Director"))
        site.settle([person(1, family="Married"), *people(6)[1:]])
        site.expect(site.account(person(1)).get("title"), title and "Director")


@scenario("PUT")
def put(site: Site) -> None:
    """If the server refuses PATCH, resources are read and replaced as a whole."""
    with site.proxy() as proxy:
        site.configure(more=DEPARTMENTS)
        proxy.refuse("PATCH ", 501)
        site.settle(people(6), groups={"IT": people(6)})
        title = site.titled(person(1))
        moved = person(1, family="Married", dept="Sales")
        site.settle(
            [moved, *people(6)[1:5]],
            left=[person(6)],
            groups={"IT": people(6)[1:], "Sales": [moved]},
        )
        site.expect(site.account(person(1)).get("title"), title)


@scenario("Bulk")
def bulk(site: Site) -> None:
    """Sixty users join and change, in bulk requests if the server supports them."""
    with site.proxy() as proxy:
        site.configure(more=DEPARTMENTS)
        site.settle(people(60), groups={"IT": people(60)})
        married = [person(number, family="Married") for number in range(1, 58)]
        left = people(60)[57:]
        site.settle(married, left=left, groups={"IT": [*married, *left]})
        if site.declares("bulk"):
            site.expect(len(proxy.writes) < 30, True)


@scenario("cursor")
def cursor(site: Site) -> None:
    """The server pages its lists by cursors only; 60 accounts are found in them."""
    site.settle(people(60))
    before = {one["id"] for one in site.read("Users")}
    site.lose_state()
    site.settle(people(62))
    assert before <= {one["id"] for one in site.read("Users")}


@scenario("no filter")
def no_filter(site: Site) -> None:
    """Without filters, accounts are found in the list."""
    with site.proxy() as proxy:
        proxy.refuse("filter=", 501)
        site.create(person(1))
        site.settle(people(6))
        site.settle(people(8))


def _keys(rows: Iterable[Row]) -> list[str]:
    return [row["id"] for row in rows]
