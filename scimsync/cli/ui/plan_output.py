"""Print a plan to stdout, as text, Markdown, or HTML."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import click

from scimsync.cli.ui.problems import problem_line
from scimsync.formatting import printable
from scimsync.plan.render.markdown import markdown_plan
from scimsync.plan.render.text import text_plan
from scimsync.plan.shown_plan import ShownPlan

FORMATS = ("text", "markdown", "html", "json")
"""The formats of a plan."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Where the operations are that a format leaves out of a long plan.

    `command` shows them all. `file` has them, if there is one.
    """

    command: str
    file: str | None = None


def print_plan(
    plan: ShownPlan, form: str, facts: Mapping[str, str], whole: Whole, *, quiet: bool = False
) -> None:
    """Print a plan in a format other than JSON.

    `facts` stand below the title of a page. Warnings and problems of a text plan go to
    stderr; if `quiet`, only these are printed.
    """
    if form == "markdown":
        for line in markdown_plan(plan, whole.file):
            sys.stdout.write(line + "\n")
    elif form == "html":
        from scimsync.plan.render.html import html_plan

        pieces = html_plan(plan, facts, whole.command)
        sys.stdout.buffer.writelines(piece.encode() for piece in pieces)
        sys.stdout.flush()
    else:
        if not quiet:
            text_plan(plan, whole=whole.command)
        for target in plan.targets:
            for warning in target.warnings:
                click.secho(printable(f"{target.name}: {warning}"), fg="yellow", err=True)
        for problem in plan.problems:
            click.secho(problem_line(problem), fg="yellow", err=True)
