"""A company at a dozen products, each with its profile, within what the product documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.office import Office, Pauses, Row, counts, people, person
from tests.products.documented import PRODUCTS, Product
from tests.servers.product import ProductServer, running_product

GROUPS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
{adopt}
[targets.wiki.groups.all]
displayName = {{ value = "{everybody}" }}
members = "true"
{adopt}
"""
GUARD = 'max_removals = "100%"\nmax_updates = "100%"\nmax_adoptions = 9\nmin_records = 1'
NAMES = ("ann", "bob", "cat", "dan")


@pytest.fixture(params=PRODUCTS)
def product(request: pytest.FixtureRequest) -> Product:
    return PRODUCTS[request.param]


@pytest.fixture
def server(product: Product) -> Iterator[ProductServer]:
    with running_product(product.rules) as server:
        yield server


@pytest.fixture
def office(
    product: Product,
    server: ProductServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pauses: Pauses,
) -> Office:
    """A company that uses the product with its profile."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    server.clock = pauses.clock
    office = Office(tmp_path, server.url, server.token, time=pauses.source)
    configure(office, product)
    return office


def configure(
    office: Office, product: Product, leave: str = "deactivate", everybody: str = "Staff"
) -> None:
    adopt = "" if product.creates_groups else "adopt = true"
    office.configure(
        user=product.user,
        target=f'profile = "{product.rules.profile}"\nleave = {{ action = "{leave}" }}',
        more=GROUPS.format(adopt=adopt, everybody=everybody) if product.has_groups else "",
        guard=GUARD,
    )


def settle(office: Office, server: ProductServer, *rows: Row) -> None:
    """Hire `rows` and push. Expect that nothing is refused and nothing fails."""
    office.now += timedelta(hours=1)
    office.hire(rows)
    ran = office.run("push")
    assert (ran.code, server.broken) == (0, []), ran.err


def row(number: int, name: str, **more: str) -> Row:
    given = {"email": f"{name}@example.com", "given": name.title(), "family": "Bell"}
    return person(number, **{**given, **more})


def is_active(server: ProductServer, name: str) -> bool:
    """Return whether a user has an account that is active."""
    account = server.users.get(f"{name}@example.com")
    return account is not None and account["active"] is not False


def members(server: ProductServer, group: str) -> list[str]:
    return sorted(name.partition("@")[0] for name in server.groups[group])


def test_a_company_keeps_its_accounts_at_the_product(
    product: Product, server: ProductServer, office: Office
) -> None:
    ann, bob, cat, dan = (row(number, name) for number, name in enumerate(NAMES, 1))
    server.add("Users", userName="ann@example.com", externalId="00001", active=True)
    for name in () if product.creates_groups else ("IT", "HR", "Staff"):
        server.add("Groups", displayName=name)

    settle(office, server, ann, row(2, "bob", dept="HR"), cat, dan)  # join
    assert sorted(server.users) == [f"{name}@example.com" for name in NAMES]
    if product.has_groups:
        assert members(server, "IT") == ["ann", "cat", "dan"]
        assert members(server, "HR") == ["bob"]

    ann, cat = row(1, "ann", family="Cook"), row(3, "cat", email="cathy@example.com")
    configure(office, product, everybody="Everyone")
    settle(office, server, ann, bob, cat, dan)  # move, rename a user and a group
    if "displayName" not in product.keeps:
        assert server.users["ann@example.com"]["displayName"] == "Ann Cook"
    name = "cat" if "userName" in product.keeps else "cathy"
    assert is_active(server, name)
    if product.has_groups:
        group = "Everyone" if product.renames_groups else "Staff"
        assert members(server, group) == ["ann", "bob", name, "dan"]
        assert members(server, "IT") == ["ann", "bob", name, "dan"]
        assert server.groups.get("HR") == (None if product.creates_groups else set())

    settle(office, server, ann, bob, cat)  # leave
    assert not is_active(server, "dan")
    settle(office, server, ann, bob, cat, dan)  # rehire
    assert is_active(server, "dan")
    if product.has_groups:
        assert "dan" in members(server, "IT")

    configure(office, product, leave="delete", everybody="Everyone")
    settle(office, server, ann, bob, cat)  # delete
    assert not is_active(server, "dan")

    assert counts(office.push(refresh=True)) == {}
    assert server.broken == []


@pytest.mark.parametrize("product", [PRODUCTS[name] for name in ("aws", "servicenow", "entra")])
def test_a_large_group_is_filled_in_requests_that_the_product_takes(
    server: ProductServer, office: Office
) -> None:
    settle(office, server, *people(130))

    assert len(server.groups["Staff"]) == 130


@pytest.mark.parametrize("product", [PRODUCTS["entra"]])
def test_members_are_removed_in_requests_of_their_own_where_the_product_asks_for_it(
    server: ProductServer, office: Office
) -> None:
    settle(office, server, *people(50))
    server.forget()

    settle(office, server, *(one | {"dept": "HR"} for one in people(50)[:45]), *people(50)[45:])

    changes = [one.body["Operations"] for one in server.seen if "/Groups/" in str(one) and one.body]
    assert Counter((one[0]["op"], len(one[0].get("value", ".")), len(one)) for one in changes) == {
        ("remove", 1, 1): 45,
        ("add", 20, 1): 2,
        ("add", 5, 1): 1,
    }


@pytest.mark.parametrize("product", [PRODUCTS["aws"], PRODUCTS["entra"]])
def test_accounts_are_found_in_a_list_of_several_pages(
    server: ProductServer, office: Office
) -> None:
    rows = people(230)
    for one in rows:
        server.add("Users", userName=one["email"], externalId=one["id"], active=True)

    settle(office, server, *rows)

    assert len(server.users) == 230
    pages = [one for one in server.seen if str(one) == "GET /Users" and "filter" not in one.query]
    assert [one.query for one in pages] == [
        {"cursor": cursor, "count": "100"} for cursor in ("", "101", "201")
    ]


@pytest.mark.parametrize(
    ("product", "number", "seconds"), [(PRODUCTS["slack"], 185, 60), (PRODUCTS["miro"], 25, 30)]
)
def test_pushes_wait_for_the_limits_of_the_product(
    product: Product,
    server: ProductServer,
    office: Office,
    pauses: Pauses,
    number: int,
    seconds: int,
) -> None:
    for name in () if product.creates_groups else ("IT", "Staff"):
        server.add("Groups", displayName=name)
    configure(office, product, leave="delete")
    rows = [row(one, f"p{one}") for one in range(number)]
    settle(office, server, *rows)
    settle(office, server, rows[0])

    assert sum(user["active"] for user in server.users.values()) == 1
    assert sum(pauses) > seconds


GITLAB = PRODUCTS["gitlab"]


@pytest.mark.parametrize(
    "product", [GITLAB, replace(GITLAB, rules=replace(GITLAB.rules, silent=False))]
)
def test_an_account_gets_another_id_with_its_external_id(
    product: Product, server: ProductServer, office: Office
) -> None:
    settle(office, server, row(1, "ann"), row(2, "bob"))
    office.configure(
        user=product.user.replace('externalId = "id"', "externalId = \"'x' ~ id\""),
        target='profile = "gitlab-group"',
        guard=GUARD,
    )
    settle(office, server, row(1, "ann"), row(2, "bob"))
    assert set(server.stored["Users"]) == {"x00001", "x00002"}

    settle(office, server, row(1, "ann", family="Cook"), row(2, "bob"))
    assert server.users["ann@example.com"]["displayName"] == "Ann Cook"
