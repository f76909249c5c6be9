"""`scimsync demo`: a made-up company, a real SCIM server on loopback, and two days of pushes."""

from __future__ import annotations

import csv
import io
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from shlex import join, quote

import click

from scimsync.atomic_file import write_atomically
from scimsync.cli.commands.demo.company import COLUMNS, CUT, MOVED, RENAMED, first_day, second_day
from scimsync.cli.commands.demo.demo_server import ensure_installed, running_server
from scimsync.errors import ConfigError, ScimsyncError

_SYNC_TOML = """\
# The people are in hr.csv. To the right of an attribute is an expression over a row's columns.

[sources.hr]
type = "file"
path = "hr.csv"
key = "employee_id"

[access]
Staff = "status == 'active' and start | date <= today"
Admin = "'Staff' in access and department == 'IT' and level | int >= 4"

[targets.wiki]
url = "{url}"
auth = {{ type = "bearer", token = "file:token" }}
scope = "'Staff' in access"
leave = {{ action = "deactivate", delete_after = "30d" }}

[targets.wiki.user]
externalId = "employee_id"
userName = "email | lower"
displayName = "given ~ ' ' ~ family"
"name.givenName" = "given"
"name.familyName" = "family"
title = "title"
active = true
roles = "['admin'] if 'Admin' in access"
'emails[type eq "work"].value' = "email | lower"
'emails[type eq "work"].primary' = true
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber" = "employee_id"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" = "department"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" = "ref(manager_id)"
"""


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help=("Use this folder, which must be new or empty. (default: a temporary folder)"),
)
def command(folder: Path | None) -> None:
    """Try scimsync with a local SCIM server and the users of a made-up company, on two days.

    Nothing leaves this machine. The server stops at the end; the folder stays for you to explore.
    """
    ensure_installed()
    folder = _make_folder(folder)
    token = secrets.token_urlsafe(24)
    with running_server(token) as url:
        (folder / "sync.toml").write_text(_SYNC_TOML.format(url=url), "utf-8")
        write_atomically(folder / "token", [f"{token}\n".encode()])
        _first_day(folder, url)
        _second_day(folder)
    _farewell(folder)


def _first_day(folder: Path, url: str) -> None:
    company = first_day()
    _write_hr_csv(folder, map(astuple, company))
    _heading(
        f"Day one: a company with {len(company)} employees, and an application without accounts"
    )
    _say(f"The employees are in {folder / 'hr.csv'}. sync.toml, beside it, is the configuration.")
    _say(f"The application is a SCIM server on this machine: {url}")
    _say("A plan sends nothing. Here are its last line and the part for one user:")
    _run(folder, "plan", last_line=True)
    _run(folder, "plan", "--key", MOVED)
    _say("A push applies the plan. A second push has nothing to do:")
    _run(folder, "push")
    _run(folder, "push")


def _second_day(folder: Path) -> None:
    day = second_day(first_day())
    _write_hr_csv(folder, day.rows)
    _heading("Day two: HR exports a new hr.csv")
    for news in day.news:
        click.echo(f"  - {news}")
    click.echo()
    _say("The plan shows what would change, and why:")
    _run(folder, "plan", expected=4)
    _say(
        "Exit code 4: some users cannot be planned. The others are not affected.",
        f"A bad row costs no one their account: {CUT} keeps it.",
    )
    _run(folder, "push", expected=4)
    _say("The journal has every operation, with the reasons for failures:")
    _run(folder, "journal", "--failed")
    _say("Everything about one user, who moved to another department:")
    _run(folder, "explain", MOVED)


def _farewell(folder: Path) -> None:
    _heading("The server has stopped; the folder stays")
    _say("Explore it, and delete it when you are done:")
    click.echo(f"  cd {quote(str(folder))}")
    click.echo("  scimsync status")
    click.echo(f"  scimsync journal --key {RENAMED}")
    click.echo("  scimsync plan --offline")


def _run(folder: Path, *arguments: str, expected: int = 0, last_line: bool = False) -> None:
    """Show `scimsync ARGUMENTS` and its output, or with `last_line` the last line of its stdout.

    Raise ScimsyncError where the exit code is not the expected one, KeyboardInterrupt where an
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
            code="SYNC-0911",
        )


def _environment() -> dict[str, str]:
    """Return the environment with unbuffered output and without another sync.toml."""
    return {name: value for name, value in os.environ.items() if name != "SCIMSYNC_CONFIG"} | {
        "PYTHONUNBUFFERED": "1"
    }


def _make_folder(wanted: Path | None) -> Path:
    """Return an empty private folder: `wanted`, or a new temporary one. Raise ConfigError."""
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="scimsync-demo-"))
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        full = next(wanted.iterdir(), None)
    except OSError as error:
        raise ConfigError(f"--dir {wanted}: {error.strerror}", code="SYNC-0911") from None
    if full is not None:
        raise ConfigError(
            f"--dir {wanted}: the folder is not empty",
            hint="name a new or empty folder",
            code="SYNC-0911",
        )
    return wanted.resolve()


def _write_hr_csv(folder: Path, rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *rows])
    write_atomically(folder / "hr.csv", [text.getvalue().encode()])


def _heading(text: str) -> None:
    click.secho(f"\n{text}\n", fg="cyan", bold=True)


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line)
    click.echo()
