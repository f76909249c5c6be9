"""The preset `okta` against a server that answers as Okta's documentation says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scimsync.errors import SourceUnavailable
from scimsync.sources.http.source import HttpSource
from scimsync.sources.workspace import Workspace
from tests.http_sources import FakeTime, records, spec_of
from tests.servers.okta_api import OktaApi


@pytest.fixture
def okta() -> Iterator[OktaApi]:
    users = [
        {
            "id": f"00u{number}",
            "status": "DEPROVISIONED" if number % 3 == 0 else "ACTIVE",
            "profile": {"login": f"p{number}@example.com", "department": "IT"},
        }
        for number in range(1, 11)
    ]
    groups = [
        {"id": f"00g{number}", "type": "OKTA_GROUP", "profile": {"name": f"Team {number}"}}
        for number in range(1, 4)
    ]
    members = {"00g1": ["00u1", "00u2", "00u4"], "00g2": [], "00g3": ["00u10"]}
    api = OktaApi(users, groups, members)
    with api.running():
        api.page = 2
        yield api


def read(okta: OktaApi, resource: str, *columns: str, time: FakeTime | None = None) -> Any:
    table = f"""
type = "http"
preset = "okta"
resource = "{resource}"
url = "{okta.url}"
auth = {{ type = "header", value = "literal:sesame" }}
key = "id"
"""
    with Workspace() as workspace:
        source = HttpSource(spec_of(table), workspace, (time or FakeTime()).source)
        return records(source, workspace, *columns)


def test_the_users_have_those_who_left(okta: OktaApi) -> None:
    found = read(okta, "users", "user_name", "active", "department")
    assert sorted(found, key=lambda one: int(one["key"][3:])) == [
        {
            "key": f"00u{number}",
            "user_name": f"p{number}@example.com",
            "active": number % 3 > 0,
            "department": "IT",
        }
        for number in range(1, 11)
    ]


def test_the_groups_have_the_ids_of_their_members(okta: OktaApi) -> None:
    assert read(okta, "groups", "name", "member_ids") == [
        {"key": "00g1", "name": "Team 1", "member_ids": ["00u1", "00u2", "00u4"]},
        {"key": "00g2", "name": "Team 2", "member_ids": []},
        {"key": "00g3", "name": "Team 3", "member_ids": ["00u10"]},
    ]


def test_the_limit_tells_when_it_ends(okta: OktaApi) -> None:
    time = FakeTime()
    reset = {"Date": "Sun, 29 Nov 2026 12:00:00 GMT", "X-Rate-Limit-Reset": "1795953642"}
    okta.fail(status=429, headers=reset, body={"errorCode": "E0000047"})
    assert len(read(okta, "users", "user_name", time=time)) == 10
    assert time.slept == [42]


def test_a_token_that_is_not_valid_makes_the_source_unreadable(okta: OktaApi) -> None:
    okta.fail(status=401, times=9, where=lambda seen: "after" in seen.query)
    with pytest.raises(SourceUnavailable, match="status 401: the credentials are refused"):
        read(okta, "users", "user_name")
