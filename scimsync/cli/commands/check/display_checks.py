"""Check `[display] name`: whether it compiles, and whether its columns exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.config.models import Config
from scimsync.desired.display import DisplayName
from scimsync.errors import ScimsyncError
from scimsync.model.did_you_mean import did_you_mean
from scimsync.run.display_names import compile_display, sources_with_users


def check_display(config: Config) -> tuple[DisplayName | None, list[CheckResult]]:
    """Return the compiled expression, or what is wrong with it."""
    try:
        return compile_display(config), []
    except ScimsyncError as error:
        return None, [Subject("configuration", config.path.name).failed(error)]


def check_display_columns(
    config: Config, display: DisplayName | None, columns: Mapping[str, Sequence[str]]
) -> Iterator[CheckResult]:
    """Warn about a column that no source of users has.

    `columns` are those of the sources that could be read. Without all of them, nothing is known.
    """
    sources = sources_with_users(config)
    if display is None or not columns.keys() >= sources:
        return
    existing = list(dict.fromkeys(name for source in sources for name in columns[source]))
    for column in display.columns:
        if column not in existing:
            where = config.where("display", "name")
            yield Subject("configuration", config.path.name).warning(
                f'{where}: no source of users has a column "{column}"; names are shown without it',
                code="SYNC-0957",
                details=[f"found: {', '.join(existing)}"],
                hint=did_you_mean(column, existing),
            )
