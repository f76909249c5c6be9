"""The tables of checks: those of the protocol, and each provider's own.

A check has a title, the section of the standard, a hint how to correct a server, and
`required = false` if a client can do without it. `causes.toml` says which checks explain the
failure of others.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from scimsync.probe.values import Check

_FILES: Final = ("protocol", "okta", "entra", "interop")
"""The tables, in the order in which reports show their checks."""


@cache
def known_checks() -> dict[str, Check]:
    """Return all checks by their id, in order, without the providers that depend on them."""
    causes: dict[str, list[str]] = _table("causes")
    found: dict[str, Check] = {}
    for name in _FILES:
        for check_id, table in _table(name).items():
            if check_id in found:
                raise ValueError(f"{name}.toml: there is another check {check_id}")
            found[check_id] = Check(id=check_id, **table, after=tuple(causes.pop(check_id, ())))
    if causes:
        raise ValueError(f"causes.toml: there is no check {next(iter(causes))}")
    return found


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text("utf-8"))
