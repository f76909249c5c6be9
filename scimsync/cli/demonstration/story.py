"""What the demo does, step by step: each command as one would type it, then what it really says."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path
from shlex import join, quote

import click

from scimsync.cli.demonstration import day_two
from scimsync.cli.demonstration.company import company
from scimsync.cli.demonstration.folder import make_folder, write_people, write_settings
from scimsync.cli.demonstration.server import ensure_installed, running_server
from scimsync.errors import ScimsyncError


def tell(wanted: Path | None) -> None:
    """Runs the demo in the folder `wanted`, or in a new one. Raises ConfigError, or ScimsyncError
    where a step goes wrong."""
    ensure_installed()
    folder = make_folder(wanted)
    token = secrets.token_urlsafe(24)
    with running_server(token) as url:
        write_settings(folder, url, token)
        _first_day(folder, url)
        _second_day(folder)
    _farewell(folder)


def _first_day(folder: Path, url: str) -> None:
    people = company()
    write_people(folder, map(astuple, people))
    _heading(
        f"Day one: a company of {len(people)} people, and an application in which nobody has an"
        " account"
    )
    _say(f"The people are in {folder / 'hr.csv'}, what is to be done in sync.toml beside it.")
    _say(f"The application is a SCIM server on this machine, at {url}.")
    _say("A plan sends nothing. This is its last line, then the part of one person:")
    _run(folder, "plan", last_line=True)
    _run(folder, "plan", "--key", day_two.MOVED)
    _say("A push does it. The second one finds nothing left to do:")
    _run(folder, "push")
    _run(folder, "push")


def _second_day(folder: Path) -> None:
    night = day_two.overnight(company())
    write_people(folder, night.rows)
    _heading("Day two: HR wrote a new hr.csv")
    for news in night.news:
        click.echo(f"  - {news}")
    click.echo()
    _say("What would happen, and why:")
    _run(folder, "plan", expected=4)
    _say(
        "Exit code 4: some people could not be dealt with, and the others go on. Nobody loses an"
        " account because a row was bad:",
        f"{day_two.CUT} keeps what there is.",
    )
    _run(folder, "push", expected=4)
    _say("The journal knows every operation, and why it failed where it did:")
    _run(folder, "journal", "--failed")
    _say("Everything about one person, who moved:")
    _run(folder, "explain", day_two.MOVED)


def _farewell(folder: Path) -> None:
    _heading("The server is stopped; the folder stays")
    _say("Look around in it, and delete it when you have seen enough:")
    click.echo(f"  cd {quote(str(folder))}")
    click.echo("  scimsync status")
    click.echo("  scimsync journal --key " + day_two.RENAMED)
    click.echo("  scimsync plan --offline")


def _run(folder: Path, *arguments: str, expected: int = 0, last_line: bool = False) -> None:
    """Shows `scimsync ARGUMENTS` and its output, or with `last_line` only that of its standard
    output.

    Raises ScimsyncError where the exit code is not the expected one, KeyboardInterrupt where an
    interrupt ended it.
    """
    click.secho(f"$ scimsync {join(arguments)}{' | tail -n 1' if last_line else ''}", bold=True)
    sys.stdout.flush()
    done = subprocess.run(
        [sys.executable, "-m", "scimsync", *arguments],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if last_line else sys.stdout,
        stderr=sys.stdout,
        check=False,
    )
    if last_line:
        click.echo(b"".join(done.stdout.splitlines()[-1:]).decode())
    click.echo()
    if done.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
        raise KeyboardInterrupt  # it was meant for the whole demo
    if done.returncode != expected:
        raise ScimsyncError(
            f"demo: scimsync {join(arguments)} ended with exit code {done.returncode}, not"
            f" {expected}",
            hint=f"its files are in {folder}",
        )


def _environment() -> dict[str, str]:
    """Ours, without what would lead to another sync.toml; output is written as it comes, in the
    order of a terminal."""
    return {name: value for name, value in os.environ.items() if name != "SCIMSYNC_CONFIG"} | {
        "PYTHONUNBUFFERED": "1"
    }


def _heading(text: str) -> None:
    click.secho(f"\n{text}\n", fg="cyan", bold=True)


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line)
    click.echo()
