"""The pages about existing accounts show what the program prints, and their steps work."""

from __future__ import annotations

import shutil
from typing import Any

from tests.docs.documentation import ROOT, assert_shown, block, blocks, page, section, sessions
from tests.office import Office, fetch

FIRST = ROOT / "examples" / "first"
WIKI_URL = "https://wiki.example.com/scim/v2"
TAKE_OVER = "docs/how-to/take-over-an-application.md"
MOVE = "docs/how-to/move-from-another-identity-provider.md"


def post(office: Office, user_name: str, **values: Any) -> None:
    """Create an account in the application."""
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    body = {"schemas": schemas, "userName": user_name, "active": True, **values}
    fetch(f"{office.url}/Users", office.token, body)


def fill(office: Office) -> None:
    """Set up the first example with an application that another system provisioned."""
    shutil.copytree(FIRST, office.folder, dirs_exist_ok=True)
    config = (FIRST / "sync.toml").read_text("utf-8").replace(WIKI_URL, office.url)
    office.write("sync.toml", config)
    for given, family in (("Ann", "Abel"), ("Ben", "Brook")):
        post(
            office,
            f"{given}.{family}@example.com",
            externalId=f"00u1{given.lower()}",
            displayName=f"{given} {family}",
            name={"givenName": given, "familyName": family},
        )
    post(office, "Chloe.Capek@example.com", displayName="Chloe C.")
    dan = {"givenName": "Dan", "familyName": "Doyle"}
    post(office, "dan.doyle@old.example.com", displayName="Dan Doyle", name=dan)
    post(office, "Finn.Falk@example.com", displayName="Finn Falk")
    post(office, "svc-backup")


def commands(text: str) -> list[list[str]]:
    """Return the arguments of each scimsync command in the shell blocks of a page."""
    lines = "".join(blocks(text, "sh")).splitlines()
    return [line.partition("#")[0].split()[1:] for line in lines if line.startswith("scimsync ")]


def test_the_report_on_the_page_is_what_the_program_prints(real_office: Office) -> None:
    fill(real_office)
    ((command, shown),) = sessions(page(TAKE_OVER))

    ran = real_office.run(*command.split())

    assert ran.code == 0, ran.err
    assert_shown(shown.replace(WIKI_URL, real_office.url), ran.err + ran.out)


def test_the_settings_of_the_page_settle_the_report(real_office: Office) -> None:
    fill(real_office)
    config = (real_office.folder / "sync.toml").read_text("utf-8")
    settings = block(section(page(TAKE_OVER), "Settle each kind"), "toml", "[targets.wiki]")
    lines = settings.partition("\n")[2].partition("[targets.wiki.user]")[0]  # mapped already
    real_office.write("sync.toml", config.replace("scope =", f"{lines}scope =", 1))

    wiki = real_office.run("adoption", "--json").document["targets"]["wiki"]

    assert {one["topic"] for one in wiki["suggestions"]} & {"protect"} == set()
    assert wiki["counts"]["protected"] == 1


def test_the_steps_of_both_pages_take_the_application_over(real_office: Office) -> None:
    fill(real_office)
    for text in (page(TAKE_OVER), page(MOVE)):
        for arguments in commands(text):
            ran = real_office.run(*arguments)
            assert ran.code == 0, (arguments, ran.err)
    accounts = real_office.accounts()

    assert accounts["ann.abel@example.com"]["externalId"] == "1001"
    assert accounts["Finn.Falk@example.com"]["active"] is False
    assert accounts["svc-backup"]["active"] is True
    written = {"accounts.csv", "accounts.html", "before.json", "first.plan", "back.plan"}
    assert written <= {path.name for path in real_office.folder.iterdir()}
