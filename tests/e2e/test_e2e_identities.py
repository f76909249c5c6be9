"""New keys for the same people: an HR program that numbers everybody anew, a contractor hired."""

from __future__ import annotations

import pytest

from tests.office import Office, Row, people, person
from tests.servers.faulty import FaultyServer

USER = """
externalId = "id"
userName = "email"
displayName = "given"
active = true
"""
NO_NAMES = """
externalId = "id"
userName = "email"
active = true
"""


def renumbered(rows: list[Row]) -> list[Row]:
    """The same people under new keys."""
    return [row | {"id": f"HB-{int(row['id'])}"} for row in rows]


def company(office: Office, faulty: FaultyServer, size: int, user: str = USER) -> list[Row]:
    """People who have accounts."""
    office.configure(user=user)
    office.hire(people(size))
    assert office.push().exit_code == 0
    faulty.forget()
    return people(size)


def test_a_contractor_who_is_hired_keeps_the_account(office: Office, faulty: FaultyServer) -> None:
    first, second = company(office, faulty, 2)
    office.hire([first | {"id": "E9"}, second])

    ran = office.run("push")

    assert ran.code == 0
    assert [request.method for request in faulty.written()] == ["PATCH"]
    account = office.accounts()[first["email"]]
    assert (account["externalId"], account["active"]) == ("E9", True)


@pytest.mark.parametrize("size", [4, 12])
@pytest.mark.parametrize("user", [USER, NO_NAMES], ids=["names", "no names"])
@pytest.mark.parametrize("options", [[], ["--allow-removals", "100%", "--allow-updates", "100%"]])
def test_new_keys_for_everybody_lock_nobody_out(
    office: Office, faulty: FaultyServer, size: int, user: str, options: list[str]
) -> None:
    rows = company(office, faulty, size, user)
    office.hire(renumbered(rows))

    ran = office.run("push", "-q", *options)

    assert ran.code == 3
    pairs = [f"{row['id']} -> HB-{int(row['id'])}" for row in rows]
    more = f" and {size - 5} more" if size > 5 else ""
    message = (
        f'aborted by guard.max_identity_changes: {size} of {size} accounts at "wiki"'
        f" would be those of other keys or users (limit 5%, here 2); nothing was sent [SYNC-0383]\n"
        f"  first: {', '.join(pairs[:5])}{more}\n"
        f"  {size} keys that left and as many that arrived have the same userNames: if these users"
        " got new keys:\n"
        "  scimsync rekey --from FILE, a CSV file with the columns old and new\n"
        f"  allow this once: scimsync push --allow-identity-changes {size}\n"
    )
    assert ran.err == message if user == USER else message in ran.err
    assert faulty.written() == []
    assert office.run("push").code == 3


def test_new_keys_for_everybody_may_be_allowed(office: Office, faulty: FaultyServer) -> None:
    rows = company(office, faulty, 12)
    office.hire(renumbered(rows))

    assert office.run("push", "--allow-identity-changes", "100%").code == 0

    accounts = office.accounts()
    assert {one["externalId"] for one in accounts.values()} == {f"HB-{n}" for n in range(1, 13)}
    assert all(one["active"] for one in accounts.values())
    assert len(accounts) == 12


@pytest.mark.parametrize("column", ["email", "names"])
@pytest.mark.parametrize(
    ("by", "message"),
    [
        (1, 'guard.max_identity_changes: column "email" of source "hr" moved by one row'),
        (3, "guard.max_identity_changes: 40 of 40 accounts"),
    ],
)
def test_a_column_that_is_shifted_stops_the_push(
    office: Office, faulty: FaultyServer, column: str, by: int, message: str
) -> None:
    rows = company(office, faulty, 40)
    shifted = ["email"] if column == "email" else ["email", "given", "family"]
    above = [*rows[-by:], *rows[:-by]]
    office.hire(
        [
            row | {name: other[name] for name in shifted}
            for row, other in zip(rows, above, strict=True)
        ]
    )

    ran = office.run("push", "--allow-updates", "100%", "--allow-removals", "100%")

    assert ran.code == 3
    assert message in ran.err
    assert faulty.written() == []


def test_a_legitimate_day_passes_without_an_option(office: Office, faulty: FaultyServer) -> None:
    rows = company(office, faulty, 40)
    moved = [row | {"id": f"N{row['id']}"} for row in rows[:2]]
    married = [row | {"family": "New", "email": f"new.{row['email']}"} for row in rows[2:4]]
    joiners = [person(41), person(42)]
    office.hire([*moved, *married, *rows[4:-2], *joiners])

    assert office.run("push").code == 0
