"""`skip`, `headers`, `comment`, `where` and `pick`: which rows of a file are records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from scimsync.errors import SourceFormatError, SourceUnavailable
from tests.error_text import text_of
from tests.file_sources import with_settings

if TYPE_CHECKING:
    from .conftest import Outcome, World

DAY_ONE = "id,name,dept\n1,Ann,IT\n2,Bo,Ops\n3,Cy,HR\n"
NAMES = {"1": "Ann", "2": "Bo", "3": "Cy"}


def names(outcome: Outcome) -> dict[str, Any]:
    return {key: record["name"] for key, record in outcome.new.items()}


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("sep=,\n" + DAY_ONE, {}),
        ("sep=;\r\n" + DAY_ONE.replace(",", ";").replace("\n", "\r\n"), {}),
        ("Employees\n\n" + DAY_ONE, {}),
        ("a,b,c\n" + DAY_ONE, {"skip": 1}),
        ("# x\n" + DAY_ONE + "# y, z\n", {"comment": "#"}),
        (DAY_ONE.replace("2,Bo", '// "x\n2,Bo'), {"comment": "//"}),
        (DAY_ONE.removeprefix("id,name,dept\n"), {"headers": ["id", "name", "dept"]}),
        ("ID,Name,Dept\n" + DAY_ONE[13:], {"headers": ["id", "name", "dept"]}),
        ("a,b,c\n" + DAY_ONE[13:], {"headers": ["id", "name", "dept"], "skip": 1}),
        (DAY_ONE[13:].strip(), {"headers": ["id", "name", "dept"]}),
        ("1;Ann;IT;x\n2;Bo;Ops;x\n3;Cy;HR;x\n", {"headers": ["id", "name", "dept", ""]}),
        (DAY_ONE + DAY_ONE, {}),
        (DAY_ONE + ",,\n,,\n", {}),
        (DAY_ONE + "\n  \n,\n", {}),
        (DAY_ONE + "Total: 3", {}),
        (DAY_ONE + ",,\nTotal,,3\nReport generated 2026-11-28 08:00\n", {}),
        (DAY_ONE + "Total: 3\nprepared by HR\n", {}),
        (DAY_ONE + "prepared by HR\n", {"where": "name <> ''"}),
        (DAY_ONE + "prepared by HR", {"where": "name <> ''"}),
        (DAY_ONE.replace("dept\n", "dept,\n"), {}),
        (DAY_ONE.replace("dept\n", "dept,\n").replace("IT\n", "IT,\n"), {}),
        (DAY_ONE.replace("\n", "\r"), {}),
        ("\ufeff" + '"id","name","dept"\n' + DAY_ONE[13:], {}),
        (DAY_ONE + "4,Di,left\n", {"where": "dept <> 'left'"}),
        (DAY_ONE + "4,Di,left\n", {"where": "DEPT not in ('left') and upper(name) like '%'"}),
    ],
)
def test_what_is_no_record_is_left_out_without_a_word(
    world: World, text: str, settings: dict[str, Any]
) -> None:
    world.spec = with_settings(world.spec, **settings)

    outcome = world.push(text)

    assert names(outcome) == NAMES
    assert outcome.problems == []
    assert world.plan().nothing
    # a leaver is gone, whatever is around the table
    without = text.replace("2,Bo,Ops", "").replace("2;Bo;Ops", "")
    if "Bo" not in without and ";x" not in without:
        world.write(without)
        assert world.plan().gone == ["2"]


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        ("2,Bo\n", "has 2 fields where the header has 3; the row is left out"),
        ("2\n", "has 1 field where the header has 3; the row is left out"),
        (
            "x,Bo\n",
            'has 2 fields where the header has 3; the row is left out; it may belong to "2",'
            " which is kept",
        ),
    ],
    ids=["by key", "key only", "by its cells"],
)
def test_a_malformed_row_that_where_leaves_out_costs_nobody_an_account(
    world: World, last: str, problem: str
) -> None:
    world.spec = with_settings(world.spec, where="dept <> ''")
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n1,Ann,IT\n3,Cy,HR\n" + last)

    assert outcome.gone == []
    assert [(line, said) for line, _, said in outcome.problems] == [(4, problem)]


def test_a_row_that_looks_like_a_remark_costs_nobody_an_account(world: World) -> None:
    world.push(DAY_ONE + "total,Di,IT\n")

    outcome = world.push(DAY_ONE + "total\n")

    assert outcome.gone == []
    assert [line for line, _, _ in outcome.problems] == [5]


def test_a_row_that_is_cut_is_not_taken_for_a_remark(world: World) -> None:
    world.spec = with_settings(world.spec, where="dept <> ''")
    world.push(DAY_ONE)

    with pytest.raises(SourceUnavailable, match="ends in the middle of a row"):
        world.push("id,name,dept\n1,Ann,IT\n2,Bo")


def test_pick_chooses_among_the_rows_of_a_key(world: World) -> None:
    world.spec = with_settings(world.spec, pick="status = 'active' desc, since desc")

    outcome = world.push(
        "id,name,dept,status,since\n1,Old,A,left,2020\n1,New,B,active,2021\n1,Newer,C,active,2022\n"
        "2,Bo,A,left,2020\n2,Bea,B,left,2022\n"
    )

    assert (names(outcome), outcome.problems) == ({"1": "Newer", "2": "Bea"}, [])


def test_rows_between_which_pick_does_not_decide_count_for_nothing(world: World) -> None:
    world.spec = with_settings(world.spec, pick="since desc")

    outcome = world.push(
        "id,name,dept,since\n1,Ann,A,2020\n1,Al,B,2022\n1,Ali,B,2022\n2,Bo,A,2020\n2,Bo,A,2020\n"
    )

    assert names(outcome) == {"2": "Bo"}
    assert outcome.problems == [
        (3, "1", 'key "1" is in lines 3 and 4, which differ in name; neither counts')
    ]


def test_pick_chooses_across_the_files_of_a_pattern(world: World) -> None:
    world.spec = with_settings(world.spec, path="*.csv", pick="since desc")
    world.write("id,name,dept,since\n1,Old,A,2020\n2,Bo,A,2020\n", "a.csv")
    world.write("since,id,name,dept\n2021,1,New,A\n", "b.csv")

    assert names(world.push()) == {"1": "New", "2": "Bo"}


@pytest.mark.parametrize("kind", ["ndjson", "parquet", "query"])
def test_where_and_pick_work_for_typed_files_and_queries(world: World, kind: str) -> None:
    rows = (
        "select 1 as id, 'Old' as name, 'A' as dept, 1 as level union all select 1, 'New', 'B', 9"
        " union all select 2, 'Bo', 'A', -1 union all select 3, 'Cy', 'A', 10"
    )
    settings: dict[str, Any] = {"where": "level > 0", "pick": "level desc"}
    file = world.folder / f"hr.{'json' if kind == 'query' else kind}"
    form = {"ndjson": "format json", "parquet": "format parquet", "query": "format json"}[kind]
    duckdb.sql(f"copy ({rows}) to '{file}' ({form})")
    settings |= {"query": "select * from 'hr.json'"} if kind == "query" else {"path": file.name}
    world.spec = with_settings(world.spec, **settings)

    assert names(world.push()) == {"1": "New", "3": "Cy"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"where": "stat = 'x'"}, 'sources.hr.where: no column "stat" in hr.csv'),
        ({"where": "name ="}, "sources.hr.where: syntax error at its end"),
        ({"where": "a ) b"}, 'sources.hr.where: syntax error at or near "b"'),
        ({"where": "name; drop table x"}, "sources.hr.where: syntax error"),
        ({"where": "id in (from 'other.csv')"}, "sources.hr.where: a subquery cannot be used here"),
        ({"where": "name = getenv('HOME')"}, "sources.hr.where: DuckDB has no function getenv"),
        ({"where": "dept > current_setting('x')"}, "current_setting(…) cannot be used here"),
        ({"where": "random() > 0.5"}, "sources.hr.where: random(…) cannot be used here"),
        ({"where": "dept > today()"}, "conditions on the time belong to scope"),
        ({"where": "count(*) > 1"}, "count_star(…) cannot be used here"),
        ({"where": "cast(name as integer) > 1"}, "Could not convert string 'Ann'"),
        ({"where": "name"}, "sources.hr.where: "),
        ({"pick": "nmae"}, 'did you mean "name"?'),
        ({"pick": "1"}, "sources.hr.pick: no column is named"),
        ({"pick": "name limit 1"}, "sources.hr.pick: more than an expression"),
        ({"headers": ["id", "name"], "skip": 1, "delimiter": "|"}, "2 names for the 1 column"),
        ({"headers": ["id"]}, "sources.hr.headers: 1 name for the 3 columns of hr.csv"),
    ],
)
def test_a_wrong_setting_is_a_configuration_error(
    world: World, settings: dict[str, Any], said: str
) -> None:
    world.write(DAY_ONE)
    world.spec = with_settings(world.spec, **settings)

    with pytest.raises(SourceFormatError) as caught:
        world.plan() if "headers" not in settings else world.spec.columns()

    assert said in text_of(caught.value)
    assert caught.value.exit_code == 2
    if "headers" not in settings:
        assert "found: id, name, dept" in text_of(caught.value)


def test_settings_of_text_files_are_refused_for_others(world: World) -> None:
    world.write("[]", "hr.json")
    world.spec = with_settings(world.spec, path="hr.json", skip=1)

    with pytest.raises(
        SourceFormatError, match=r"skip: applies to CSV, TSV, and Excel files only, and hr\.json"
    ):
        world.plan()


def test_a_second_header_with_the_columns_in_another_order_is_refused(world: World) -> None:
    world.push(DAY_ONE)
    world.write(DAY_ONE + "name,dept,id\nDi,IT,4\n")

    with pytest.raises(SourceFormatError) as caught:
        world.plan()

    assert text_of(caught.value).startswith(
        "sync.toml: sources.hr.path: hr.csv, line 5 is another header, with the columns in another"
        " order\n  the first one: id, name, dept\n  found: name, dept, id\n"
    )


@pytest.mark.parametrize(
    "query",
    [
        None,
        "select * from 'hr.csv'",
        "select a.*, b.name as boss from 'hr.csv' a left join 'hr.csv' b on b.id = a.column_7",
    ],
    ids=["path", "query", "join"],
)
def test_a_file_of_hundreds_of_columns_needs_little_memory(world: World, query: str | None) -> None:
    others = [f"column_{number}" for number in range(300)]
    header = ",".join(["id", "name", "dept", *others])
    rows = [f"{line[: line.rindex(',')]},X,{'2,' * 299}2" for line in DAY_ONE.splitlines()[1:]]
    settings = {} if query is None else {"query": query}
    world.spec = with_settings(world.spec, **settings)
    world.columns = ("name", *others)

    assert names(world.push("\n".join([header, *rows, header, ""]))) == NAMES


TWICE = "id,name,dept,Phone,Phone\n1,Ann,IT,1,2\n"


def test_a_name_of_two_columns_matters_only_if_it_is_used(world: World) -> None:
    assert names(world.push(TWICE)) == {"1": "Ann"}
    world.spec = with_settings(world.spec, query="select * from 'hr.csv'")
    assert world.spec.columns() == ["id", "name", "dept"]
    assert world.plan().nothing


@pytest.mark.parametrize("query", [None, "select *, Phone from 'hr.csv'"], ids=["path", "query"])
def test_a_name_of_two_columns_that_is_used_is_told_with_the_way_out(
    world: World, query: str | None
) -> None:
    world.write(TWICE)
    settings = {} if query is None else {"query": query}
    world.spec, world.columns = with_settings(world.spec, **settings), ("name", "Phone")

    with pytest.raises(SourceFormatError) as caught:
        world.plan()

    assert text_of(caught.value) == (
        'sync.toml: sources.hr.path: hr.csv has 2 columns "Phone"\n'
        "  found: id, name, dept, Phone, Phone\n"
        '  name them in sync.toml: skip = 1, headers = ["id", "name", "dept", "Phone", "Phone 2"]'
    )
    headers = ["id", "name", "dept", "Phone", "Phone 2"]
    world.spec = with_settings(world.spec, skip=1, headers=headers)
    if query is None:
        assert world.push().new["1"]["Phone"] == "1"
