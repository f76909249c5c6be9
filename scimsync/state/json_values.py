"""Documents and changes as JSON text in the database.

A placeholder is written as an object with one reserved name, such as `{"$ref": "00042"}`. A plain
value of that form is written as `{"$literal": value}`, so that a record cannot forge a placeholder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from scimsync.model.changes import Change
from scimsync.model.echoes import Echo
from scimsync.model.ids import Document, Key
from scimsync.model.placeholders import IdOf, RandomText, SecretValue

_REF = "$ref"
_GENERATE = "$generate"
_SECRET = "$secret"  # noqa: S105 - the name of a placeholder
_LITERAL = "$literal"
_RESERVED = (_REF, _GENERATE, _SECRET, _LITERAL)


def dump_document(document: Document) -> str:
    """Return a document as JSON text."""
    return orjson.dumps({path: _encode(value) for path, value in document.items()}).decode()


def load_document(text: str) -> dict[str, Any]:
    """Return the document that `dump_document` wrote."""
    document: dict[str, Any] = orjson.loads(text)
    if '{"$' in text:
        return {path: _decode(value) for path, value in document.items()}
    return document


def dump_changes(changes: Sequence[Change]) -> str:
    """Return changes as JSON text."""
    rows = [[change.path, _encode(change.before), _encode(change.after)] for change in changes]
    return orjson.dumps(rows).decode()


def load_changes(text: str) -> tuple[Change, ...]:
    """Return the changes that `dump_changes` wrote."""
    rows = orjson.loads(text)
    if '{"$' in text:
        rows = [[path, _decode(before), _decode(after)] for path, before, after in rows]
    return tuple([Change(path, before, after) for path, before, after in rows])


def dump_names(names: Sequence[str]) -> str | None:
    """Return names as JSON text, None for none."""
    return orjson.dumps(list(names)).decode() if names else None


def load_names(text: str | None) -> tuple[str, ...]:
    """Return the names that `dump_names` wrote."""
    return () if text is None else tuple(orjson.loads(text))


def dump_echoes(echoes: Sequence[Echo]) -> str | None:
    """Return echoes as JSON text, None for none."""
    rows = [[echo.path, echo.sent, echo.shown] for echo in echoes]
    return orjson.dumps(rows).decode() if rows else None


def load_echoes(text: str) -> tuple[Echo, ...]:
    """Return the echoes that `dump_echoes` wrote."""
    return tuple([Echo(path, sent, shown) for path, sent, shown in orjson.loads(text)])


def _encode(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, IdOf):
        return {_REF: value.key}
    if isinstance(value, RandomText):
        return {_GENERATE: value.length}
    if isinstance(value, SecretValue):
        return {_SECRET: value.digest}
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _RESERVED:
        return {_LITERAL: value}
    return value


def _decode(value: Any) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    name, held = next(iter(value.items()))
    if name == _REF:
        return IdOf(Key(held))
    if name == _GENERATE:
        return RandomText(held)
    if name == _SECRET:
        return SecretValue(held)
    return held if name == _LITERAL else value
