"""`scimsync show`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson

from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.plan_output import FORMATS, Whole, print_plan
from scimsync.cli.ui.report_format import report_format
from scimsync.cli.ui.saved_plan import warn_without_digest
from scimsync.formatting import printable
from scimsync.plan.plan_file import PlanFile, read_plan


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Output format. (default: text)",
)
@common_options_without("targets", "keys")
def command(options: CommonOptions, file: Path, form: str | None) -> None:
    """Show the plan in FILE, which is a file of plan --out or the output of plan --json.

    The command needs no configuration, state, source, or target. It refuses a saved plan that was
    changed afterwards. It does not check whether the plan is still up to date; push FILE does.
    """
    form = report_format(options, form, None, FORMATS)
    plan = read_plan(file)
    warn_without_digest(plan.saved, quiet=options.quiet)
    if form == "json":
        sys.stdout.buffer.writelines(_plan_text(plan.document))
        sys.stdout.flush()
        return
    facts = _facts(plan)
    whole = Whole(f"scimsync show {file} --json", str(file))
    print_plan(plan.plan, form, facts, whole)
    if form == "text":
        for line in plan.plan.guard:
            click.secho(printable(line), fg="red", err=True)
        if not options.quiet:
            about = "; ".join(f"{name} {value}".strip() for name, value in facts.items())
            click.echo(printable(about), err=True)


def _plan_text(document: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield a plan as JSON in pieces, an operation on each line."""
    yield b'{"targets": {'
    for number, (name, target) in enumerate(document["targets"].items()):
        rest = {key: value for key, value in target.items() if key != "operations"}
        yield b'%b%b: {"operations": [' % (b", " if number else b"", orjson.dumps(name))
        for place, operation in enumerate(target["operations"]):
            yield (b",\n" if place else b"\n") + orjson.dumps(operation)
        yield b"], " + orjson.dumps(rest)[1:]
    rest = {key: value for key, value in document.items() if key != "targets"}
    yield b"},\n" + orjson.dumps(rest)[1:] + b"\n"


def _facts(plan: PlanFile) -> dict[str, str]:
    """Return what is known about a plan beside its content."""
    facts = {"from": plan.name}
    saved = plan.saved
    if saved is None:
        return facts
    if saved.made_at is not None:
        facts["made"] = _time(saved.made_at)
    if saved.command != "plan":
        facts["by scimsync"] = saved.command
    if saved.keys:
        facts["for keys"] = ", ".join(saved.keys)
    return facts


def _time(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text
