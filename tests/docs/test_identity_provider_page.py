"""The configurations of the page on identity providers work, against servers like these."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.documentation import blocks, page
from tests.office import Office
from tests.preset_cases import CASES
from tests.servers.lying import running_lying_server
from tests.servers.oauth import CLIENT, SECRET
from tests.servers.vendors import VENDORS
from tests.servers.vendors.server import KEY, PASSWORD, USER, Vendor
from tests.sources_company import company

PAGE = page("docs/how-to/add-scim-to-an-identity-provider.md")
TOML = {
    name: toml
    for name in ("keycloak", "authentik", "zitadel", "lldap", "freeipa")
    for toml in blocks(PAGE, "toml")
    if f'preset = "{name}"' in toml
}
SECRETS = {
    "KEYCLOAK_SECRET": SECRET,
    "AUTHENTIK_TOKEN": KEY,
    "ZITADEL_TOKEN": KEY,
    "LLDAP_PASSWORD": PASSWORD,
    "FREEIPA_PASSWORD": PASSWORD,
}


def test_the_page_has_each_identity_provider_once() -> None:
    assert len(TOML) == len(blocks(PAGE, "toml")) == 5


@pytest.mark.parametrize("name", TOML)
def test_check_reads_people_and_groups_and_a_push_sends_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = company(30, 4)
    server = VENDORS[name](staff)
    for variable, secret in SECRETS.items():
        monkeypatch.setenv(variable, secret)
    with server.running(), running_lying_server(unique_names=True) as target:
        office = Office(tmp_path, target.url, target.token)
        monkeypatch.setenv("WIKI_TOKEN", target.token)
        office.write("sync.toml", adapted(TOML[name], name, server, office))
        case = next(case for case in CASES if case.name == name)

        checked = office.run("check", "--json")
        outcome = office.push()

    assert checked.code == 0, checked
    assert read(checked.document) == {
        "staff": len(staff.people if case.leavers else staff.active),
        **({"teams": len(staff.groups)} if case.groups else {}),
    }
    assert outcome.exit_code == 0, outcome
    assert len(target.users) == len(staff.active)
    assert sorted(
        (group["displayName"], len(group.get("members", []))) for group in target.groups.values()
    ) == (sorted((group.name, len(group.members)) for group in staff.groups) if case.groups else [])


def read(document: Any) -> dict[str, int]:
    """The number of records that `check` read, by source."""
    found = {}
    for finding in document["findings"]:
        number = re.search(r": ([\d,]+) records", finding["message"])
        if finding["area"] == "source" and number:
            found[finding["name"]] = int(number[1].replace(",", ""))
    return found


def adapted(toml: str, name: str, server: Vendor, office: Office) -> str:
    """The configuration with the addresses and the account of the test."""
    account = CLIENT if "client_id" in toml else USER
    return (
        toml.replace(f"https://{name}.example.com", server.url)
        .replace("https://wiki.example.com/scim/v2", office.url)
        .replace('"scimsync"', f'"{account}"')
    )
