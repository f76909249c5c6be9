"""`scimsync check` with a source over HTTP: its secrets, columns, and records."""

from __future__ import annotations

import pytest

from tests.office import Office
from tests.preset_cases import CASES
from tests.servers.paged_api import PagedApi, running_paged_api

(CASE,) = (case for case in CASES if case.name == "entra")


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


def lines_of_users(office: Office) -> list[str]:
    ran = office.run("check", "--json")
    (read,) = (one for one in ran.document["findings"] if "60 records" in one["message"])
    return [line for line in read["details"] if line.startswith("reads ")]


def test_it_says_how_much_of_a_source_is_read(real_office: Office) -> None:
    server = CASE.server()
    with server.running():
        source = f"[sources.hr]{CASE.source(server, more='delta = true')}"
        real_office.configure(source=source, user='userName = "user_name"')
        assert lines_of_users(real_office) == [
            "reads only what changed, once a push has read everything"
        ]

        real_office.run("push")
        (line,) = lines_of_users(real_office)
        assert line.startswith("reads only what changed; last read everything 20")
        assert line.endswith(", and does so every 7 d")

        real_office.configure(source=source, user='userName = "user_name"\ntitle = "manager_id"')
        assert lines_of_users(real_office) == [
            "reads everything each time: the changes lack some of the columns in use"
        ]
