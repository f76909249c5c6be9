"""What the documentation shows is true: links lead somewhere, TOML is a sync.toml, examples plan and push."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from scimsync.cli import cli
from scimsync.config import load
from scimsync.execute.settings import set_up
from tests.office import Office
from tests.servers.faulty import FaultyServer

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")])
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/sync.toml"))
TOML = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL), 1)
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
        made[name] = laid_over(made[name], value) if both and not ({"type", "value", "expr"} & value.keys()) else value
    return made


@pytest.mark.parametrize("block", TOML)
def test_toml_in_the_documentation_is_a_sync_toml(block: str, tmp_path: Path) -> None:
    from scimsync.config.models import SyncToml

    part = tomllib.loads(block)

    SyncToml.model_validate(part if {"sources", "targets"} <= part.keys() else laid_over(WHOLE, part))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_in_the_documentation_exist(page: Path) -> None:
    context = cli.make_context("scimsync", ["status"], resilient_parsing=True)
    known = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    shown = re.findall(r"scimsync ((?:-\w+ )*)(\w+)((?: +--[\w-]+)*)", "\n".join(code_of(page)))
    for _, name, options in shown:
        if name not in known:
            continue
        command = known[name]
        assert command is not None
        there = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
        for option in options.split():
            assert option in there, f"scimsync {name} {option}"


def code_of(page: Path) -> list[str]:
    """What stands in code: blocks and spans."""
    text = page.read_text("utf-8")
    return re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL) + re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_push_to_a_server(example: Path, office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(example, office.folder, dirs_exist_ok=True)
    text = (office.folder / "sync.toml").read_text("utf-8")
    text = re.sub(r'url\s*= "https://[^"]*"', f'url = "{faulty.url}"', text)
    text = re.sub(r'token = "[^"]*"', 'token = "env:WIKI_TOKEN"', text)
    text = re.sub(r'url\s*= "sqlite:[^"]*"', 'url = "sqlite:///scimsync.db"', text)
    text = re.sub(r"^\[targets\.\w+\.groups[^\[]*", "", text, flags=re.MULTILINE)  # that server knows no groups
    office.write("sync.toml", text)
    targets = list(load(office.folder / "sync.toml").targets)

    ran = office.run("push", "-t", targets[0])

    assert (ran.code, ran.err.count("Traceback")) == (0, 0), ran.err
    assert len(faulty.users) > 0


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_plan_as_they_stand(example: Path, office: Office) -> None:
    shutil.copytree(example, office.folder, dirs_exist_ok=True)
    text = (office.folder / "sync.toml").read_text("utf-8")
    office.write("sync.toml", re.sub(r'url\s*= "sqlite:[^"]*"', 'url = "sqlite:///scimsync.db"', text))

    ran = office.run("plan", "--offline")

    assert ran.code == 0, ran.err
    assert " create" in ran.out


def test_the_example_of_everything_compiles() -> None:
    with patch.dict(os.environ):
        config = load(ROOT / "sync.toml.example")
    assert set_up(config, read=False).targets.keys() == config.targets.keys()
