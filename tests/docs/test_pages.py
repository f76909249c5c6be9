"""Links in the documentation resolve, TOML compiles, commands and options exist, keys are
documented."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from scimsync.builtin import parse
from scimsync.cli import cli
from scimsync.run.compile import compile_config
from tests.docs.documentation import ROOT, blocks, page

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
WITH_COMMANDS = [
    *PAGES,
    ROOT / "sync.toml.example",
    *ROOT.glob("examples/*/crontab"),
    *ROOT.glob("examples/*/*.service"),
    *ROOT.glob("examples/*/.github/workflows/*.yml"),
]
TOML = [
    pytest.param(toml, id=f"{path.relative_to(ROOT)}-{number}")
    for path in PAGES
    for number, toml in enumerate(blocks(path.read_text("utf-8"), "toml"), 1)
]
WIKI: dict[str, Any] = {
    "url": "https://wiki.example.com/scim/v2",
    "auth": {"type": "bearer", "token": "env:WIKI_TOKEN"},
    "source": "hr",
    "user": {"userName": "email", "roles": "access"},
}
COMPLETE: dict[str, Any] = {
    "sources": {
        "hr": {"type": "file", "path": "hr.csv", "key": "id"},
        "contractors": {"type": "file", "path": "hr.csv", "key": "id"},
        "teams": {"type": "file", "path": "teams.csv", "key": "team_id"},
    },
    "access": {"Staff": "status == 'active'", "Admin": "'Staff' in access"},
    "tables": {"cities": {"BER": "Berlin"}},
    "targets": {"wiki": WIKI},
}
"""A configuration that completes a fragment."""


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


def anchor(heading: str) -> str:
    """Return the fragment that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@each(PAGES)
def test_links_resolve(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, fragment = link.partition("#")
        linked = path.parent / name if name else path
        assert linked.exists(), link
        if fragment:
            headings = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.MULTILINE)
            assert fragment in map(anchor, headings), link


@each([path for path in PAGES if path.is_relative_to(ROOT / "docs")])
def test_every_page_is_in_the_index(path: Path) -> None:
    index = page("docs/index.md")
    assert path.name == "index.md" or f"({path.relative_to(ROOT / 'docs')})" in index


def test_paths_in_the_developer_pages_exist() -> None:
    for name in ("docs/architecture.md", "docs/decisions.md", "CONTRIBUTING.md"):
        for line in page(name).splitlines():
            # a row of a folder names modules of this folder
            folder = re.match(r"\| `(\w+)/`", line)
            roots = [ROOT, ROOT / "scimsync", *([ROOT / "scimsync" / folder[1]] if folder else [])]
            for path in re.findall(r"`([\w./]+(?:\.py|\.toml|/))`", line):
                if "NAME" not in path and path != "sync.toml":
                    assert any((root / path).exists() for root in roots), f"{name}: {path}"


def test_the_tests_that_demonstrate_guarantees_exist() -> None:
    guarantees = page("docs/explanation/guarantees.md")
    for path in re.findall(r"`((?:tests|benchmarks)/[\w./]+)`", guarantees):
        assert (ROOT / path).exists(), path


def merged(base: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return `part`, completed by what `base` has."""
    made = dict(base)
    for name, value in part.items():
        both = isinstance(value, dict) and isinstance(made.get(name), dict)
        replaces = both and (
            {"value", "expr"} & value.keys() or {"type"} <= value.keys() & made[name].keys()
        )
        made[name] = merged(made[name], value) if both and not replaces else value
    return made


def as_toml(value: Any) -> str:
    """Return a value as inline TOML."""
    if isinstance(value, dict):
        entries = (f"{json.dumps(key)} = {as_toml(entry)}" for key, entry in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


@pytest.mark.parametrize("toml", TOML)
def test_toml_compiles(toml: str, tmp_path: Path) -> None:
    document = tomllib.loads(toml)
    if not {"sources", "targets"} <= document.keys():
        targets = dict.fromkeys(document.get("targets", {}), WIKI)
        document = merged(merged(COMPLETE, {"targets": targets}), document)

    text = "".join(f"{key} = {as_toml(value)}\n" for key, value in document.items())
    config = parse(text, tmp_path / "sync.toml")

    assert (
        compile_config(config, read=False, secrets=False).targets.keys()
        == document["targets"].keys()
    )


@each(WITH_COMMANDS)
def test_commands_and_options_exist(path: Path) -> None:
    context = cli.make_context("scimsync", ["status"], resilient_parsing=True)
    for name, options in re.findall(
        r"\bscimsync (?:-\w+ (?:sync\.toml )?)*(\w+)((?:[^\S\n]+[^\s`|;&#]+)*)", code(path)
    ):
        command = cli.get_command(context, name)
        assert command is not None, f"scimsync {name}"
        if isinstance(command, click.Group):
            part = command.get_command(context, options.split()[0]) if options.split() else command
            assert part is not None, f"scimsync {name} {options}"
            command = part
        known = {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        } | {"--help"}
        for option in re.findall(r"(?<=\s)--?[a-z][\w-]*", options):
            assert option in known, f"scimsync {name} {option}"


def code(path: Path) -> str:
    """Return what a page shows as code: command lines and code spans, or all of another file."""
    text = path.read_text("utf-8")
    if path.suffix != ".md":
        return "\n".join(line for line in text.splitlines() if not line.startswith("name:"))
    shown = [one for language in ("sh", "console", "") for one in blocks(text, language)]
    typed = ["\n".join(re.findall(r"^\$ (.*)$", one, re.MULTILINE)) or one for one in shown]
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*typed, *re.findall(r"`([^`\n]+)`", prose)])


def test_every_key_is_in_the_reference_and_in_the_example() -> None:
    reference, example = page("docs/reference/configuration.md"), page("sync.toml.example")
    http = page("docs/reference/http-sources.md")  # too many keys for the example
    http += page("docs/how-to/read-from-a-scim-server.md")
    schema = json.loads(CliRunner().invoke(cli, ["schema"]).stdout)

    for name, table in schema["$defs"].items():
        for key in table.get("properties", {}):
            if re.search(rf"`{key}\b|\b{key} = ", http):
                continue
            assert re.search(rf"`{key}\b|{key} = ", reference), f"{name}: {key}"
            assert re.search(rf"\b{key}\b", example), f"{name}: {key}"


def test_every_additional_filter_is_in_the_reference() -> None:
    reference = page("docs/reference/configuration.md")
    for name in ("date", "epoch", "filetime", "excel_date", "lookup", "ascii", "slug", "default"):
        assert f"| `{name}" in reference
