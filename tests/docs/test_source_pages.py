"""The sync.toml of each page about a source over HTTP works, with a server on loopback."""

from __future__ import annotations

import pytest

from tests.docs.documentation import blocks, page
from tests.office import Office, fetch
from tests.servers.paged_api import running_paged_api

WIKI = "https://wiki.example.com/scim/v2"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


@pytest.fixture
def provider(real_office: Office) -> str:
    """The URL of a SCIM server with two people, one of whom left, and a team of both."""
    url = real_office.url.removesuffix("/v2") + "-provider/v2"
    ids = []
    for name, active in (("ann", True), ("bo", False)):
        user = {
            "schemas": [USER],
            "userName": f"{name}@example.com",
            "name": {"givenName": name.title(), "familyName": "Abel"},
            "displayName": name.title(),
            "active": active,
            "emails": [{"value": f"{name}@example.com", "type": "work"}],
        }
        ids.append(fetch(f"{url}/Users", real_office.token, user)["id"])
    team = {
        "schemas": [GROUP],
        "displayName": "Team",
        "members": [{"value": one} for one in ids],
    }
    fetch(f"{url}/Groups", real_office.token, team)
    return url


def test_a_scim_server_feeds_another(
    real_office: Office, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ID_TOKEN", real_office.token)
    text = blocks(page("docs/how-to/read-from-a-scim-server.md"), "toml")[0]
    text = text.replace("https://id.example.com/scim/v2", provider)
    real_office.write("sync.toml", text.replace(WIKI, real_office.url))

    assert real_office.run("check").code == 0
    assert real_office.run("push").code == 0
    (account,) = real_office.accounts().values()
    assert account["userName"] == "ann@example.com"
    assert account["emails"][0]["value"] == "ann@example.com"
    groups = fetch(f"{real_office.url}/Groups", real_office.token)["Resources"]
    assert [(one["displayName"], len(one["members"])) for one in groups] == [("Team", 1)]
    assert real_office.run("plan", "--exit-code").code == 0


def test_an_api_is_described(real_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HR_TOKEN", "sesame")
    text = blocks(page("docs/how-to/read-from-an-http-api.md"), "toml")[0]
    with running_paged_api("body_token") as api:
        text = text.replace("https://hr.example.com/api", api.url).replace(WIKI, real_office.url)
        real_office.write("sync.toml", text)

        assert real_office.run("check").code == 0
        assert real_office.run("push").code == 0
        assert set(real_office.accounts()) == {one["mail"] for one in api.people}
        assert real_office.run("plan", "--exit-code").code == 0
