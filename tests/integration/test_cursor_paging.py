"""A company at scim2-server, a real server, that pages by cursors only (RFC 9865)."""

from __future__ import annotations

import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.office import Office, counts, fetch, people
from tests.servers.scim2 import running_scim2_server

SUPPORTED = {"supported": True}
CONFIG = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "bulk": {"supported": False, "maxOperations": 1, "maxPayloadSize": 1},
    "filter": {"supported": True, "maxResults": 100},
    "pagination": {"cursor": True, "index": False, "maxPageSize": 2},
    **dict.fromkeys(("patch", "changePassword", "sort", "etag"), SUPPORTED),
}
MATCH = 'match = ["userName"]'
GROUP = """
[targets.wiki.groups.staff]
displayName = { value = "Staff" }
members = "true"
adopt = true
"""


@pytest.fixture(scope="module")
def by_cursor() -> Iterator[tuple[str, str]]:
    """URL and bearer token of a server with cursors only."""
    with running_scim2_server(CONFIG) as server:
        yield server


@pytest.fixture
def company(by_cursor: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A company with five accounts, one of them in a group, that the server has already."""
    url, token = by_cursor
    monkeypatch.setenv("WIKI_TOKEN", token)
    office = Office(tmp_path, f"{url}/company/v2", token)
    office.configure(target=MATCH, more=GROUP)
    for one in people(5):
        user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": one["email"]}
        last = fetch(f"{office.url}/Users", token, user)
    group = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Staff",
        "members": [{"value": last["id"]}],
    }
    fetch(f"{office.url}/Groups", token, group)
    return office


def test_accounts_are_found_in_a_list_of_several_pages(company: Office) -> None:
    with pytest.raises(urllib.error.HTTPError, match="501"):
        fetch(f"{company.url}/Users?startIndex=1", company.token)
    company.hire(people(6))
    assert company.run("check").code == 0

    outcome = company.push(adoptions="100%")

    assert outcome.exit_code == 0, outcome
    assert counts(outcome) == {"adopt": 6, "create": 1, "add_members": 1}
    (group,) = fetch(f"{company.url}/Groups?filter=displayName+eq+%22Staff%22", company.token)[
        "Resources"
    ]
    assert len(group["members"]) == 6

    refreshed = company.push(refresh=True)
    assert (refreshed.exit_code, counts(refreshed)) == (0, {})
