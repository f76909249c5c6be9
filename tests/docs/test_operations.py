"""What how-a-push-works.md and targets.md show is what the program says and does."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.office import SOURCE, Office, fetch

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "how-a-push-works.md").read_text("utf-8")
THREE = ROOT / "examples" / "three-targets"

CHANGING = (
    (r"http://127\.0\.0\.1:\d+\S*", "URL"),
    (r"\b\d+\.\d s\b", "N s"),
    (r"^\w+: [a-z]+: [\d,]+ in N s\n", ""),  # progress, which a terminal does not keep
)
"""What is another one each time -> what it is compared as."""


def alike(text: str) -> str:
    """`text` without what is another one each time."""
    for pattern, name in CHANGING:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text


def shown(heading: str) -> str:
    """The console block below a heading."""
    part = re.split(r"^## ", PAGE.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[
        0
    ]
    (block,) = re.findall(r"^```console\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    return str(block)


def says_what_is_shown(office: Office, heading: str) -> int:
    """Runs the command below a heading, compares, and gives the exit code."""
    command, _, output = shown(heading).removeprefix("$ scimsync ").partition("\n")
    ran = office.run(*command.split())
    assert alike(ran.err + ran.out) == alike(output)
    return ran.code


@pytest.fixture
def two_targets(real_office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A wiki with everybody, a group of administrators, and tickets for administrators; all have
    what they should have."""
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


def test_a_plan_shows_what_adoption_overwrites(
    real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_TOKEN", real_office.token)
    real_office.write("hr.csv", "id,email,name\n1001,ann.abel@example.com,Ann Abel\n")
    real_office.configure(
        user='externalId = "id"\nuserName = "email"\ndisplayName = "name"\n', source=SOURCE
    )
    config = (real_office.folder / "sync.toml").read_text("utf-8")
    real_office.write(
        "sync.toml",
        config.replace("targets.wiki", "targets.app").replace("WIKI_TOKEN", "SCIM_TOKEN"),
    )
    schema = "urn:ietf:params:scim:schemas:core:2.0:User"
    account = {
        "schemas": [schema],
        "userName": "ann.abel@example.com",
        "displayName": "A. Abel",
        "active": True,
    }
    fetch(f"{real_office.url}/Users", real_office.token, account)

    assert says_what_is_shown(real_office, "Accounts that exist already") == 0


def test_somebody_is_deprovisioned_and_given_back(two_targets: Office) -> None:
    assert says_what_is_shown(two_targets, "Somebody has to go now") == 0

    two_targets.run("push")
    assert two_targets.accounts()["ellis.field@example.com"]["active"] is False
    assert two_targets.run("deprovision", "1005", "--lift").code == 0
    assert two_targets.accounts()["ellis.field@example.com"]["active"] is True


def test_somebody_is_deprovisioned_where_leave_keeps_and_the_file_is_broken(
    two_targets: Office,
) -> None:
    text = (two_targets.folder / "sync.toml").read_text("utf-8")
    scope = "scope = \"'Staff' in access\""
    assert scope in text
    two_targets.write(
        "sync.toml",
        text.replace(scope, scope + '\nleave = { action = "keep" }\nactions = { remove = false }'),
    )
    two_targets.write("people.csv", "")

    ran = two_targets.run("deprovision", "1005")

    assert ran.code == 0, ran.err
    assert two_targets.accounts()["ellis.field@example.com"]["active"] is False


def test_a_saved_plan_is_carried_out_once(two_targets: Office) -> None:
    people = (two_targets.folder / "people.csv").read_text("utf-8")
    people = people.replace("Stone,IT", "Stone,Sales").replace("Sales,6,,active", "Sales,6,,left")
    two_targets.write("people.csv", people)

    assert two_targets.run("plan", "--out", "tonight.plan").code == 0
    assert two_targets.run("push", "tonight.plan").code == 0

    assert says_what_is_shown(two_targets, "A plan that somebody has read") == 3


def test_another_run_is_told_who_is_at_work(two_targets: Office) -> None:
    holder = "hr-server process 4711 elsewhere"
    until = (
        (two_targets.now.replace(tzinfo=None)).isoformat(" ").replace("08:00:00", "08:01:27.000000")
    )
    two_targets.sql(
        "update lease set holder = ?, expires_at = ? where name = 'target wiki'", holder, until
    )

    ran = two_targets.run("-q", "push")

    assert ran.code == 5
    assert ran.err in PAGE


def test_check_says_what_a_target_can_do(real_office: Office) -> None:
    page = (ROOT / "docs" / "reference" / "targets.md").read_text("utf-8")
    shutil.copytree(ROOT / "examples" / "first", real_office.folder, dirs_exist_ok=True)
    config = (real_office.folder / "sync.toml").read_text("utf-8")
    real_office.write(
        "sync.toml", config.replace("https://wiki.example.com/scim/v2", real_office.url)
    )
    found = re.search(r"^\$ scimsync check\n…\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found is not None

    ran = real_office.run("check")

    assert ran.code == 0
    assert ran.out.endswith(found[1])
