"""`scimsync help`."""

from __future__ import annotations

import re
import shutil
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files

import click

from scimsync.cli.ui.combinations import refuse
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.errors import ConfigError

PREFIX = "SYNC-"


@dataclass(frozen=True, slots=True)
class MessageHelp:
    """What a message means and what to do. `see` are pages below docs/."""

    code: str
    title: str
    meaning: str
    action: str
    see: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageArea:
    """Messages about one thing, by code."""

    title: str
    intro: str
    messages: Mapping[str, MessageHelp]


def message_areas() -> Iterator[MessageArea]:
    """Yield all messages, from messages.toml, in the order of their codes."""
    document = tomllib.loads(files("scimsync").joinpath("messages.toml").read_text("utf-8"))
    areas = document.pop("area")
    for area, following in zip(areas, [*areas[1:], {"first": "~"}], strict=True):
        messages = {
            code: MessageHelp(code, **{**entry, "see": tuple(entry.get("see", ()))})
            for code, entry in document.items()
            if area["first"] <= code < following["first"]
        }
        yield MessageArea(area["title"], area.get("intro", "").strip(), messages)


@click.command()
@click.argument("topic", metavar="[CODE|COMMAND]", required=False)
@common_options_without("targets", "keys")
@click.pass_context
def command(context: click.Context, options: CommonOptions, topic: str | None) -> None:
    """Explain the message with CODE, such as SYNC-0106 or 106, or show the help of COMMAND."""
    program = context.find_root()
    if topic is not None and re.fullmatch(rf"(?i:{PREFIX})?\d+", topic):
        found = _find(f"{PREFIX}{topic.upper().removeprefix(PREFIX):0>4}")
        if options.as_json:
            from scimsync.cli.ui.output import write_json

            write_json(asdict(found))
        else:
            _print(found)
        return
    if options.as_json:
        refuse("--json can only be used with CODE")
    if topic is None:
        click.echo(program.get_help())
        return
    assert isinstance(program.command, click.Group)  # noqa: S101 - the root of all commands
    name, named, _ = program.command.resolve_command(program, [topic])
    if named is not None:
        click.echo(named.get_help(click.Context(named, info_name=name, parent=program)))


def _find(code: str) -> MessageHelp:
    for area in message_areas():
        if code in area.messages:
            return area.messages[code]
    raise ConfigError(
        f"unknown message code {code}", code="SYNC-0912", hint="docs/messages.md lists them all"
    )


def _print(found: MessageHelp) -> None:
    width = min(shutil.get_terminal_size().columns, 90)
    click.echo(f"{click.style(found.code, bold=True)}  {found.title}")
    pages = [f"See docs/{page}" for page in found.see]
    for paragraph in (found.meaning, found.action, *pages):
        click.echo()
        click.echo(textwrap.fill(paragraph, width, break_on_hyphens=False))
