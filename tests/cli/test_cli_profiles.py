"""`scimsync profiles`, and what a profile changes in `init`, `check` and `plan`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from scimsync import config
from scimsync.builtin import BUILTIN
from scimsync.cli.commands.check.check_results import Subject
from scimsync.cli.commands.check.profile_facts import check_profile
from scimsync.run.compile import compile_target
from scimsync.run.compiled import CompiledTarget
from tests.docs.documentation import block, page
from tests.office import Office, people

DELETES = 'profile = "smartsheet"'


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["airtable"], "Airtable\n  profile             airtable\n"),
        (["GitHub"], "github-organisation"),
        (["snowflakecomputing"], "source: github.com/MicrosoftDocs/entra-docs"),
        ([], "zoom"),
    ],
)
def test_profiles_are_listed_and_shown(office: Office, arguments: list[str], shown: str) -> None:
    ran = office.run("profiles", *arguments)

    assert ran.code == 0
    assert shown in ran.out


def test_a_profile_as_json(office: Office) -> None:
    (document,) = office.run("profiles", "smartsheet", "--json").document["profiles"]

    assert document["deactivate_means"] == "delete"
    assert document["url"] == "https://scim.smartsheet.com/v2"
    assert document["sources"][0]["read"] == "2026-11-28"


def test_an_unknown_profile(office: Office) -> None:
    for arguments in (["profiles", "airtabel"], ["init", "hr.csv", "--profile", "airtabel"]):
        ran = office.run(*arguments)
        assert ran.code == 2
        assert "[SYNC-0914]" in ran.err
    office.configure(target='profile = "airtabel"')
    ran = office.run("check")
    assert ran.code == 2
    assert "names, listed by scimsync profiles" in ran.out
    assert 'did you mean "airtable"?' in ran.out


def test_init_writes_a_target_for_a_product(office: Office) -> None:
    office.hire(people(5))

    ran = office.run("init", "hr.csv", "--profile", "asana", "--out", "asana.toml")

    text = (office.folder / "asana.toml").read_text()
    assert ran.code == 0
    assert 'url = "https://app.asana.com/api/1.0/scim"\nprofile = "asana"\n' in text
    assert '\n#"name.givenName" = "given"' in text


def test_init_names_the_secret_that_the_target_refers_to(office: Office) -> None:
    office.hire(people(5))

    ran = office.run("init", "hr.csv", "--profile", "entra", "--out", "entra.toml")

    assert "3. export SCIM_SECRET=…" in ran.out
    assert 'client_secret = "env:SCIM_SECRET"' in (office.folder / "entra.toml").read_text()


def test_init_writes_a_signed_jwt_for_google_workspace(office: Office) -> None:
    office.hire(people(5))

    ran = office.run("init", "hr.csv", "--profile", "google-workspace", "--out", "google.toml")

    assert (ran.code, "3. chmod 600 google.pem" in ran.out) == (0, True)
    target = tomllib.loads((office.folder / "google.toml").read_text())["targets"]["app"]
    auth = target["auth"]
    assert {name: auth[name] for name in ("type", "grant", "private_key", "subject")} == {
        "type": "oauth2",
        "grant": "jwt_bearer",
        "private_key": "file:google.pem",
        "subject": "admin@example.com",
    }
    assert "client_secret" not in auth
    assert target["user"]["password"] == {"generate": 32}
    assert office.run("plan", "--offline", "-c", "google.toml").code == 0


@pytest.mark.parametrize(
    ("profile", "guide"),
    [
        ("google-workspace", "docs/how-to/provision-google-workspace.md"),
        ("entra", "docs/how-to/provision-entra-id.md"),
    ],
)
def test_a_guide_has_the_settings_that_init_writes(profile: str, guide: str) -> None:
    settings = BUILTIN.profiles[profile]().oauth
    written = tomllib.loads(block(page(guide), "toml", "[sources"))
    (target,) = written["targets"].values()

    assert settings.keys() <= target["auth"].keys()
    assert settings["scope"] == target["auth"]["scope"]


def test_placeholders_in_a_url_are_named_before_anything_is_sent(office: Office) -> None:
    office.configure(url="https://<account>.example.com/scim/v2")
    office.hire(people(1))

    ran = office.run("check")

    assert ran.code == 2
    assert "replace the placeholders in <…> with your own values" in ran.out


def test_a_plan_says_that_a_deactivation_deletes(office: Office) -> None:
    office.configure(target=DELETES)
    office.hire(people(6))
    office.push()
    office.hire(people(5))

    (operation,) = office.plan()

    assert operation["action"] == "deactivate"
    assert operation["reason"] == "no longer in the source; deletes for good"


def test_a_deletion_later_on_is_refused_where_a_deactivation_deletes(office: Office) -> None:
    office.configure(target=f'{DELETES}\nleave = {{ action = "deactivate", delete_after = "30d" }}')

    ran = office.run("plan")

    assert ran.code == 2
    assert (
        "targets.wiki.leave.delete_after: at Smartsheet, deactivating an account deletes it for"
        " good at once [SYNC-0149]"
    ) in ran.err


def test_check_says_what_does_not_fit_the_product(office: Office) -> None:
    office.configure(
        target='profile = "segment"',
        user='userName = "email | lower"\nprofileUrl = "email"\nactive = true',
        more='[targets.wiki.groups.all]\ndisplayName = "\'All\'"\nmembers = "true"',
    )
    office.hire(people(1))

    ran = office.run("check")

    assert ran.code == 0
    for line in (
        "profile segment: Segment",
        "deactivating a user removes them from the organization",
        "1 mapped attribute is not known to be stored by Segment [SYNC-0955]",
        "profileUrl",
    ):
        assert line in ran.out


def compiled(tmp_path: Path, url: str, more: str = "", mapping: str = "") -> CompiledTarget:
    text = f"""
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[targets.app]
url = "{url}"
auth = {{ type = "bearer", token = "env:TOKEN" }}
{more}
[targets.app.user]
externalId = "id"
userName = "email"
{mapping}
"""
    return compile_target(config.parse(text, tmp_path / "sync.toml", BUILTIN), "app")


def test_the_profile_of_a_host_is_proposed(tmp_path: Path) -> None:
    target = compiled(tmp_path, "https://airtable.com/scim/v2")

    (found,) = check_profile(Subject("target", "app"), target)

    assert found.message == "airtable.com belongs to Airtable, which has a profile"
    assert found.hint == 'write profile = "airtable"; scimsync profiles airtable shows it'


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ("", ("externalId", "userName")),
        ('profile = "mirantis-mke"', ("userName",)),
        ('profile = "mirantis-mke"\nmatch = ["externalId"]', ("externalId",)),
        ('profile = "auditboard"', ("externalId", "userName")),
    ],
)
def test_the_profile_says_by_what_users_are_found(
    tmp_path: Path, more: str, match: tuple[str, ...]
) -> None:
    assert tuple(compiled(tmp_path, "https://app.example.com", more).config.match) == match


def test_check_compares_attributes_that_have_to_be_equal(tmp_path: Path) -> None:
    mapping = """'emails[type eq "work"].value' = "email | lower"\n"""
    target = compiled(tmp_path, "https://app.example.com", 'profile = "keeper"', mapping)

    (found,) = (
        one for one in check_profile(Subject("target", "app"), target) if "one value" in one.message
    )

    assert found.message == (
        'Keeper requires one value of userName and emails[type eq "work"].value'
    )
    assert found.details == (
        "userName = email",
        'emails[type eq "work"].value = email | lower',
    )


@pytest.mark.parametrize(
    ("until", "is_told"), [("", True), (", token_expires = 2027-03-31", False)]
)
def test_check_asks_until_when_a_token_lives(office: Office, until: str, is_told: bool) -> None:
    office.configure(target='profile = "snowflake"')
    path = office.folder / "sync.toml"
    path.write_text(path.read_text().replace('"env:WIKI_TOKEN"', f'"env:WIKI_TOKEN"{until}'))
    office.hire(people(1))

    ran = office.run("check")

    told = (
        "tokens of Snowflake live 180 days, but sync.toml does not say when they expire [SYNC-0468]"
    )
    assert (told in ran.out) is is_told


def test_check_warns_of_groups_that_a_product_is_not_known_to_have(office: Office) -> None:
    office.configure(
        target='profile = "airbase"',
        more='[targets.wiki.groups.all]\ndisplayName = "\'All\'"\nmembers = "true"',
    )
    office.hire(people(1))

    ran = office.run("check")

    assert "Airbase is not known to have groups over SCIM [SYNC-0955]" in ran.out
