"""Check that the columns a program names exist, before any record is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scimsync.desired.parsed_expression import ParsedExpression
from scimsync.desired.program import Program
from scimsync.errors import ConfigError
from scimsync.model.did_you_mean import closest


def check_columns(
    program: Program, found: Mapping[str, Sequence[str]], where: str | None = None
) -> None:
    """Check that every column of `program` exists in one of the target's sources.

    `found` maps the name of each source to its columns. A column that only some sources have is
    None for the records of the others. Raise ConfigError for the first column that no source has;
    its details list the other missing columns. The message contains `where` instead of the names of
    the sources.
    """
    existing = {column: None for columns in found.values() for column in columns}
    missing = [
        (expression, column)
        for expression in program.expressions
        for column in expression.uses.columns
        if column not in existing
    ]
    if not missing:
        return
    expression, column = missing[0]
    sources = f"source {next(iter(found))}" if len(found) == 1 else f"sources {', '.join(found)}"
    details = [
        f"found: {', '.join(columns)}"
        if len(found) == 1
        else f"found in {source}: {', '.join(columns)}"
        for source, columns in found.items()
    ]
    also = [f'also {other.location.key}: no column "{name}"' for other, name in missing[1:]]
    problem = f'no column "{column}" {where or f"in {sources}"}'
    raise ConfigError(
        f"{expression.location.file}: {expression.location.key}: {problem}",
        details=[*details, *also],
        hint=_hint(expression, column, list(existing)),
        code="SYNC-0302",
    )


def _hint(expression: ParsedExpression, column: str, existing: Sequence[str]) -> str | None:
    meant = closest(column, existing)
    if meant is not None:
        return (
            f'did you mean "{meant}"?' if meant.isidentifier() else f"did you mean col['{meant}']?"
        )
    if expression.text.strip() == column:
        return f'a constant text is written {{ value = "{column}" }}'
    return None
