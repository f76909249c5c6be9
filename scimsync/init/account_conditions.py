"""Conditions for having an account, as expressions over columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scimsync.desired.syntax import column_expression, text_literal
from scimsync.init.sampled_table import Row, SampledTable


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a column, as an expression.

    `holds` says whether a sampled row fulfills it. For dates, that is whether it may on some day.
    """

    column: str
    expression: str
    holds: Callable[[Row], bool] = field(compare=False)


@dataclass(frozen=True, slots=True)
class GuessedScope:
    """The conditions for having an account, all of which must hold.

    `left_out` holds, for each column, the values of users out of scope, as constants. `notes` say
    what is to be checked, and `hints` what else could be done. `tells_leavers` is true if one of
    the conditions says who has left. `candidate` is the column that probably says it if its values
    are not understood. `guessed` is true if values were treated as active because the column has no
    other value for it.
    """

    conditions: tuple[Condition, ...] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    tells_leavers: bool = False
    candidate: str | None = None
    guessed: bool = False

    @property
    def expression(self) -> str | None:
        """The whole condition; None if there is none."""
        return " and ".join(condition.expression for condition in self.conditions) or None

    def holds(self, row: Row) -> bool:
        """Return whether a sampled row is in scope."""
        return all(condition.holds(row) for condition in self.conditions)

    def __add__(self, other: GuessedScope) -> GuessedScope:
        return GuessedScope(
            (*self.conditions, *other.conditions),
            {**self.left_out, **other.left_out},
            (*self.notes, *other.notes),
            (*self.hints, *other.hints),
            self.tells_leavers or other.tells_leavers,
            self.candidate or other.candidate,
            self.guessed or other.guessed,
        )


def is_one_of(column: str, values: Sequence[object]) -> Condition:
    """Return the condition that a column has one of some values."""
    name = column_expression(column)
    if all(value is True for value in values):
        expression = name
    elif all(value is False for value in values):
        expression = f"not {name}"
    elif len(values) == 1:
        expression = f"{name} == {_literal(values[0])}"
    else:
        expression = f"{name} in [{', '.join(map(_literal, values))}]"
    return Condition(column, expression, lambda row: row.get(column) in values)


def is_none_of(column: str, values: Sequence[object]) -> Condition:
    """Return the condition that a column has none of some values."""
    name = column_expression(column)
    if len(values) == 1:
        expression = f"{name} != {_literal(values[0])}"
    else:
        expression = f"{name} not in [{', '.join(map(_literal, values))}]"
    return Condition(column, expression, lambda row: row.get(column) not in values)


def is_empty_test(table: SampledTable, column: str, *, empty: bool) -> str:
    """Return the expression for whether a cell is empty, or filled.

    Empty cells are "" in text files, and nothing in typed ones.
    """
    name = column_expression(column)
    if all(isinstance(row.get(column), str) for row in table.rows):
        return f"{name} {'==' if empty else '!='} ''"
    return f"{name} {'in' if empty else 'not in'} ['', none]"


def empty_values(table: SampledTable, column: str) -> list[object]:
    """Return the kinds of empty cells of a column: "", None, or both."""
    cells = [row.get(column) for row in table.rows]
    return [empty for empty in ("", None) if empty in cells]


def constant(value: object) -> str:
    """Return a value as it is shown to a reader, on one line and not too long."""
    return shortened(value) if isinstance(value, str) else str(value).lower()


def listed(values: Iterable[object]) -> str:
    """Return values as an enumeration for a reader."""
    return ", ".join(map(constant, values))


def shortened(text: str) -> str:
    """Return a text as a constant of at most 30 characters."""
    return text_literal(text if len(text) <= 30 else text[:29] + "…")


def _literal(value: object) -> str:
    return text_literal(value) if isinstance(value, str) else str(value).lower()
