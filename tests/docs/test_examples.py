"""What the documentation shows is true: links lead somewhere, TOML is a sync.toml, commands exist,
examples plan and push."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from scimsync.cli import cli
from scimsync.config import load
from scimsync.config.load import parse
from scimsync.config.models import (
    Actions,
    FileSource,
    Group,
    GroupLeave,
    Guard,
    Health,
    Leave,
    State,
    Target,
)
from scimsync.config.notifications import Notify, Receiver
from scimsync.config.schedule import Schedule
from scimsync.run.compile import compile_config
from scimsync.settings.table import Table
from tests.office import Office

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
TYPED = [
    *PAGES,
    ROOT / "sync.toml.example",
    *ROOT.glob("examples/*/crontab"),
    *ROOT.glob("examples/*/*.service"),
    *ROOT.glob("examples/*/.github/workflows/*.yml"),
]
"""Where commands stand."""
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/sync.toml"))
TOML = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL), 1
    )
]
WHOLE: dict[str, Any] = {
    "sources": {
        "hr": {"type": "file", "path": "hr.csv", "key": "id"},
        "contractors": {"type": "file", "path": "hr.csv", "key": "id"},
        "teams": {"type": "file", "path": "teams.csv", "key": "team_id"},
    },
    "access": {"Staff": "status == 'active'", "Admin": "'Staff' in access"},
    "tables": {"cities": {"BER": "Berlin"}},
    "targets": {
        "wiki": {
            "url": "https://wiki.example.com/scim/v2",
            "auth": {"type": "bearer", "token": "env:WIKI_TOKEN"},
            "source": "hr",
            "user": {"userName": "email", "roles": "access"},
        }
    },
}
"""What a fragment of a sync.toml is put into."""


def anchor(title: str) -> str:
    """How a heading is linked to."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, place = link.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), link
        if place:
            titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            assert place in map(anchor, titles), link


def laid_over(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """`part` with what it lacks from `whole`, so that a fragment can be judged."""
    made = dict(whole)
    for name, value in part.items():
        both = isinstance(value, dict) and isinstance(made.get(name), dict)
        made[name] = (
            laid_over(made[name], value)
            if both and not ({"type", "value", "expr"} & value.keys())
            else value
        )
    return made


def as_toml(value: Any) -> str:
    """`value` as TOML in one line."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key)} = {as_toml(entry)}" for key, entry in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value)


@pytest.mark.parametrize("block", TOML)
def test_toml_in_the_documentation_is_a_sync_toml_that_compiles(block: str, tmp_path: Path) -> None:
    part = tomllib.loads(block)
    whole = part if {"sources", "targets"} <= part.keys() else laid_over(WHOLE, part)

    config = parse(
        "".join(f"{key} = {as_toml(value)}\n" for key, value in whole.items()),
        tmp_path / "sync.toml",
    )

    assert compile_config(config, read=False).targets.keys() == whole["targets"].keys()


@pytest.mark.parametrize("page", TYPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_in_the_documentation_exist(page: Path) -> None:
    context = cli.make_context("scimsync", ["status"], resilient_parsing=True)
    for name, options in re.findall(
        r"\bscimsync (?:-\w+ (?:sync\.toml )?)*(\w+)((?:[^\S\n]+[^\s`|;&#]+)*)", code_of(page)
    ):
        command = cli.get_command(context, name)
        assert command is not None, f"scimsync {name}"
        if isinstance(command, click.Group):
            part = command.get_command(context, options.split()[0]) if options.split() else command
            assert part is not None, f"scimsync {name} {options}"
            command = part
        there = {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        } | {"--help"}
        for option in re.findall(r"(?<=\s)--?[a-z][\w-]*", options):
            assert option in there, f"scimsync {name} {option}"


def code_of(page: Path) -> str:
    """What stands in code: blocks and spans of a page, the whole of anything else."""
    text = page.read_text("utf-8")
    if page.suffix != ".md":
        return "\n".join(line for line in text.splitlines() if not line.startswith("name:"))
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    blocks = [block for language, block in fenced if language in ("sh", "console", "")]
    # a session, or commands
    typed = [
        "\n".join(re.findall(r"^ *\$ (.*)$", block, re.MULTILINE)) or block for block in blocks
    ]
    outside = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*typed, *re.findall(r"`([^`\n]+)`", outside)])


@pytest.fixture
def example(
    request: pytest.FixtureRequest, real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> Office:
    """One of the examples as it stands, but for the addresses of its targets (each a server of its
    own), token and state."""
    shutil.copytree(request.param, real_office.folder, dirs_exist_ok=True)
    text = (real_office.folder / "sync.toml").read_text("utf-8")
    for number, url in enumerate(re.findall(r'url\s*= "(https://[^"]*)"', text)):
        text = text.replace(url, real_office.url.replace("/v2", f"{number}/v2"))
    for variable in re.findall(r"env:(\w+)", text):
        monkeypatch.setenv(variable, real_office.token)
    real_office.write("token", real_office.token + "\n")
    (real_office.folder / "token").chmod(0o600)
    real_office.write("sync.toml", text.replace("sqlite:////var/lib/scimsync/", "sqlite:///state/"))
    return real_office


each_example = pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda path: path.name, indirect=True
)


@each_example
def test_examples_are_checked_and_pushed_and_then_there_is_nothing_to_do(example: Office) -> None:
    checked = example.run("check")
    assert (checked.code, "warning" in checked.out) == (0, False), checked.out

    pushed = example.run("push", "--json")
    assert (pushed.code, "Traceback" in pushed.err) == (0, False), pushed.err
    assert all(target["counts"].get("create") for target in pushed.document["targets"].values())

    again = example.run("push", "--json").document
    assert {name: target["requests"] for name, target in again["targets"].items()} == dict.fromkeys(
        again["targets"], 0
    )


@each_example
@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_examples_plan_without_a_network(example: Office, form: str) -> None:
    ran = example.run("plan", "--offline", "--format", form)

    assert (ran.code, "Traceback" in ran.err) == (0, False), ran.err
    assert "create" in ran.out


def test_the_example_of_everything_compiles() -> None:
    config = load(ROOT / "sync.toml.example")
    assert compile_config(config, read=False).targets.keys() == config.targets.keys()


@pytest.mark.parametrize(
    "table",
    [
        State,
        FileSource,
        Guard,
        Target,
        Leave,
        Actions,
        Group,
        GroupLeave,
        Schedule,
        Health,
        Notify,
        Receiver,
    ],
    ids=lambda table: table.__name__,
)
def test_every_key_of_sync_toml_stands_on_the_page_and_in_the_example(table: type[Table]) -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text("utf-8")
    example = (ROOT / "sync.toml.example").read_text("utf-8")
    # attributes of a group stand in its own table
    for key in table.model_fields.keys() - {"attributes"}:
        assert re.search(rf"`{key}\b", page), key
        assert re.search(rf"\b{key}\b", example), key


def test_every_filter_of_our_own_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text("utf-8")
    for name in ("date", "lookup", "ascii", "slug", "default"):
        assert f"| `{name}" in page
