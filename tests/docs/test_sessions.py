"""The commands that the documentation shows print what it shows, against a real SCIM server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest

from tests.docs.documentation import ROOT, assert_shown, block, page, section, sessions
from tests.office import SOURCE, Office, fetch, people
from tests.servers.faulty import FaultyServer

FIRST = ROOT / "examples" / "first"
GIT = ROOT / "examples" / "git"
THREE = ROOT / "examples" / "three-targets"
WIKI_URL = "https://wiki.example.com/scim/v2"


def replay(office: Office, shown: list[tuple[str, str]]) -> list[int]:
    """Run each command, compare its output with the page, and return the exit codes."""
    codes = []
    for command, output in shown:
        ran = office.run(*command.split())
        assert_shown(output, ran.err + ran.out)
        codes.append(ran.code)
    return codes


def replace(office: Office, pattern: str, replacement: str, *, name: str = "hr.csv") -> None:
    """Edit each line of a file that matches `pattern` from its start."""
    before = (office.folder / name).read_text("utf-8")
    after = re.sub(f"^{pattern}", replacement, before, flags=re.MULTILINE)
    assert after != before
    office.write(name, after)


def shell(office: Office, script: str) -> None:
    """Run a block of shell commands in the office's folder."""
    subprocess.run(["sh", "-euc", script], cwd=office.folder, check=True)


def test_the_tutorial_works_step_by_step(
    real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    tutorial = page("docs/tutorial.md")
    monkeypatch.setenv("SCIM_TOKEN", real_office.token)
    (real_office.folder / "sync.toml").unlink()
    shutil.copy(FIRST / "hr.csv", real_office.folder)

    assert replay(real_office, sessions(section(tutorial, "Look at the file"))) == [0]
    replace(real_office, "#leave = ", "leave = ", name="sync.toml")
    replace(real_office, "url = .*", 'url = "http://127.0.0.1:8080/v2"', name="sync.toml")
    edited = tomllib.loads((real_office.folder / "sync.toml").read_text("utf-8"))
    shown = tomllib.loads(block(section(tutorial, "Look at the file"), "toml"))
    assert edited["targets"]["app"] == edited["targets"]["app"] | shown["targets"]["app"]
    replace(real_office, "url = .*", f'url = "{real_office.url}"', name="sync.toml")
    assert replay(real_office, sessions(section(tutorial, "Check and plan"))) == [0, 0]
    assert replay(real_office, sessions(section(tutorial, "Push"))) == [0, 0]
    assert len(real_office.accounts()) == 7

    replace(real_office, "1008(.*),active,", r"1008\1,left,")
    replace(real_office, "1005,.*\n", block(section(tutorial, "Change the file"), ""))
    assert set(replay(real_office, sessions(section(tutorial, "Change the file")))) == {0}
    accounts = real_office.accounts()
    assert accounts["hugo.holm@example.com"]["active"] is False
    assert accounts["eva.engel@example.com"]["title"] == "Recruiter"

    broken = section(tutorial, "Break the file")
    guarded, bad_row = sessions(broken)
    shell(real_office, block(broken, "sh", "cp hr.csv"))
    assert replay(real_office, [guarded]) == [3]
    shell(real_office, block(broken, "sh", "cp good.csv"))
    assert replay(real_office, [bad_row]) == [4]
    assert sum(account["active"] for account in real_office.accounts().values()) == 6


def test_the_plan_in_the_readme_is_what_the_program_prints(real_office: Office) -> None:
    shutil.copytree(FIRST, real_office.folder, dirs_exist_ok=True)
    replace(real_office, f'url = "{WIKI_URL}"', f'url = "{real_office.url}"', name="sync.toml")
    assert real_office.run("push").code == 0
    replace(real_office, "1008(.*),active,", r"1008\1,left,")
    moved = block(section(page("docs/tutorial.md"), "Change the file"), "")
    replace(real_office, "1005,.*\n", moved)

    assert replay(real_office, sessions(page("README.md"))) == [0]


def shape(value: Any) -> Any:
    """Replace each scalar by its type, so that documents compare by their fields."""
    if isinstance(value, dict):
        return {name: shape(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value]
    return type(value).__name__


def test_json_documents_have_the_fields_of_the_reference(real_office: Office) -> None:
    text = page("docs/reference/json-output.md")
    shutil.copytree(FIRST, real_office.folder, dirs_exist_ok=True)
    replace(real_office, f'url = "{WIKI_URL}"', f'url = "{real_office.url}"', name="sync.toml")
    assert real_office.run("push").code == 0
    replace(real_office, "1008(.*),active,", r"1008\1,left,")

    for command, heading in {"plan": "plan", "push": "push, retry, and deprovision"}.items():
        shown = json.loads(block(section(text, heading), "json"))
        assert shape(real_office.run(command, "--json").document) == shape(shown)
    rows = re.findall(r"^\| `([a-z ]+)` \| (.*) \|$", section(text, "Other commands"), re.MULTILINE)
    for command, described in rows:
        arguments = {
            "explain": ["1008"],
            "audit": ["1008"],
            "state prune": ["--keep", "90d"],
            "init": ["--force"],
        }.get(command, [])
        document = real_office.run(*command.split(), *arguments, "--json").document
        assert {name for name in document if f"`{name}`" not in described} == set(), command

    failed = real_office.run("push", "--target", "unknown", "--json")
    shown = json.loads(block(section(text, "Errors"), "json"))
    assert failed.document.keys() == shown.keys()
    assert failed.document["error"].keys() == shown["error"].keys()


def test_shared_access_rules_apply_to_every_target(
    real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = page("docs/how-to/share-access-rules.md")
    monkeypatch.setenv("TICKETS_TOKEN", real_office.token)
    shutil.copy(THREE / "people.csv", real_office.folder)
    config = block(text, "toml").replace(WIKI_URL, real_office.url)
    tickets = real_office.url.removesuffix("/v2") + "tickets"
    real_office.write("sync.toml", config.replace("https://tickets.example.com/scim", tickets))
    assert real_office.run("push").code == 0
    replace(real_office, "1001(.*),IT,", r"1001\1,Sales,", name="people.csv")
    replace(real_office, "1003(.*),active,", r"1003\1,left,", name="people.csv")

    assert set(replay(real_office, sessions(text))) == {0}


@pytest.fixture
def two_targets(real_office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A wiki for everyone with a group of administrators, and tickets for administrators, both up
    to date."""
    monkeypatch.setenv("TICKETS_TOKEN", real_office.token)
    shutil.copy(THREE / "people.csv", real_office.folder)
    real_office.write(
        "sync.toml",
        f"""
[sources.hr]
type = "file"
path = "people.csv"
key = "employee_id"

[access]
Staff = "status == 'active'"
Admin = "'Staff' in access and department == 'IT' and level | int >= 5"

[targets.wiki]
url = "{real_office.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
scope = "'Staff' in access"

[targets.wiki.user]
userName = "email | lower"
roles = "access"

[targets.wiki.groups.admins]
displayName = {{ value = "Administrators" }}
members = "'Admin' in access"

[targets.tickets]
url = "{real_office.url.removesuffix("/v2")}-tickets/v2"
auth = {{ type = "bearer", token = "env:TICKETS_TOKEN" }}
scope = "'Admin' in access"

[targets.tickets.user]
userName = "email | lower"
""",
    )
    assert real_office.run("push").code == 0
    return real_office


def test_deprovisioning_lasts_until_it_is_lifted(two_targets: Office) -> None:
    assert replay(two_targets, sessions(page("docs/how-to/remove-access-now.md"))) == [0]

    two_targets.run("push")
    assert two_targets.accounts()["ellis.field@example.com"]["active"] is False
    assert two_targets.run("deprovision", "1005", "--lift").code == 0
    assert two_targets.accounts()["ellis.field@example.com"]["active"] is True


def test_deprovisioning_ignores_a_broken_file_and_settings_that_keep_accounts(
    two_targets: Office,
) -> None:
    scope = "scope = \"'Staff' in access\""
    keep = scope + '\nleave = { action = "keep" }\nactions = { remove = false }'
    replace(two_targets, re.escape(scope), keep, name="sync.toml")
    two_targets.write("people.csv", "")

    ran = two_targets.run("deprovision", "1005")

    assert ran.code == 0, ran.err
    assert two_targets.accounts()["ellis.field@example.com"]["active"] is False


def test_a_saved_plan_is_applied_once(two_targets: Office) -> None:
    replace(two_targets, "(.*)Stone,IT", r"\1Stone,Sales", name="people.csv")
    replace(two_targets, "(.*)Sales,6,,active", r"\1Sales,6,,left", name="people.csv")

    reviewed = (two_targets.folder / "people.csv").read_text()
    text = page("docs/how-to/review-plans.md")

    assert two_targets.run("plan", "--out", "tonight.plan").code == 0
    replace(two_targets, "1001,avery.stone", "1001,avery.field", name="people.csv")
    replace(two_targets, "(.*)Sales,6,,left", r"\1Sales,6,,active", name="people.csv")
    assert two_targets.run("plan", "--out", "new.plan").code == 0
    assert replay(two_targets, sessions(section(text, "Find out why a plan is out of date"))) == [0]
    two_targets.write("people.csv", reviewed)
    assert two_targets.run("push", "tonight.plan").code == 0
    assert replay(two_targets, sessions(section(text, "Push exactly what you reviewed"))) == [3]


def test_a_push_is_undone_as_the_page_shows(two_targets: Office) -> None:
    replace(two_targets, "(.*)Stone,IT", r"\1Stone,Sales", name="people.csv")
    replace(two_targets, "(.*)Sales,6,,active", r"\1Sales,6,,left", name="people.csv")
    assert two_targets.run("push").code == 0

    shown = sessions(page("docs/how-to/undo-a-push.md"))

    assert replay(two_targets, shown) == [0]
    assert two_targets.run("push", "undo.plan").code == 0
    assert two_targets.run("plan", "--exit-code").code == 0


def test_a_plan_shows_what_an_adoption_overwrites(
    real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_TOKEN", real_office.token)
    real_office.write("hr.csv", "id,email,name\n1001,ann.abel@example.com,Ann Abel\n")
    real_office.configure(
        user='externalId = "id"\nuserName = "email"\ndisplayName = "name"\n', source=SOURCE
    )
    config = (real_office.folder / "sync.toml").read_text("utf-8")
    config = config.replace("targets.wiki", "targets.app").replace("WIKI_TOKEN", "SCIM_TOKEN")
    real_office.write("sync.toml", config)
    account = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ann.abel@example.com",
        "displayName": "A. Abel",
        "active": True,
    }
    fetch(f"{real_office.url}/Users", real_office.token, account)

    assert replay(real_office, sessions(page("docs/explanation/how-a-push-works.md"))) == [0]


def test_a_second_run_names_the_holder_of_the_lease(two_targets: Office) -> None:
    expiry = two_targets.now.replace(tzinfo=None, minute=1, second=27).isoformat(" ") + ".000000"
    two_targets.sql(
        "update lease set holder = ?, expires_at = ? where name = 'target wiki'",
        "hr-server process 4711 elsewhere",
        expiry,
    )

    ran = two_targets.run("-q", "push")

    assert ran.code == 5
    assert ran.err in page("docs/explanation/how-a-push-works.md")


def test_a_pull_request_gets_the_plan_that_the_example_shows(real_office: Office) -> None:
    shutil.copytree(GIT, real_office.folder, dirs_exist_ok=True)
    replace(real_office, r'url   = ".*"', f'url = "{real_office.url}"', name="sync.toml")
    replace(real_office, r'url = "sqlite:.*"', 'url = "sqlite:///s.db"', name="sync.toml")
    assert real_office.run("push").code == 0
    replace(real_office, "1002(.*),IT,4,", r"1002\1,IT,5,", name="people.csv")
    replace(real_office, "1006.*\n", "", name="people.csv")

    comment = re.findall("^> ?(.*)$", page("examples/git/README.md"), re.MULTILINE)
    assert real_office.run("plan", "--format", "markdown").out == "\n".join(comment) + "\n"


def test_a_target_that_keeps_failing_goes_into_quarantine(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    assert office.run("-q", "push").code == 0
    office.hire(people(20))
    faulty.fail("GET", status=503, times=1000)
    assert [office.run("-q", "push").code for _ in range(3)] == [1, 1, 1]

    ran = office.run("-q", "push")

    assert ran.code == 1
    text = page("docs/explanation/how-a-push-works.md")
    assert_shown(block(text, "", "wiki: in quarantine"), ran.err)


def test_check_reports_what_a_target_supports(real_office: Office) -> None:
    shutil.copytree(FIRST, real_office.folder, dirs_exist_ok=True)
    replace(real_office, f'url = "{WIKI_URL}"', f'url = "{real_office.url}"', name="sync.toml")

    assert replay(real_office, sessions(page("docs/reference/targets.md"))) == [0]
