"""`scimsync check` with a source over HTTP: its secrets, columns, and records."""

from __future__ import annotations

import pytest

from tests.office import Office
from tests.servers.paged_api import PagedApi, running_paged_api


def configure(office: Office, api: PagedApi, auth: str) -> None:
    office.configure(
        source=f"""
[sources.hr]
type = "http"
url = "{api.url}/people"
key = "id"
records = "people"
paging = {api.paging}
auth = {{ type = "bearer", token = "env:HR_TOKEN"{auth} }}
""",
        user='userName = "mail"\ndisplayName = "name"',
    )


def test_the_secrets_of_a_source_are_named_and_expire(
    real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HR_TOKEN", "sesame")
    with running_paged_api("body_token") as api:
        configure(real_office, api, ", token_expires = 2020-01-01")
        ran = real_office.run("check", "--json")
    shown = [
        (one["level"], one["message"]) for one in ran.document["findings"] if one["name"] == "hr"
    ]
    assert ("ok", "token from env:HR_TOKEN") in shown
    assert ("warning", "the credentials expired on 2020-01-01") in shown
    assert any("8 records" in message for _, message in shown)
    assert "sesame" not in ran.out


def test_a_secret_that_is_missing_is_reported_once(real_office: Office) -> None:
    with running_paged_api("body_token") as api:
        configure(real_office, api, "")
        ran = real_office.run("check")
    assert ran.code == 2
    assert (ran.out + ran.err).count("HR_TOKEN is not set") == 1
