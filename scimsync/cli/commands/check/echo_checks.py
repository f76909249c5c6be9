"""Attributes that targets show otherwise than they were sent."""

from __future__ import annotations

from collections.abc import Iterable

from scimsync.cli.commands.check.results import CheckResult, Subject
from scimsync.formatting import plural
from scimsync.jsontext import printable_json
from scimsync.model.echoes import EchoCount
from scimsync.model.ids import Kind
from scimsync.plan.diff import short_path
from scimsync.state import overview
from scimsync.state.store import Store

_SHOWN = 10


def check_echoes(names: Iterable[str], store: Store) -> dict[str, list[CheckResult]]:
    """Report which attributes the targets called `names` showed otherwise than they were sent."""
    with store.read() as connection:
        counted = {name: overview.echo_counts(connection, name) for name in names}
    return {name: [_warning(name, counts)] for name, counts in counted.items() if counts}


def _warning(name: str, counts: list[EchoCount]) -> CheckResult:
    number = plural(len(counts), "attribute")
    lines = [_line(one) for one in counts[:_SHOWN]]
    if len(counts) > _SHOWN:
        lines.append(f"and {len(counts) - _SHOWN} more")
    return Subject("target", name).warning(
        f"shows {number} otherwise than sent in earlier pushes",
        code="SYNC-0388",
        details=lines,
        hint="scimsync explain KEY shows all of one user; correct the mapping if it is not right",
    )


def _line(one: EchoCount) -> str:
    noun = "account" if one.kind is Kind.USER else "group"
    sent, shown = printable_json(one.echo.sent), printable_json(one.echo.shown)
    return (
        f"{short_path(one.echo.path)} of {plural(one.count, noun)}: of {one.key}, sent {sent},"
        f" shown {shown}"
    )
