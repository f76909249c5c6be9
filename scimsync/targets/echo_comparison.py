"""Compare what a target shows after a change with what was sent.

A target may rewrite a value, truncate it, or keep another one: this is reported, and nothing is
sent again. `evidence` judges `active` and `userName` of changes, and the id, before that.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from scimsync.jsontext import json_text
from scimsync.model.echoes import Echo
from scimsync.model.ids import Document, Value
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.scim.attributes import read
from scimsync.scim.resources import value_at

_MOST = 50
"""The number of attributes of one resource that are kept."""

_LONGEST = 200
"""The longest value (characters of JSON) that is kept whole."""


def echoes_after(
    known: Sequence[Echo],
    sent: Collection[str],
    document: Document,
    shown: Mapping[str, Any] | None,
) -> tuple[Echo, ...]:
    """Return the attributes that a resource shows differently from what was sent, so far.

    `known` are those from earlier answers, `sent` the paths of the last request, and `document` is
    what the resource should hold now. `shown` is the resource in the answer, None for none.
    Attributes that it does not show are not echoes.
    """
    earlier = {echo.path: echo for echo in known}
    found: list[Echo] = []
    for path in dict.fromkeys([*earlier, *sent]):
        value = document.get(path)
        if value is None or isinstance(value, (IdOf, RandomText, SecretValue)):
            continue
        held = None if shown is None else value_at(shown, path)
        if held is not None:
            if not agrees(value, held):
                found.append(Echo(path, shortened(value), shortened(held)))
        elif path in earlier and path not in sent:
            found.append(earlier[path])
    return tuple(found[:_MOST])


def is_own_form(echoes: Collection[Echo], path: str, sent: Any, shown: Any) -> bool:
    """Return whether a shown value is what the target makes of the one that was sent.

    It agrees with it, or the target showed it before in response to it, as `echoes` say.
    """
    return agrees(sent, shown) or any(
        echo.path == path and echo.sent == shortened(sent) and agrees(echo.shown, shortened(shown))
        for echo in echoes
    )


def agrees(sent: Any, shown: Any) -> bool:
    """Return whether a shown value is the one that was sent, as far as it is shown.

    The case of texts, the order of elements, and sub-attributes that were not sent make no
    difference, and neither does text instead of a boolean or a number.
    """
    if type(sent) is str and sent == shown:
        return True
    if isinstance(sent, Mapping):
        if isinstance(shown, list):
            return any(agrees(sent, element) for element in shown)
        if not isinstance(shown, Mapping):
            return "value" in sent and agrees(sent["value"], shown)
        pairs = ((value, read(shown, name)) for name, value in sent.items())
        return all(held is None or agrees(value, held) for value, held in pairs)
    if isinstance(sent, list):
        return isinstance(shown, list) and _same_elements(sent, shown)
    return _text(sent) == _text(shown)


def _same_elements(sent: Sequence[Any], shown: Sequence[Any]) -> bool:
    rest = list(shown)
    for element in sent:
        number = next((at for at, one in enumerate(rest) if agrees(element, one)), None)
        if number is None:
            return False
        del rest[number]
    return not rest


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return unicodedata.normalize("NFC", text).casefold()


def shortened(value: Value) -> Value:
    """Return a value, or the beginning of its text if it is long."""
    text = value if isinstance(value, str) else json_text(value)
    return value if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
