"""Check the rows of an export: a value that no state can hold is refused before it is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Boolean, Date, Float, Integer, Table
from sqlalchemy.types import TypeEngine

from scimsync.jsontext import read_json
from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus
from scimsync.model.operations import Action, Confirmation, OperationStatus, Phase
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.model.records import Problem
from scimsync.model.target_memory import GroupTable, LearnedShape, UnusableFilter
from scimsync.state.column_types import UTCDateTime
from scimsync.state.json_values import load_changes, load_document, load_echoes

INVALID = (
    orjson.JSONDecodeError,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What `read_row` raises for a value that is not of an export."""


def read_row(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a row of `table`, as they are stored.

    Raise one of `INVALID` for a value of another type, one that is missing, and one too many.
    """
    row: dict[str, Any] = {}
    for column in table.columns:
        value = values.pop(column.name, None)
        if value is None:
            if not column.nullable:
                raise ValueError(column.name)
        else:
            value = _value(column.type, value)
            check = _CHECKS.get((table.name, column.name))
            if check is not None:
                check(value)
        row[column.name] = value
    if values:
        raise KeyError(next(iter(values)))
    if table.name == "link" and row["status"] in _WITH_ACCOUNT and row["remote_id"] is None:
        raise ValueError("remote_id")
    return row


def _value(kind: TypeEngine[Any], value: Any) -> Any:
    if isinstance(kind, UTCDateTime):
        return datetime.fromisoformat(value).astimezone(UTC)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    if isinstance(kind, Boolean):
        return _typed(value, bool)
    if isinstance(kind, Float):
        return float(_typed(value, int if isinstance(value, int) else float))
    if isinstance(kind, Integer):
        most = 2**63 if isinstance(kind, BigInteger) else 2**31
        if not -most <= _typed(value, int) < most:
            raise ValueError(value)
        return value
    return _typed(value, str)


def _typed(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:  # a bool is not a number
        raise TypeError(value)
    return value


def _document(text: str) -> None:
    for path, value in _typed(load_document(text), dict).items():
        _typed(path, str)
        _placeholder(value)


def _changes(text: str) -> None:
    for change in load_changes(text):
        _typed(change.path, str)
        _placeholder(change.before)
        _placeholder(change.after)


def _placeholder(value: object) -> None:
    if isinstance(value, IdOf):
        _typed(value.key, str)
    elif isinstance(value, RandomText):
        _typed(value.length, int)
    elif isinstance(value, SecretValue):
        _typed(value.digest, str)


def _echoes(text: str) -> None:
    for echo in load_echoes(text):
        _typed(echo.path, str)


def _record(text: str) -> None:
    _typed(read_json(text), dict)


def _object(text: str) -> None:
    _typed(orjson.loads(text), dict)


def _array(text: str) -> None:
    _typed(orjson.loads(text), list)


def _objects(kind: Callable[..., object]) -> Callable[[str], None]:
    """Return a check for an object whose members are made by `kind`."""

    def check(text: str) -> None:
        for value in _typed(orjson.loads(text), dict).values():
            kind(**{name: _typed(field, str) for name, field in value.items()})

    return check


def _problems(text: str) -> None:
    for item in _typed(orjson.loads(text), list):
        problem = Problem(**item)
        _typed(problem.source, str)
        _typed(problem.detail, str)
        _typed(problem.line, int, type(None))
        _typed(problem.key, str, type(None))


def _unusable(text: str) -> None:
    read = _typed(orjson.loads(text), dict)
    _typed(read["whose_unknown"], bool)
    for key in _typed(read["keys"], list):
        _typed(key, str)


def _numbers(text: str) -> None:
    for number in _typed(orjson.loads(text), dict).values():
        _typed(number, int)


_WITH_ACCOUNT = (LinkStatus.ACTIVE, LinkStatus.INACTIVE)

_CHECKS: Mapping[tuple[str, str], Callable[[Any], object]] = {
    ("source", "problems"): _problems,
    ("source", "unusable"): _unusable,
    ("source", "filled"): _numbers,
    ("source", "replaced"): _object,
    ("record", "data"): _record,
    ("replaced_record", "data"): _record,
    ("target", "group_tables"): _objects(GroupTable),
    ("target", "unusable_filters"): _objects(UnusableFilter),
    ("target", "shapes"): _objects(LearnedShape),
    ("link", "kind"): Kind,
    ("link", "status"): LinkStatus,
    ("link", "document"): _document,
    ("link", "echoes"): _echoes,
    ("reference", "kind"): Kind,
    ("membership", "member_kind"): Kind,
    ("replaced_membership", "member_kind"): Kind,
    ("run", "counts"): _object,
    ("run", "options"): _array,
    ("operation", "phase"): Phase,
    ("operation", "kind"): Kind,
    ("operation", "action"): Action,
    ("operation", "status"): OperationStatus,
    ("operation", "confirmed_by"): Confirmation,
    ("operation", "base"): _document,
    ("operation", "changes"): _changes,
    ("operation", "request"): _array,
    ("notification", "body"): _object,
    ("pin", "kind"): Kind,
    ("pin", "document"): _document,
}
"""(table, column) -> a function that raises an error for a value that the column cannot have."""
