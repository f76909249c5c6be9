"""Conditions, numbers and lists whose columns hold something else than they ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lifecycle.test_groups import groups
from tests.office import SOURCE, USER, Office, Ran, people, person
from tests.servers.faulty import FaultyServer
from tests.servers.scim2 import running_scim2_server

FLAGS = [
    {"enabled": "True", "is_admin": "yes"},
    {"enabled": "yes", "is_admin": "no"},
    {"enabled": "False", "is_admin": "yes"},
    {"enabled": "", "is_admin": "0"},
]
ADMINS = """
[targets.wiki.groups.admins]
displayName = { value = "Administrators" }
members = "'Admin' in access"

[access]
Admin = "is_admin"
"""


def active_roles(office: Office) -> dict[str, list[str]]:
    """externalId -> roles of the active accounts."""
    return {
        user["externalId"]: [role["value"] for role in user.get("roles", [])]
        for user in office.accounts().values()
        if user["active"] is True
    }


@pytest.fixture
def real(office: Office) -> Iterator[Office]:
    """The company with a server that has groups."""
    with running_scim2_server() as (url, token):
        office.url, office.token = f"{url}/company/v2", token
        yield office


def problems(ran: Ran) -> list[str]:
    """The lines on stderr that are about single users."""
    return [line for line in ran.err.splitlines() if line.startswith("hr 0")]


def test_yes_and_no_are_read_and_other_text_fails_that_user(real: Office) -> None:
    rows = [row | FLAGS[number] for number, row in enumerate(people(4))]
    real.hire(rows)
    real.configure(target='scope = "enabled"', user=USER + 'roles = "access"\n', more=ADMINS)

    first = real.run("push")

    assert first.code == 0, first.err
    assert active_roles(real) == {"00001": ["Admin"], "00002": []}
    assert groups(real) == {"Administrators": {"00001"}}

    real.hire([rows[0] | {"enabled": "Inactive"}, rows[1] | {"is_admin": "?"}, *rows[2:]])
    second = real.run("push")

    assert second.code == 4
    advice = "compare it, as in status == 'active', or test with x != '' whether it is filled"
    assert problems(second) == [
        'hr 00001: wiki: targets.wiki.scope: enabled: enabled is "Inactive", which is neither true'
        f' nor false; {advice} (enabled = "Inactive") [SYNC-0160]',
        'hr 00002: wiki: access.Admin: is_admin: is_admin is "?", which is neither true nor false;'
        f' {advice} (is_admin = "?") [SYNC-0160]',
    ]
    assert active_roles(real) == {"00001": ["Admin"], "00002": []}
    assert groups(real) == {"Administrators": {"00001"}}


@pytest.mark.parametrize("level", ["5,0", "n/a", "five"])
def test_a_level_that_is_no_number_fails_that_user(office: Office, level: str) -> None:
    office.hire([person(1, level="5"), person(2, level=level), person(3, level="")])
    office.configure(target='scope = "level | int >= 5"')

    ran = office.run("push")

    assert ran.code == 4
    assert problems(ran) == [
        f'hr 00002: wiki: targets.wiki.scope: level | int >= 5: "{level}" is not a number;'
        f' | int(0) uses 0 for anything else (level = "{level}") [SYNC-0161]'
    ]
    assert active_roles(office).keys() == {"00001"}


def test_a_list_compared_with_a_text_is_an_error_of_sync_toml(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire([person(1, licenses="E3+BI"), person(2, licenses="Unlicensed")])
    office.configure(
        source=SOURCE + 'lists = { licenses = "+" }\n',
        target="scope = \"licenses != 'Unlicensed'\"",
    )

    ran = [office.run(command) for command in ("check", "plan", "push")]

    assert [one.code for one in ran] == [2, 2, 2]
    assert ran[1].err == (
        "sync.toml: targets.wiki.scope: licenses holds lists (lists in the source), which never"
        " equal a single value; write 'Unlicensed' not in licenses [SYNC-0162]\n"
        "  licenses != 'Unlicensed'\n"
    )
    assert "'Unlicensed' not in licenses" in ran[0].out
    assert faulty.seen == []


def test_a_record_that_would_make_a_huge_text_fails_alone(office: Office) -> None:
    office.hire([person(1, word="ab"), person(2, word="ab" * 15_000)])
    office.configure(user=USER + "title = \"(['x'] * 1000) | join(word) | truncate(10)\"\n")

    ran = office.run("push")

    assert ran.code == 4
    (problem,) = problems(ran)
    assert problem.startswith(
        "hr 00002: wiki: targets.wiki.user.title: (['x'] * 1000) | join(word) | truncate(10): the"
        " result would have more than 100000 characters or elements (word = "
    )
    assert active_roles(office).keys() == {"00001"}
