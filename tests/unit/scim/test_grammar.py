"""Filters and paths: parsing, printing, and errors."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scimsync.scim.filters import (
    OPERATORS,
    And,
    AttributeComparison,
    AttributePath,
    Filter,
    Not,
    Or,
    Present,
    ValuePath,
    parse_filter,
)
from scimsync.scim.grammar import FilterError, PathError
from scimsync.scim.paths import Path, eq_filter, parse_path

MANY = settings(max_examples=600, database=None)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

names = st.sampled_from(
    [
        "a",
        "userName",
        "USERNAME",
        "$ref",
        "x-y_1",
        "and",
        "or",
        "not",
        "NOT",
        "pr",
        "eq",
        "true",
        "e5",
    ]
)
schemas = st.sampled_from(
    [None, ENTERPRISE, "urn:example:hr:1.0.3:Person", "http://schemas.example.com/2006/11/Group"]
)
attributes = st.builds(AttributePath, schemas, names, st.none() | names)
words = st.text(max_size=6)
scalars = (
    words
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
)
numbers_and_text = words | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
comparisons = (
    st.builds(AttributeComparison, attributes, st.sampled_from(["eq", "ne"]), scalars)
    | st.builds(AttributeComparison, attributes, st.sampled_from(["co", "sw", "ew"]), words)
    | st.builds(
        AttributeComparison, attributes, st.sampled_from(["gt", "ge", "lt", "le"]), numbers_and_text
    )
)


def combined(parts: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    """Filters made of `parts`."""
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, parts)


plain = comparisons | st.builds(Present, attributes)
value_filters = st.recursive(plain, combined, max_leaves=4)
filters = st.recursive(
    plain | st.builds(ValuePath, st.builds(AttributePath, schemas, names), value_filters),
    combined,
    max_leaves=5,
)
paths = st.builds(Path, schemas, names, st.none(), st.none() | names) | st.builds(
    Path, schemas, names, value_filters, st.none() | names
)


@MANY
@given(filters)
@example(And((And((Present(AttributePath(None, "a")),) * 2), Present(AttributePath(None, "not")))))
def test_a_printed_filter_parses_to_the_same_filter(condition: Filter) -> None:
    assert parse_filter(str(condition)) == condition


@MANY
@given(paths)
def test_a_printed_path_parses_to_the_same_path(path: Path) -> None:
    assert parse_path(str(path)) == path


@MANY
@given(st.text(alphabet='ab.:[]()" \\$e1-qnotrpdw', max_size=24) | st.text())
def test_any_text_is_parsed_or_refused_in_one_line(text: str) -> None:
    for parse, error in ((parse_filter, FilterError), (parse_path, PathError)):
        problem = None
        try:
            assert parse(str(parse(text))) == parse(text)
        except error as refused:
            problem = refused
        if problem is not None:
            assert problem.text == text
            assert 1 <= problem.position <= len(text) + 1
            assert len(problem.problem.splitlines()) == 1


@MANY
@given(st.text() | st.integers() | st.booleans())
def test_a_lookup_compares_with_exactly_the_value_it_was_given(value: str | int | bool) -> None:
    found = parse_filter(eq_filter("userName", value))

    assert isinstance(found, AttributeComparison)
    assert (found.attribute, found.operator) == (AttributePath(None, "userName"), "eq")
    assert json.dumps(found.value) == json.dumps(value)


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("userName", 'a"b\\c\n', r'userName eq "a\"b\\c\n"'),
        ("name.familyName", "Ødegård", 'name.familyName eq "Ødegård"'),
        (f"{ENTERPRISE}:employeeNumber", "007", f'{ENTERPRISE}:employeeNumber eq "007"'),
        (
            'emails[type eq "work"].value',
            "a@example.com",
            'emails[type eq "work" and value eq "a@example.com"]',
        ),
        (
            'emails[type eq "a" or primary eq true].value',
            "x",
            'emails[(type eq "a" or primary eq true) and value eq "x"]',
        ),
        (
            'emails[type eq "a" and primary eq true]',
            "x",
            'emails[type eq "a" and primary eq true and value eq "x"]',
        ),
    ],
)
def test_the_filter_of_a_lookup(attribute: str, value: str, text: str) -> None:
    assert eq_filter(attribute, value) == text
    assert str(parse_filter(text)) == text


def test_a_lookup_of_invalid_unicode_is_refused() -> None:
    with pytest.raises(FilterError, match="not valid Unicode"):
        eq_filter("userName", "\ud800")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        # the examples of RFC 7644 section 3.4.2.2
        ('userName Eq "john"', 'userName eq "john"'),
        ('Username eq "john"', 'Username eq "john"'),
        ("title pr", "title pr"),
        ('name.familyName co "O\'Malley"', 'name.familyName co "O\'Malley"'),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"', None),
        ('meta.lastModified gt "2011-05-13T04:42:34Z"', None),
        ('title pr and userType eq "Employee"', None),
        (
            'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
            None,
        ),
        (
            (
                'userType ne "Employee" and not (emails co "example.com" or emails.value co'
                ' "example.org")'
            ),
            None,
        ),
        (
            'userType eq "Employee" and (emails.type eq "work")',
            'userType eq "Employee" and emails.type eq "work"',
        ),
        (
            (
                'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value'
                ' co "@foo.com"]'
            ),
            None,
        ),
        # precedence: not, and, or; brackets only where they mean something
        ("a pr or b pr and c pr", None),
        ("(a pr or b pr) and c pr", None),
        ("(a pr and b pr) or c pr", "a pr and b pr or c pr"),
        ("a pr or (b pr or c pr)", None),
        ("NOT (a PR) AND b Pr", "not (a pr) and b pr"),
        # attributes with the names of operators
        ("not pr and and pr or or pr", None),
        ("eq eq 1", None),
        # JSON literals
        (r'a eq "\u00e9\"\\\/"', 'a eq "é\\"\\\\/"'),
        ("a eq -1.50e2", "a eq -150.0"),
        ("a eq true and b ne false or c eq null", None),
        ("  a\teq   1  ", "a eq 1"),
    ],
)
def test_filters_of_the_rfc(text: str, canonical: str | None) -> None:
    assert str(parse_filter(text)) == (canonical or text)


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 1, "expected an attribute name, found the end"),
        (
            "userName",
            9,
            f"expected an operator ({' '.join(OPERATORS)} pr) after 'userName', found the end",
        ),
        (
            "userName is 1",
            10,
            f"expected an operator ({' '.join(OPERATORS)} pr) after 'userName', found 'is'",
        ),
        (
            "userName eq ann",
            13,
            (
                'expected a value: "text" in double quotes, a number, true, false or null, found'
                " 'ann'"
            ),
        ),
        (
            "userName eq True",
            13,
            (
                'expected a value: "text" in double quotes, a number, true, false or null, found'
                " 'True'"
            ),
        ),
        (
            "userName eq 'ann'",
            13,
            (
                'expected a value: "text" in double quotes, a number, true, false or null, found'
                " ''ann''"
            ),
        ),
        ('userName eq "ann', 13, "an unterminated string"),
        (r'userName eq "\q"', 13, r"""expected a JSON string or number, found '"\q"'"""),
        (r'userName eq "\ud800"', 13, "a string that is not valid Unicode"),
        ("a eq 1e999", 6, "a number too large"),
        (
            "a eq 01",
            6,
            (
                'expected a value: "text" in double quotes, a number, true, false or null, found'
                " '01'"
            ),
        ),
        ("a gt true", 6, "expected text or a number after 'gt', found 'true'"),
        ("a co 5", 6, "expected text in double quotes after 'co', found '5'"),
        ("a pr b", 6, "expected 'and', 'or' or the end, found 'b'"),
        ("(a pr", 6, "expected 'and', 'or' or ')', found the end"),
        ("a pr and", 9, "expected an attribute name, found the end"),
        ("emails[type pr", 15, "expected 'and', 'or' or ']', found the end"),
        ("emails[ims[type pr]]", 11, "a value path cannot contain another"),
        ("a.b.c pr", 1, "expected one sub-attribute name after '.', found 'a.b.c'"),
        ("1a pr", 1, "expected an attribute name, found '1a'"),
        ("(" * 60 + "a pr" + ")" * 60, 52, "more than 50 brackets inside each other"),
    ],
)
def test_the_error_of_a_filter_names_the_position_and_what_was_expected(
    text: str, position: int, problem: str
) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)

    assert (caught.value.position, caught.value.problem) == (position, problem)
    assert str(caught.value) == f"{text}: at character {position}: {problem}"


WORK = AttributeComparison(AttributePath(None, "type"), "eq", "work")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("userName", Path(None, "userName")),
        ("name.givenName", Path(None, "name", None, "givenName")),
        ("members", Path(None, "members")),
        ('emails[type eq "work"]', Path(None, "emails", WORK)),
        (
            'emails[TYPE EQ "work"].$ref'.replace("TYPE EQ", "type EQ"),
            Path(None, "emails", WORK, "$ref"),
        ),
        (f"{ENTERPRISE}:department", Path(ENTERPRISE, "department")),
        (f"{ENTERPRISE}:manager.value", Path(ENTERPRISE, "manager", None, "value")),
        (
            'urn:example:1.0:X:emails[type eq "work"].value',
            Path("urn:example:1.0:X", "emails", WORK, "value"),
        ),
        (
            'members[value eq "a:b]c"].display',
            Path(
                None,
                "members",
                AttributeComparison(AttributePath(None, "value"), "eq", "a:b]c"),
                "display",
            ),
        ),
    ],
)
def test_paths(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 1, "expected an attribute name, found the end"),
        ("name.", 1, "expected one sub-attribute name after '.', found 'name.'"),
        ("user name", 6, "expected the end of the path, found 'name'"),
        ("emails.value[type pr]", 13, "a filter belongs to 'emails', before '.value'"),
        ("emails[]", 8, "expected an attribute name, found ']'"),
        (
            "emails[type pr]value",
            16,
            "expected '.' and a sub-attribute name, or the end, found 'value'",
        ),
        (
            "emails[type pr].a.b",
            16,
            "expected '.' and a sub-attribute name, or the end, found '.a.b'",
        ),
        ("emails[type pr] .value x", 24, "expected the end of the path, found 'x'"),
        (
            "email:value",
            1,
            (
                "expected a schema URI such as urn:ietf:params:scim:schemas:core:2.0:User before"
                " ':', found 'email:value'"
            ),
        ),
        ("[type pr]", 1, "expected an attribute name, found '['"),
    ],
)
def test_the_error_of_a_path_names_the_position_and_what_was_expected(
    text: str, position: int, problem: str
) -> None:
    with pytest.raises(PathError) as caught:
        parse_path(text)

    assert (caught.value.position, caught.value.problem) == (position, problem)


def test_true_is_not_one() -> None:
    assert parse_filter("a eq true") != parse_filter("a eq 1")


def test_paths_compare_without_case_but_keep_their_spelling() -> None:
    one, other = (
        parse_path('Emails[Type eq "Work"].Value'),
        parse_path('emails[type eq "work"].value'),
    )

    assert one.key == other.key
    assert str(one) == 'Emails[Type eq "Work"].Value'
