"""Nothing that a record holds is evaluated, and nothing outside of the record can be reached."""

from __future__ import annotations

import contextlib
import tracemalloc
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimsync.desired import DesireError, compile_program
from scimsync.desired.jinja_filters import REMOVED
from scimsync.desired.sandbox import Sandbox
from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.model.mappings import Constant, Expression
from scimsync.model.placeholders import IdOf
from scimsync.model.records import Record

TODAY = date(2026, 11, 24)
THING = "urn:example:people:User:thing"
TEMPLATES = [
    "{{ 7*7 }}",
    "{% set x = 1 %}",
    "{# note #}",
    "{{ ''.__class__ }}",
    "${7*7}",
    "%(x)s",
    "{0.__class__}",
    "\\u007b",
]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.dates()
    | st.sampled_from(["2026-11-24", "true", "E1", "03/04/2026", *TEMPLATES]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_there_are_no_globals_and_no_filters_that_were_taken_out() -> None:
    assert Sandbox({}).globals == {}
    assert not REMOVED.keys() & Sandbox({}).filters.keys()


def evaluate(expression: str, **data: Any) -> Any:
    program = compile_program(
        "wiki", {THING: Expression(expression), "userName": Constant("a")}, None, {}, {}
    )
    return program.desire(Record("hr", Key("E17"), data), TODAY).document.get(THING)


as_they_are = compile_program(
    "wiki",
    {
        "userName": Constant("a"),
        "displayName": Expression("x"),
        "title": Expression("'<' ~ x ~ '>'"),
        "roles": Expression("[x]"),
        THING: Expression(
            "[x | replace('$none$', ''), '%s' | format(x), '%s' % x, [x] | join, x[:]]"
        ),
    },
    None,
    {},
    {},
)


@given(
    st.text(min_size=1)
    | st.sampled_from(TEMPLATES)
    | st.tuples(st.sampled_from(TEMPLATES), st.text()).map("".join)
)
def test_text_of_a_record_is_never_evaluated(text: str) -> None:
    document = as_they_are.desire(Record("hr", Key("E17"), {"x": text}), TODAY).document

    assert document["displayName"] == text
    assert document["title"] == f"<{text}>"
    assert document["roles"] == [{"value": text}]
    assert document[THING] == [text] * 5


everything = [
    compile_program(
        "wiki",
        {"userName": Constant("a"), path: Expression(expression)},
        "not y or 'Rule' in access",
        {"Rule": "'Other' in access or x == y", "Other": "x"},
        {"sites": {"B": "Berlin"}},
    )
    for path, expression in {
        THING: "x",
        "displayName": "x ~ y",
        "title": "x | lower | title | trim | truncate(5) | ascii | slug",
        "active": "x",
        'emails[type eq "work"].value': "x | first",
        'emails[type eq "work"].primary': "y",
        "roles": "x",
        "addresses": "x",
        "name": "x",
        "locale": "x | date",
        "nickName": "x | lookup('sites', y)",
        "timezone": "ref(x)",
        "profileUrl": "x[:y]",
        "userType": "x | int + y | float",
        "externalId": "x * y",
        "preferredLanguage": "x % y",
        "name.givenName": "x | sort | map('upper') | join(y)",
        "name.familyName": "(x | string).zfill(y)",
        "name.middleName": "x[y].z",
        "ims": "(x | default(y, true)) | unique | list",
        "photos": "x | groupby(y) | list",
        "entitlements": "x | dictsort | tojson",
        "password": "x ** y",
    }.items()
]


@given(json_values, json_values)
def test_no_record_can_do_worse_than_fail_for_itself(x: Any, y: Any) -> None:
    for program in everything:
        with contextlib.suppress(DesireError):
            found = program.desire(Record("hr", Key("E17"), {"x": x, "y": y}), TODAY)
            assert all(sendable(value) for value in found.document.values())


def sendable(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(
            type(name) is str and sendable(inner) for name, inner in value.items()
        )
    if isinstance(value, list):
        return bool(value) and all(map(sendable, value))
    if isinstance(value, IdOf):
        return type(value.key) is str and value.key != ""
    if type(value) is str:
        return value != "" and value.encode() is not None
    return type(value) in (bool, int, float) and abs(value) < float("inf")


def test_a_deeply_nested_value_fails_for_itself() -> None:
    nested: list[Any] = ["x"]
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(DesireError, match="nested too deeply"):
        evaluate("x", x=nested)


@pytest.mark.parametrize(
    "expression",
    [
        "''.__class__.__mro__",
        "''['__class__']",
        "x['__class__']",
        "x | attr('__class__')",
        "x | attr('encode')",
        "[l] | map(attribute='append') | list",
        "[x] | map(attribute='__class__') | list",
        "[x] | map('attr', '__class__') | list",
        "[x] | groupby('__class__')",
        "[x] | sort(attribute='__class__.__name__')",
        "col.__class__",
        "col['x'].__class__",
        "ref.__globals__",
        "ref(x).__class__",
        "ref(x).key.__class__",
        "today.__class__",
        "today['__class__']",
        "access.__class__",
        "x.format(today)",
        "x['format'](today)",
        "(x | attr('format'))(today)",
        "'{0.__class__}'.format(today)",
        "x['format_map']({'a': today})",
        "x.upper.__self__",
        "x.upper['__self__']",
        "self.__init__",
        "lipsum.__globals__",
        "cycler.__init__",
        "namespace()",
        "joiner()",
        "dict()",
        "x.encode",
        "x.translate({})",
        "l.append('x')",
        "l['append']('x')",
        "l.sort()",
        "d.pop('a')",
        "d.update(d)",
        "number.to_bytes(9)",
        "number.real",
        "today.today()",
        "today.fromtimestamp(0)",
    ],
)
def test_nothing_leads_out_of_the_record(expression: str) -> None:
    lists, tables = ["a", "b"], {"a": 1}
    with pytest.raises((ConfigError, DesireError)):
        evaluate(expression, x="{0.__class__.__mro__}", l=lists, d=tables, number=5)
    assert (lists, tables) == (["a", "b"], {"a": 1})


@pytest.mark.parametrize(
    "expression",
    [
        "'0' * n",
        "n * '0'",
        "[0] * n",
        "n ** n",
        "10 ** n",
        "'a'.zfill(n)",
        "'a'.ljust(n)",
        "'a'.center(width=n)",
        "'a' | center(n)",
        "'a' | indent(n)",
        "[1] | batch(n, 'x')",
        "[1] | batch(linecount=n, fill_with='x')",
        "[1] | slice(n)",
        "[1] | slice(slices=n)",
        "1.5 | round(n)",
        "'%*d' % (n, 1)",
        "f % 1",
        "f | format(1)",
        "big | replace('', big)",
        "big.replace('a', big)",
        "big.join(big)",
    ],
)
def test_no_value_can_fill_the_memory(expression: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DesireError):
            evaluate(expression, n=1_000_000_000, f="%1000000000d", big="a" * 60_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000  # bytes


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1, 2, 3] | batch(2, 1000000000)", [[1, 2], [3, 1_000_000_000]]),
        ("[1, 2, 3] | slice(2, fill_with=1000000000)", [[1, 2], [3, 1_000_000_000]]),
    ],
)
def test_a_filling_may_be_any_number(expression: str, value: object) -> None:
    assert evaluate(expression) == value
