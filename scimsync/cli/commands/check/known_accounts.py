"""Checks of what earlier pushes found out about accounts."""

from __future__ import annotations

from collections.abc import Iterable

from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.config.models import Config
from scimsync.formatting import plural
from scimsync.jsontext import printable_json
from scimsync.model.echoes import EchoCount
from scimsync.model.ids import Kind
from scimsync.plan.document_diff import protected_accounts, short_path
from scimsync.run.dropped_targets import HINT, dropped_targets
from scimsync.state import absent_users, overview
from scimsync.state.store import Store

_SHOWN = 10

Found = dict[str, list[CheckResult]]
"""Target -> results."""


def check_echoes(names: Iterable[str], store: Store) -> Found:
    """Report which attributes the targets called `names` showed differently from what was sent."""
    with store.read() as connection:
        counted = {name: overview.echo_counts(connection, name) for name in names}
    return {name: [_warning(name, counts)] for name, counts in counted.items() if counts}


def check_dropped(config: Config, store: Store) -> list[CheckResult]:
    """Warn of targets with active accounts that sync.toml no longer has."""
    with store.read() as connection:
        dropped = dropped_targets(connection, config)
    return [
        Subject("target", one.name).warning(one.text, code="SYNC-0433", hint=HINT)
        for one in dropped
    ]


def check_protected(config: Config, names: Iterable[str], store: Store) -> Found:
    """Report the users out of scope whose account is protected, as the last push found them."""
    with store.read() as connection:
        found = {
            name: absent_users.protected(connection, name, config.targets[name].source)
            for name in names
        }
    return {
        name: [Subject("target", name).ok(why) for why in protected_accounts(some)]
        for name, some in found.items()
    }


def _warning(name: str, counts: list[EchoCount]) -> CheckResult:
    number = plural(len(counts), "attribute")
    lines = [_line(one) for one in counts[:_SHOWN]]
    if len(counts) > _SHOWN:
        lines.append(f"and {len(counts) - _SHOWN} more")
    return Subject("target", name).warning(
        f"shows {number} differently from what earlier pushes sent",
        code="SYNC-0388",
        details=lines,
        hint=(
            "scimsync explain KEY shows all values of one user; correct the mapping if it is wrong"
        ),
    )


def _line(one: EchoCount) -> str:
    noun = "account" if one.kind is Kind.USER else "group"
    sent, shown = printable_json(one.echo.sent), printable_json(one.echo.shown)
    return (
        f"{short_path(one.echo.path)} of {plural(one.count, noun)}: of {one.key}, sent {sent},"
        f" shown {shown}"
    )
