"""No expression gives more than the bound, whatever filter it uses and whatever a record holds."""

from __future__ import annotations

import time
import tracemalloc
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.desired import DesireError, compile_program
from scimsync.desired.bounds import MOST, size_of
from scimsync.desired.sandbox import Sandbox
from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.model.mappings import Constant, Expression
from scimsync.model.records import Record

TODAY = date(2026, 11, 24)
THING = "urn:example:people:User:thing"
FILTERS = sorted(name for name in Sandbox({}).filters if name.isidentifier())

BIG: dict[str, Any] = {
    "text": "a" * MOST,
    "words": "ab " * (MOST // 3),
    "breaks": "\n" * MOST,
    "wide": "\ufdfa" * MOST,
    "sharp": "ß" * MOST,
    "controls": "\x01" * MOST,
    "form": "%(a)9999d" * (MOST // 10),
    "letters": list("ab" * (MOST // 2)),
    "lists": [["a", "b"]] * (MOST // 4),
    "table": {"a": "a" * MOST, "width": 10},
    "number": 99_999,
    "huge": 10**1000,
}
"""Values as large as the bound, each of another kind."""


def evaluate(expression: str, **data: Any) -> Any:
    """What the expression gives before it becomes an attribute, or None where it fails."""
    try:
        program = compile_program(
            "wiki", {THING: Expression(expression), "userName": Constant("a")}, None, {}, {}
        )
        return program.desire(Record("hr", Key("E17"), data), TODAY).document.get(THING)
    except (ConfigError, DesireError):
        return None


@pytest.mark.parametrize(
    "expression",
    [
        "(letters + letters) | join(text)",
        "text.join(letters)",
        "letters | map('center', number) | join",
        "letters | map('replace', 'a', text)",
        "([''] * 1000) | map('default', text)",
        "[text] * number",
        "[letters] * 3",
        "[[letters]] | map('join', text)",
        "text ~ text",
        "text + text",
        "letters + letters",
        "breaks | indent(number)",
        "breaks | indent(text)",
        "words | wordwrap(2, wrapstring=text)",
        "words | slug(text)",
        "form % table",
        "form | format(width=1, a=text)",
        "'%(a)s%(a)s' % table",
        "[1] | batch(number, text)",
        "lists | sum(start=[])",
        "lists | select('in', [lists, letters])",
        "words.split() | select('in', text)",
        "letters | select('in', letters)",
        "text | truncate(number, true, text)",
        "wide | ascii",
        "wide | urlencode",
        "sharp | upper",
        "sharp.upper()",
        "controls | tojson",
        "text.strip(wide)",
        "today.strftime(text)",
        "words | date",
        "text | date(text)",
        "text * 2",
        "huge * huge",
        "huge ** 2",
    ],
)
def test_no_expression_makes_much_of_little(expression: str) -> None:
    tracemalloc.start()
    begin = time.process_time()
    try:
        found = evaluate(expression, **BIG)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found is None
    assert peak < 50_000_000
    assert time.process_time() - begin < 5


@given(
    st.sampled_from(FILTERS),
    st.sampled_from(["text", "breaks", "sharp", "letters", "lists", "table", "number"]),
    st.lists(st.sampled_from(["number", "3", "text", "letters", "''", "'in'"]), max_size=3),
)
@settings(max_examples=100, deadline=None)
def test_no_filter_gives_more_than_the_bound(name: str, value: str, arguments: list[str]) -> None:
    small = {
        key: held[: MOST // 100] if isinstance(held, (str, list)) else held
        for key, held in BIG.items()
    }

    found = evaluate(f"{value} | {name}({', '.join(arguments)})", **small)

    assert size_of(found, 3 * MOST) <= 2 * MOST
