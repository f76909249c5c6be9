"""Load the JSON text of a plan without building its operations.

`plan --json` and `plan --out` write each operation on a line of its own. A million operations take
ten times as much memory as their text, so each is only built when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

_OPERATION = b'{"action":'
"""How the line of an operation begins."""

_PLACE = "#lines"
"""The name that stands for the operations of a target while the rest of the text is loaded."""


@dataclass(slots=True)
class OperationLines:
    """Operations in the lines of a text, from the byte `start` on. Each iteration reads them."""

    text: bytes
    start: int
    number: int = 0

    def __iter__(self) -> Iterator[Any]:
        at = self.start
        for _ in range(self.number):
            end = _line_end(self.text, at)
            yield _first_value(self.text[at:end])[0]
            at = end


def load_plan(text: bytes) -> Any:
    """Return the value of the text of a plan.

    The operations of each target are `OperationLines`, or the usual lists if the text has a
    different layout. Raise JSONDecodeError if the text is no JSON.
    """
    lists: list[OperationLines] = []
    try:
        whole = orjson.loads(b"".join(_without_operations(text, lists)))
        for target in whole.get("plan", whole)["targets"].values():
            if target["operations"]:
                (place,) = target["operations"]
                target["operations"] = lists[place[_PLACE]]
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return orjson.loads(text)
    return whole


def _without_operations(text: bytes, lists: list[OperationLines]) -> Iterator[bytes]:
    """Yield the text with the place of each list of operations, which are added to `lists`."""
    at, is_inside = 0, False
    while at < len(text):
        end = _line_end(text, at)
        if text.startswith(_OPERATION, at):
            if not is_inside:
                yield b'{"%b": %d}' % (_PLACE.encode(), len(lists))
                lists.append(OperationLines(text, at))
            lists[-1].number += 1
            rest = _first_value(text[at:end])[1]
            is_inside = rest == b""
            yield rest
        else:
            is_inside = False
            yield text[at:end]
        at = end


def _line_end(text: bytes, at: int) -> int:
    return text.find(b"\n", at) + 1 or len(text)


def _first_value(line: bytes) -> tuple[Any, bytes]:
    """Return the JSON value that a line begins with, and the rest without a final comma."""
    stripped = line.rstrip()
    if stripped.endswith(b","):
        try:
            return orjson.loads(stripped[:-1]), b""
        except orjson.JSONDecodeError:
            pass  # the last operation of a target, followed by the rest of it
    decoded = line.decode()
    value, end = json.JSONDecoder().raw_decode(decoded)
    return value, decoded[end:].encode()
