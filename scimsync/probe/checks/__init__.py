"""The table of checks: one TOML file for the protocol, and one for each provider's own checks.

A check has a title, the section of the standard, a hint how to correct a server, and
`required = false` if a client can do without it.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from scimsync.probe.values import Check

_FILES: Final = ("protocol", "okta")
"""The tables, in the order in which reports show their checks."""


@cache
def known_checks() -> dict[str, Check]:
    """Return all checks by their id, in order, without the providers that depend on them."""
    found: dict[str, Check] = {}
    for name in _FILES:
        text = files(__name__).joinpath(f"{name}.toml").read_text("utf-8")
        tables: dict[str, dict[str, Any]] = tomllib.loads(text)
        for check_id, table in tables.items():
            if check_id in found:
                raise ValueError(f"{name}.toml: there is another check {check_id}")
            found[check_id] = Check(id=check_id, **table)
    return found
