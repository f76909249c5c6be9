"""A query is one SELECT, whatever texts and comments it contains."""

from __future__ import annotations

import pytest

from scimsync.sources.sql.query import query_problem, without_end

ONE_SELECT = [
    "select 1",
    "SELECT 1;",
    "select 1; ; -- the end;",
    "  -- who is who\n/* ; */ with a as (select 1) select * from a",
    "# MySQL\nselect 1",
    "((select 1) union (select 2));",
    "values (1, 'a')",
    "table person",
    "select ';drop table x'",
    "select 'it''s; here'",
    r"select 'it\'s; here'",
    r"select 'C:\', ';'",
    'select 1 as "a;b"',
    "select 1 as `a;b`",
    "select $$a;b$$, $x$;$$;$x$",
    "select 1 -- one; two",
    "select 1 /* one; two */ from a",
]
NOT_ONE_SELECT = [
    ("", "has no statement"),
    ("-- select 1", "has no statement"),
    ("delete from person", "begins with DELETE"),
    ("explain select 1", "begins with EXPLAIN"),
    ("call f()", "begins with CALL"),
    ("selection", "begins with SELECTION"),
    ("select 1; select 2", "several statements"),
    ("select ';'; drop table person", "several statements"),
    ("select 1; /* ; */ drop table person", "several statements"),
    ("select 1 -- ;\n; drop table person", "several statements"),
    ("select $$a$$; drop table person; --$$", "several statements"),
]


@pytest.mark.parametrize("query", ONE_SELECT)
def test_one_select(query: str) -> None:
    assert query_problem(query) is None


@pytest.mark.parametrize(("query", "problem"), NOT_ONE_SELECT)
def test_not_one_select(query: str, problem: str) -> None:
    assert problem in (query_problem(query) or "")


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("select 1", "select 1"),
        ("select 1;", "select 1"),
        ("select 1 ; -- end\n;", "select 1 "),
        ("select ';'", "select ';'"),
        ("select 1 -- ;", "select 1 -- ;"),
    ],
)
def test_the_end_is_left_out_before_a_parenthesis(query: str, kept: str) -> None:
    assert without_end(query) == kept
