"""The folder that the demo works in and leaves behind: hr.csv, sync.toml, token."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from scimsync.cli.demonstration.company import COLUMNS
from scimsync.errors import ConfigError

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


def make_folder(wanted: Path | None) -> Path:
    """An empty folder that only its owner can read: `wanted`, or a new one for temporary files.
    Raises ConfigError."""
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="scimsync-demo-"))
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        full = next(wanted.iterdir(), None)
    except OSError as error:
        raise ConfigError(f"--dir {wanted}: {error.strerror}") from None
    if full is not None:
        raise ConfigError(
            f"--dir {wanted}: the folder is not empty", hint="the demo wants a folder of its own"
        )
    return wanted.resolve()


def write_people(folder: Path, rows: Iterable[Sequence[str]]) -> None:
    """Writes hr.csv, as a whole."""
    fresh = folder / "hr.csv.new"
    with fresh.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    fresh.replace(folder / "hr.csv")


def write_settings(folder: Path, url: str, token: str) -> None:
    """Writes sync.toml, and the token that it names into a file that only its owner can read."""
    (folder / "sync.toml").write_text(_SYNC_TOML.format(url=url), "utf-8")
    with os.fdopen(
        os.open(folder / "token", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w"
    ) as stream:
        stream.write(token + "\n")
