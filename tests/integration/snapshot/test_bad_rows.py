"""Bad input: no record counts as removed because a row was bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from scimsync.errors import GuardStop, ScimsyncError, SourceFormatError, SourceUnavailable
from scimsync.model.records import UnusableKeys
from tests.error_text import text_of
from tests.file_sources import with_settings

if TYPE_CHECKING:
    from .conftest import World

DAY_ONE = "id,name,dept\n1,Ann,IT\n2,Bo,Ops\n3,Cy,HR\n"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            "1,Ann,IT\n2,Bo\n3,Cy,HR\n",
            (3, "2", "has 2 fields where the header has 3; the row is left out"),
        ),
        (
            "1,Ann,IT\n2\n3,Cy,HR\n",
            (3, "2", "has 1 field where the header has 3; the row is left out"),
        ),
        (
            "1,Ann,IT\n2,Bo,Ops,x\n3,Cy,HR\n",
            (3, "2", "has 4 fields where the header has 3; the row is left out"),
        ),
        (
            "1,Ann,IT\n3,Cy,HR\n2,Bo,Ops,x",
            (4, "2", "has 4 fields where the header has 3; the row is left out"),
        ),
        (
            '1,Ann,IT\n2,"Bo" Z,Ops\n3,Cy,HR\n',
            (3, "2", "has text beside a quoted cell; the row is left out"),
        ),
        (
            '1,Ann,IT\n2,"Bo" "Z",Ops\n3,Cy,HR\n',
            (3, "2", "has text beside a quoted cell; the row is left out"),
        ),
        (
            '1,Ann,IT\n2,"Bo,Ops\n3,Cy,HR\n',
            (3, "2", "has a quote that is never closed; the row is left out"),
        ),
        (
            '1,"An\nn",IT\n\n2,Bo\n3,Cy,HR\n',
            (5, "2", "has 2 fields where the header has 3; the row is left out"),
        ),
    ],
    ids=[
        "too few",
        "only a key",
        "too many",
        "too many, no line break",
        "stray quote",
        "two quoted texts",
        "open quote",
        "after a line break in a cell",
    ],
)
def test_a_row_that_cannot_be_read_is_reported_and_its_key_is_not_gone(
    world: World, rows: str, problem: tuple[int, str, str]
) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n" + rows)

    assert outcome.problems == [problem]
    assert (outcome.new, outcome.gone, outcome.total) == ({}, [], 2)
    assert "2" in world.stored


@pytest.mark.parametrize("other", ["3,Cy,HR\n", "3,Cy\n"], ids=["good", "bad"])
def test_separators_after_the_last_field_mean_nothing_whatever_stands_in_other_rows(
    world: World, other: str
) -> None:
    assert world.push("id,name,dept\n1,Ann,IT,\n2,Bo,Ops,,\n" + other).new["2"] == {
        "id": "2",
        "name": "Bo",
        "dept": "Ops",
    }


def test_problems_are_reported_again_while_the_file_stays_the_same(world: World) -> None:
    world.push("id,name,dept\n1,Ann,IT\n2,Bo\n")

    outcome = world.push()

    assert [line for line, _, _ in outcome.problems] == [3]
    assert outcome.nothing


def test_other_changes_of_a_file_with_a_bad_row_are_found(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n1,Ann,Sales\n2,Bo\n4,Di,IT\n")

    assert (list(outcome.new), list(outcome.changed), outcome.gone) == (["4"], ["1"], ["3"])


def test_a_slipped_row_protects_all_keys_that_stand_in_it(world: World) -> None:
    world.push("name,id,dept\nAnn,1,IT\nBo,2,Ops\n")

    outcome = world.push("name,id,dept\nAnn,1,IT\nBo,Jr,2,Ops\n")

    assert outcome.problems == [
        (
            3,
            "Jr",
            'has 4 fields where the header has 3; the row is left out; it may belong to "2", which'
            " is kept",
        )
    ]
    assert outcome.gone == []


def test_no_row_counts_of_a_key_whose_rows_differ(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n1,Ann,IT\n2,Bo,Ops\n1,Ann,Sales\n 1 ,Anne,IT\n4,Di,HR\n")

    assert (outcome.new, outcome.changed) == ({"4": {"id": "4", "name": "Di", "dept": "HR"}}, {})
    assert (outcome.gone, outcome.total) == (["3"], 3)
    assert outcome.problems == [
        (2, "1", 'key "1" is in lines 2, 4 and 5, which differ in dept, name; none of them counts'),
    ]
    assert json.loads(world.stored["1"]) == {"id": "1", "dept": "IT", "name": "Ann"}


def test_a_new_key_whose_rows_differ_is_no_record(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push(DAY_ONE + "4,Di,HR\n4,Di,IT\n")

    assert outcome.nothing
    assert outcome.problems == [
        (5, "4", 'key "4" is in lines 5 and 6, which differ in dept; neither counts')
    ]


@pytest.mark.parametrize(
    "rows",
    [
        "1,Ann,IT\n2,Bo,Sales\n2 ,Bo,Sales\n3,Cy,HR\n",
        "2,Bo,Sales\n1,Ann,IT\n1,Ann,IT\n2,Bo,Sales\n3,Cy,HR\n",
    ],
)
def test_rows_that_agree_count_as_one_silently(world: World, rows: str) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n" + rows)

    assert (outcome.problems, outcome.total) == ([], 3)
    assert outcome.changed == {"2": {"id": "2", "name": "Bo", "dept": "Sales"}}
    assert (outcome.new, outcome.gone) == ({}, [])
    assert world.push().unchanged


def test_rows_that_agree_count_as_one_beside_a_bad_row(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n1,Ann,IT\n2,Bo,Sales\n2,Bo,Sales\n3\n")

    assert [line for line, _, _ in outcome.problems] == [5]
    assert (list(outcome.changed), outcome.gone) == (["2"], [])


def test_rows_that_differ_only_in_columns_that_nothing_uses_agree(world: World) -> None:
    world.columns = ("name",)

    outcome = world.push("id,name,dept\n1,Ann,IT\n1,Ann,Sales\n")

    assert (outcome.problems, outcome.new) == ([], {"1": {"id": "1", "name": "Ann"}})


def test_a_row_that_cannot_be_read_makes_the_other_row_of_its_key_ambiguous(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n1,Ann,IT\n2,Bo,Ops,x\n2,Bo,Sales\n3,Cy,HR\n")

    assert outcome.nothing
    assert outcome.problems == [
        (3, "2", "has 4 fields where the header has 3; the row is left out"),
        (3, "2", 'key "2" is in lines 3 and 4; neither counts'),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        "1,Ann,IT\n1,Ann,Ops\n2,Bo,Ops\n3,Cy,HR\n",
        "1,Ann,IT\n1,Ann,X\n3,Cy,HR\n",
        "1,Ann,X\n1,Ann,IT\n2,Bo,Ops\n",
    ],
)
def test_a_key_that_comes_twice_is_seen_beside_what_else_changed(world: World, rows: str) -> None:
    world.push(DAY_ONE)

    assert [line for line, _, _ in world.push("id,name,dept\n" + rows).problems] == [2]
    assert "1" in world.stored


def test_a_row_without_a_key_keeps_the_gone_record_that_it_resembles(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n1,Ann,IT\n , BO ,Sales\n")

    assert outcome.problems == [
        (3, None, 'the row has no key and is left out; it may belong to "2", which is kept')
    ]
    assert outcome.gone == ["3"]


def test_a_row_without_a_key_that_resembles_nobody_keeps_nobody(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n1,Ann,IT\n,,\n,Di,Sales\n")

    assert outcome.problems == [
        (3, None, "the row has no key and is left out"),
        (4, None, "the row has no key and is left out"),
    ]
    assert outcome.gone == ["2", "3"]


def test_a_row_too_short_to_have_a_key_keeps_whom_it_resembles(world: World) -> None:
    world.push("name,dept,id\nAnn,IT,1\nBo,Ops,2\nCy,HR,3\n")

    outcome = world.push("name,dept,id\nAnn,IT,1\nBo\n")
    # the last line has a line break, so the file is complete

    assert outcome.problems == [
        (
            3,
            None,
            (
                'has 1 field where the header has 3; the row is left out; it may belong to "2",'
                " which is kept"
            ),
        )
    ]
    assert outcome.gone == ["3"]


def test_a_list_resembles_by_its_items(world: World) -> None:
    world.spec, world.columns = with_settings(world.spec, lists={"dept": ";"}), ("dept",)
    world.push("id,name,dept\n1,Ann,IT;Ops\n2,Bo,HR\n")

    assert world.push("id,name,dept\n2,Bo,HR\n,Ann, it ;OPS\n").gone == []


def test_with_very_many_bad_rows_nobody_is_gone_and_the_last_problem_counts_them(
    world: World,
) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n1,Ann,IT\n" + "7,x\n" * 1_001 + ",x,\n" * 1_001)

    assert [line for line, _, _ in outcome.problems] == [*range(3, 1_003), None]
    assert (
        outcome.problems[-1][2]
        == "1,002 more rows are left out; with so many, no record counts as removed"
    )
    assert outcome.gone == []


def test_thousands_of_ambiguous_keys_are_counted(world: World) -> None:
    rows = (f"{number},Ann,{dept}\n" for number in range(2_501) for dept in ("IT", "Ops"))

    outcome = world.push("id,name,dept\nx,Ann,IT\n" + "".join(rows))

    assert len(outcome.problems) == 1_001
    assert outcome.problems[-1] == (None, None, "1,501 more rows are left out")
    assert list(outcome.new) == ["x"]


def test_a_key_of_a_thousand_rows_is_one_problem(world: World) -> None:
    rows = (f"1,Ann,{number}\n" for number in range(1_000))

    outcome = world.push("id,name,dept\n2,Bo,IT\n" + "".join(rows))

    assert outcome.problems == [
        (
            3,
            "1",
            'key "1" is in lines 3, 4, 5, 6 and 7, …, which differ in dept; none of them counts',
        )
    ]


def test_a_file_of_several_is_named(world: World) -> None:
    world.spec = with_settings(world.spec, path="*.csv")
    world.write("id,name,dept\n1,Ann,IT\n2,Bo\n4,Di,IT\n", "a.csv")
    world.write("id,name,dept\n1,Ann,HR\n,Di,\n", "b.csv")

    assert world.push().problems == [
        (
            2,
            "1",
            'key "1" is in line 2 of a.csv and line 2 of b.csv, which differ in dept;'
            " neither counts",
        ),
        (3, "2", "a.csv: has 2 fields where the header has 3; the row is left out"),
        (3, None, "b.csv: the row has no key and is left out"),
    ]


def test_lines_of_ndjson_and_rows_of_json_are_told(world: World) -> None:
    world.spec = with_settings(world.spec, path="hr.ndjson")
    world.write(
        '{"id": 1}\n\n{"id": 1, "name": 1}\n{"id": null}\n5\n{"id": ""}\n{"id": [1]}\n{"id": 2}\n',
        "hr.ndjson",
    )
    assert [(line, key) for line, key, _ in world.plan().problems] == [
        (1, "1"),
        (4, None),
        (5, None),
        (6, None),
        (7, None),
    ]

    world.spec = with_settings(world.spec, path="hr.json")
    world.write('[{"id": 1}, {"id": 1, "dept": "IT"}, {"name": "Ann"}, {"id": 2}]', "hr.json")
    assert world.plan().problems == [
        (None, "1", 'key "1" is in rows 1 and 2, which differ in dept; neither counts'),
        (None, None, "row 3: the row has no key and is left out"),
    ]


def test_a_query_leaves_out_bad_rows_of_its_people(world: World) -> None:
    world.spec = with_settings(world.spec, query="select * from 'hr.csv' join 'dept.csv' using (d)")
    world.write("d,dept\nx,IT\n", "dept.csv")
    world.push("id,name,d\n1,Ann,x\n2,Bo,x\n")

    outcome = world.push("id,name,d\n1,Ann,x\n2,Bo\n")

    assert outcome.problems == [
        (3, "2", "hr.csv: has 2 fields where the header has 3; the row is left out")
    ]
    assert outcome.gone == []


def test_a_query_that_gives_a_key_twice_says_so(world: World) -> None:
    world.spec = with_settings(world.spec, query="select * from 'hr.csv' join 'dept.csv' using (d)")
    world.write("d,dept\nx,IT\nx,Ops\ny,HR\ny,HR\n", "dept.csv")
    world.write("id,name,d\n1,Ann,x\n2,Bo,y\n")

    outcome = world.push()

    assert outcome.problems == [
        (
            None,
            "1",
            'the result of the query: key "1" is in 2 rows, which differ in dept; neither counts',
        )
    ]
    assert list(outcome.new) == ["2"]


def test_rows_of_parquet_with_one_key_do_not_count(world: World) -> None:
    world.spec = with_settings(world.spec, path="hr.parquet")
    duckdb.sql(
        "copy (select * from (values (1, 'Ann', 'IT'), (2, 'Bo', 'IT'), (2, 'Bo', null),"
        " (3, 'Cy', 'HR'), (3, 'Cy', 'HR')) as t(id, name, dept))"
        f" to '{world.folder / 'hr.parquet'}' (format parquet)"
    )

    outcome = world.push()

    assert outcome.problems == [
        (None, "2", 'key "2" is in rows 2 and 3, which differ in dept; neither counts')
    ]
    assert sorted(outcome.new) == ["1", "3"]


def stop(world: World, text: str | bytes | None = None, **spec: str) -> tuple[int, str]:
    """Exit code and message of a comparison that stops; the records and the index stay what they
    were."""
    world.spec = with_settings(world.spec, **spec)
    if text is not None:
        (world.folder / Path(world.spec.settings.path or "hr.csv").name).write_bytes(
            text if isinstance(text, bytes) else text.encode()
        )
    with pytest.raises(ScimsyncError) as caught:
        world.plan()
    return caught.value.exit_code, text_of(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("hr.csv", b"", 3, "hr.csv is empty"),
        ("hr.csv", b"id,name,dept\n", 3, "hr.csv is empty"),
        ("hr.csv", b"\n\n", 2, "sync.toml: sources.hr.path: hr.csv has no header"),
        (
            "hr.csv",
            b"id,name,dept\n,Ann,IT\n7,Bo\n",
            3,
            "hr.csv has no usable row\n"
            "  line 2: the row has no key and is left out\n"
            "  line 3 7: has 2 fields where the header has 3",
        ),
        ("hr.json", b"[]", 2, 'sync.toml: sources.hr.key: no column "id" in hr.json'),
        (
            "hr.csv",
            b"id,name,dept\n1,Ann,IT\n2,Bo",
            1,
            "hr.csv ends in the middle of a row; is it still being written?",
        ),
        ("hr.csv", b'id,name,dept\n1,Ann,IT\n2,Bo,"O', 1, "hr.csv ends in the middle of a row"),
        ("hr.csv", b'id,name,dept\n1,Ann,IT\n2,Bo,"O\nps', 1, "hr.csv ends in the middle of a row"),
        ("hr.csv", b"id,name,dept\n1,Ann,IT\n2,Zo\xc3", 1, "hr.csv ends in the middle of a "),
        ("hr.ndjson", b'{"id": 1}\n{"id": 2, "na', 1, "hr.ndjson ends in the middle of a value"),
        ("hr.json", b'[{"id": 1}, {"id": 2, "na', 1, "hr.json ends in the middle of a value"),
        ("hr.json", b'[{"id": 1},', 1, "hr.json ends in the middle of a value"),
        (
            "hr.ndjson",
            b'{"id": 1}\n{"id": \n{"id": 3}\n',
            2,
            "sync.toml: sources.hr.path: hr.ndjson, line 2: not JSON",
        ),
        (
            "hr.json",
            b'[{"id": 1},\n{"id": 2} x,\n{"id": 3}]\n',
            2,
            "sync.toml: sources.hr.path: hr.json, line 2: not JSON",
        ),
        (
            "hr.csv",
            b"id,name,dept\n1,Ann,IT\n2,Zo\xeb,IT\n",
            2,
            "sync.toml: sources.hr.encoding: hr.csv, line 3: byte 0xeb is not utf-8",
        ),
        (
            "hr.csv",
            b"id,name,dept,x\n1,Ann,IT,\n2,Zo,IT,\xeb\n",
            2,
            "sync.toml: sources.hr.encoding: hr.csv, line 3",
        ),
        (
            "hr.csv",
            b"id,n\xebme,dept\n1,Ann,IT\n",
            2,
            "sync.toml: sources.hr.encoding: hr.csv, line 1",
        ),
        (
            "hr.csv",
            b"id,name,dept\n1\n2,Zo\xeb,IT\n",
            2,
            "sync.toml: sources.hr.encoding: hr.csv, line 3",
        ),
        (
            "hr.ndjson",
            b'{"id": 1}\n{"id": "\xeb"}\n',
            2,
            "sync.toml: sources.hr.encoding: hr.ndjson, line 2",
        ),
        (
            "hr.csv",
            b"ID,name,dept\n1,Ann,IT\n",
            2,
            'no column "id" in hr.csv\n  found: ID, name, dept\n  did you mean "ID"?',
        ),
        (
            "hr.csv",
            b"id,name,name\n1,Ann,IT\n",
            2,
            'sync.toml: sources.hr.path: hr.csv has 2 columns "name"',
        ),
        (
            "hr.csv",
            b'id,"name" x\n1,Ann,IT\n',
            2,
            "hr.csv, line 1: the header has text beside a quoted cell",
        ),
        (
            "hr.parquet",
            b"PAR1 and nothing more",
            2,
            "sync.toml: sources.hr.path: hr.parquet is not a Parquet file",
        ),
        ("hr.pdf", b"PK", 2, 'sync.toml: sources.hr.path: hr.pdf: unknown extension ".pdf"'),
        ("hr.dat", b"id", 2, 'sync.toml: sources.hr.path: hr.dat: unknown extension ".dat"'),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_run(
    world: World, name: str, content: bytes, code: int, message: str
) -> None:
    world.push(DAY_ONE)
    world.columns = () if "json" in name else ("name", "dept")

    exit_code, text = stop(world, content, path=name)

    assert message in text
    assert exit_code == code


def test_bytes_that_are_not_the_encoding_of_the_setting_are_told(world: World) -> None:
    content = "id,name,dept\n".encode("utf-16-le") + b"\x00\xd8\x00\x00"

    assert stop(world, content, encoding="utf-16-le")[0] == 2
    assert stop(world, b"id,name,dept\n1,\x81,IT\n", encoding="windows-1252") == (
        2,
        "sync.toml: sources.hr.encoding: hr.csv, line 2: byte 0x81 is not cp1252\n"
        "  cp850: ü\n  cp852: ü\n  mac-roman: Å\n"
        '  try encoding = "cp850"',
    )


@pytest.mark.parametrize("offset", range(5))
def test_the_line_of_a_wrong_byte_does_not_depend_on_where_reads_end(
    world: World, offset: int
) -> None:
    read_at_once = 1 << 20
    start = b"id,name,dept\n1,"
    name = b"x" * (read_at_once - len(start) - offset) + "👩".encode()
    good = start + name + b",IT\n"
    (world.folder / "hr.csv").write_bytes(good)
    assert world.push().new["1"]["name"] == name.decode()

    content = good + b"2," + b"y" * (read_at_once - offset) + b"\xc3,IT\n3,Cy,IT\n"

    assert "hr.csv, line 3: byte 0xc3 is not utf-8" in stop(world, content)[1]


def test_wrong_bytes_far_down_in_a_column_that_nothing_uses_are_told(world: World) -> None:
    content = (
        b"id,name,dept,note\n"
        + b"".join(b"%d,Ann,IT,\n" % number for number in range(5_000))
        + b"x,Ann,IT,\xeb\n"
    )

    assert stop(world, content)[1].startswith(
        "sync.toml: sources.hr.encoding: hr.csv, line 5002: byte 0xeb is not utf-8"
    )


def test_a_missing_file_a_folder_and_a_glob_without_a_match_are_told(world: World) -> None:
    (world.folder / "sub.csv").mkdir()

    assert stop(world, path="no.csv") == (
        1,
        f"sync.toml: sources.hr.path: there is no file no.csv\n  looked in {world.folder}",
    )
    assert stop(world, path="sub.csv")[1].startswith(
        "sync.toml: sources.hr.path: sub.csv is a directory"
    )
    assert stop(world, path="no-*.csv")[1].startswith(
        "sync.toml: sources.hr.path: no file matches no-*.csv"
    )


def test_a_file_without_permission_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(DAY_ONE)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(SourceUnavailable, match=r"hr\.csv cannot be read: Permission denied"):
        world.plan()


@pytest.mark.parametrize(
    "content", [DAY_ONE + "4,Di,IT\n", "id,name,dept\n1,Ann"], ids=["good", "half"]
)
@pytest.mark.parametrize("how", ["write", "replace", "remove"])
def test_a_file_that_changes_while_it_is_read_is_not_used(
    world: World, content: str, how: str
) -> None:
    world.write(DAY_ONE)

    def change() -> None:
        file = world.folder / "hr.csv"
        if how == "write":
            file.write_text(content)
        elif how == "replace":
            (world.folder / "next").write_text(content)
            (world.folder / "next").replace(file)
        else:
            file.unlink()

    world.while_it_is_read = change
    with pytest.raises(SourceUnavailable, match=r"hr.csv changed while it was read"):
        world.plan()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select id from", "sync.toml: sources.hr.query: syntax error at"),
        ("delete from 'hr.csv'", "sync.toml: sources.hr.query: only a SELECT can be a source"),
        (
            "select * from 'hr.csv'; select 1",
            "sync.toml: sources.hr.query: expected one SELECT, found 2 statements",
        ),
        ("select 1 as id", "sync.toml: sources.hr.query: the query names no file"),
        (
            "select * from read_csv('hr.csv')",
            "sync.toml: sources.hr.query: read_csv(…) bypasses scimsync",
        ),
        (
            "select nope from 'hr.csv'",
            'sync.toml: sources.hr.query: Referenced column "nope" not found',
        ),
        (
            "select name from 'hr.csv'",
            'sync.toml: sources.hr.key: no column "id" in the result of the query',
        ),
        ("select id, id from 'hr.csv'", 'sync.toml: sources.hr.query: two columns are called "id"'),
        ("select * from 'no.csv'", "sync.toml: sources.hr.query: there is no file no.csv"),
        ("select *, name::int as dept from 'hr.csv'", "sync.toml: sources.hr.query: "),
        (
            "select id, name::int as name, dept from 'hr.csv'",
            "sync.toml: sources.hr.query: Could not convert string 'Ann'",
        ),
    ],
)
def test_a_query_that_cannot_be_used_is_told(world: World, query: str, message: str) -> None:
    world.write(DAY_ONE)

    code, text = stop(world, query=query)

    assert text.startswith(message)
    assert code == (1 if "no.csv" in query else 2)


def test_a_bad_row_in_a_file_that_a_query_joins_stops_the_run(world: World) -> None:
    world.spec = with_settings(world.spec, query="select * from 'hr.csv' join 'dept.csv' using (d)")
    world.write("d,dept\nx,IT\ny\n", "dept.csv")
    world.write("id,name,d\n1,Ann,x\n")

    with pytest.raises(
        SourceFormatError,
        match=r"sources.hr.query: dept.csv, line 3 has 1 field where the header has 2",
    ):
        world.plan()


def test_a_query_without_rows_is_an_empty_source(world: World) -> None:
    world.spec = with_settings(world.spec, query="select * from 'hr.csv' where false")
    world.write(DAY_ONE)

    with pytest.raises(GuardStop, match="the result of the query is empty"):
        world.plan()


@pytest.mark.parametrize(
    ("rows", "unusable"),
    [
        ("1,Ann,IT\n3,Cy,HR\n", set()),
        ("1,Ann,IT\n2,Bo\n3,Cy,HR\n", {"2", "Bo"}),  # the row of 2 is back, and too short
        ("1,Ann,IT\nx,2,Bo,Ops\n3,Cy,HR\n", {"x", "2", "Bo", "Ops"}),  # its cells are shifted
        ("1,Ann,IT\n2,Bo,Ops\n2,Bo,HR\n3,Cy,HR\n", {"2"}),  # it is there twice
        ("1,Ann,IT\n,Bo,Ops\n3,Cy,HR\n", {"2"}),  # it has no key, and the values of 2
        ("1,Ann,IT\n,Di,Law\n3,Cy,HR\n", set()),  # nobody is like this
        ("1,Ann\n3,Cy,HR\n", {"1", "Ann"}),  # 1 is kept as it was
        ("1,Ann,IT\n3,Cy,HR\n4,3\n", {"4"}),  # 3 has a row that can be used
    ],
    ids=["none", "short", "shifted", "twice", "no key", "somebody new", "kept", "manager"],
)
def test_the_keys_of_unusable_rows_are_known_also_of_records_that_were_removed(
    world: World, rows: str, unusable: set[str]
) -> None:
    world.push(DAY_ONE)
    assert world.push("id,name,dept\n1,Ann,IT\n3,Cy,HR\n").gone == ["2"]

    assert world.push(f"id,name,dept\n{rows}").unusable == UnusableKeys(frozenset(unusable))


def test_with_too_many_bad_rows_they_may_be_anybodys(world: World) -> None:
    world.push(DAY_ONE)
    bad = "".join(f"b{number},x\n" for number in range(1001))

    assert world.push(f"{DAY_ONE}{bad}").unusable.whose_unknown


ANN, CY = '{"id": "1", "name": "Ann"}', '{"id": "3", "name": "Cy"}'


@pytest.mark.parametrize("name", ["hr.json", "hr.ndjson"])
@pytest.mark.parametrize(
    ("bo", "key", "repeated", "kept"),
    [
        ('{"id": "2", "name": "Bo", "dept": "IT", "name": "Di"}', "2", "name", "2"),
        ('{"id": "2", "name": "Bo", "name": "Bo"}', "2", "name", "2"),
        ('{"id": "2", "name": "Bo", "n\\u0061me": "Di"}', "2", "name", "2"),
        ('{"id": 2, "name": {"first": "Bo", "first": "Di"}}', "2", "first", "2"),
        ('{"id": "2", "name": [[{"x": {"y": 1, "y": 2}}]]}', "2", "y", "2"),
        ('{"id": "2", "other": {"y": 1, "y": 2}}', "2", "y", "2"),
        ('{"id": "9", "name": "Bo", "id": "2"}', None, "id", "2"),
        ('{"name": "Bo", "x": 1, "x": 2}', None, "x", "2"),
        ('{"id": null, "name": "Bo", "x": 1, "x": 2}', None, "x", "2"),
    ],
)
def test_an_object_with_a_name_twice_does_not_count(
    world: World, name: str, bo: str, key: str | None, repeated: str, kept: str
) -> None:
    world.spec = with_settings(world.spec, path=name)
    write_objects(world, name, ANN, '{"id": "2", "name": "Bo"}', CY)
    world.push()

    write_objects(world, name, ANN, bo)
    outcome = world.push()

    ((line, of, detail),) = outcome.problems
    where = "" if name == "hr.ndjson" else "row 2: "
    assert (line, of) == (2 if name == "hr.ndjson" else None, key)
    assert detail.startswith(
        f'{where}the object has the name "{repeated}" twice; the row is left out'
    )
    assert (outcome.new, outcome.changed, outcome.gone) == ({}, {}, ["3"])
    assert kept in world.stored


@pytest.mark.parametrize("name", ["hr.json", "hr.ndjson"])
@pytest.mark.parametrize("bo", ["null", '"x"', "7", "[]", '[{"id": "2", "name": "Bo"}]'])
def test_no_record_counts_as_removed_while_a_row_is_not_an_object(
    world: World, name: str, bo: str
) -> None:
    world.spec = with_settings(world.spec, path=name)
    write_objects(world, name, ANN, '{"id": "2", "name": "Bo"}', CY)
    world.push()

    write_objects(world, name, '{"id": "1", "name": "Anna"}', bo)
    outcome = world.push()

    ((line, key, detail),) = outcome.problems
    where = "" if name == "hr.ndjson" else "row 2: "
    assert (line, key) == (2 if name == "hr.ndjson" else None, None)
    assert detail == (
        f"{where}{bo} is not a usable object and is left out, so no record counts as removed"
    )
    assert (list(outcome.changed), outcome.gone) == (["1"], [])
    assert outcome.unusable.whose_unknown

    write_objects(world, name, '{"id": "1", "name": "Anna"}')
    assert world.push().gone == ["2", "3"]


def test_a_file_with_its_list_twice_cannot_be_read(world: World) -> None:
    world.spec = with_settings(world.spec, path="hr.json")
    world.write(f'{{"users": [{ANN}], "page": 1, "users": [{CY}]}}', "hr.json")

    with pytest.raises(SourceFormatError, match='has the list "users" twice'):
        world.push()


def write_objects(world: World, name: str, *objects: str) -> None:
    lines = "\n".join(objects) + "\n"
    world.write(lines if name == "hr.ndjson" else f"[{','.join(objects)}]", name)


FIVE = [f"{number},N{number},D{number},E{number},x{number}" for number in range(1, 8)]
HEADER = "id,name,dept,room,note\n"


def between_quotes(rows: list[str], first: str, last: str) -> str:
    """Return the rows with a quote before the cell `first` and one after the cell `last`."""
    text = "\n".join(rows) + "\n"
    return text.replace(first, f'"{first}').replace(last, f'{last}"')


@pytest.mark.parametrize(
    ("first", "last", "end"),
    [
        ("N2", "N5", 6),
        ("N2", "D3", 4),
        ("D2", "x4", 5),
        ("x2", "N3", 4),
        ("x2", "5,N5,D5,E5,x5", 6),
        ("2,N2", "3", 4),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_between_two_stray_quotes_are_not_gone(
    world: World, first: str, last: str, end: int, delimiter: str
) -> None:
    world.push(HEADER.replace(",", delimiter) + "\n".join(FIVE).replace(",", delimiter) + "\n")

    rows = [row for row in FIVE if row[0] != "6"]
    text = HEADER + between_quotes(rows, first, f"\n{last}" if last == "3" else last)
    outcome = world.push(text.replace(",", delimiter))

    wrong = f"has a quoted cell that holds whole rows, up to line {end}; the row is left out"
    assert outcome.problems == [(3, "2", wrong)]
    assert (outcome.new, outcome.changed, outcome.gone) == ({}, {}, ["6"])


# A key that is mistyped

FOUR = "id,name,dept\n1,Ann,IT\n2,Bo,Ops\n3,Cy,HR\n4,Di,HR\n"


@pytest.mark.parametrize(
    ("rows", "line", "key", "problem"),
    [
        # the key of another record
        (
            "1,Ann,IT\n2,Bo,Ops\n2,Cy,HR\n4,Di,HR\n",
            3,
            "2",
            'key "2" is in lines 3 and 4, which differ in dept, name; neither counts; one',
        ),
        # a key of nobody, in a row that cannot be used
        (
            "1,Ann,IT\n2,Bo,Ops\n9,Cy,HR,x\n4,Di,HR\n",
            4,
            "9",
            "has 4 fields where the header has 3; the row is left out; it",
        ),
        # a key of nobody, in two rows
        (
            "1,Ann,IT\n2,Bo,Ops\n9,Cy,HR\n9,Cyd,HR\n4,Di,HR\n",
            4,
            "9",
            'key "9" is in lines 4 and 5, which differ in name; neither counts; one',
        ),
    ],
)
def test_a_mistyped_key_keeps_the_gone_record_that_its_row_resembles(
    world: World, rows: str, line: int, key: str, problem: str
) -> None:
    world.push(FOUR)

    outcome = world.push("id,name,dept\n" + rows)

    assert outcome.problems == [(line, key, f'{problem} may belong to "3", which is kept')]
    assert outcome.gone == []
    assert "3" in outcome.unusable.keys


@pytest.mark.parametrize(
    "rows",
    [
        '1,Ann,"Main Street 1\n1010 Wien",1,a',
        '1,Ann,"a, b, c, and d\nsee below\nE, F, G, H and all others, too",1,a',
        '1,Ann,IT,1,"see\n\n2,3,4"',
        '1,Ann,IT,1,"lists:\nA,B,C,D\nA,B,C,D and E"',
        '"1","Ann","IT\nOps","1","a, b, c, d, e\nsecond line, third, fourth, fifth, sixth"',
    ],
)
def test_line_breaks_in_cells_are_fine(world: World, rows: str) -> None:
    outcome = world.push(f"{HEADER}{rows}\n2,Bo,IT,2,b\n")

    assert (outcome.problems, list(outcome.new)) == ([], ["1", "2"])


def test_a_note_of_a_narrow_table_may_have_as_many_commas_as_a_row(world: World) -> None:
    text = '1,Ann,"Hello, you\nfoo,bar,baz\nBest wishes"\n2,Bo,IT\n'

    assert world.push(f"id,name,dept\n{text}").problems == []


def test_rows_of_a_narrow_table_between_two_stray_quotes_are_not_gone(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push('id,name,dept\n1,Ann,"IT\n2,Bo,Ops"\n3,Cy,HR\n')

    assert [line for line, _, _ in outcome.problems] == [2]
    assert outcome.gone == []


@pytest.mark.parametrize(
    "rows",
    [
        # of two rows of a person, neither is more like a leaver than like the person
        "1,Ann,IT\n2,Bo,Ops\n2,Bo,HR\n4,Di,HR\n",
        # a row of a new person
        "1,Ann,IT\n2,Bo,Ops\n9,Ed,Law,x\n4,Di,HR\n",
    ],
)
def test_a_bad_row_keeps_no_leaver_that_it_does_not_resemble(world: World, rows: str) -> None:
    world.push(FOUR)

    assert world.push("id,name,dept\n" + rows).gone == ["3"]


@pytest.mark.parametrize(
    ("order", "line"),
    [
        ("dept desc", 4),  # the row with the mistyped key does not count
        ("dept", 4),  # it counts
    ],
)
def test_pick_drops_no_row_that_has_its_key_by_mistake(world: World, order: str, line: int) -> None:
    world.spec = with_settings(world.spec, pick=order)
    world.push(FOUR)

    outcome = world.push("id,name,dept\n1,Ann,IT\n2,Bo,Ops\n2,Cy,HR\n4,Di,HR\n")

    assert outcome.problems == [
        (line, "2", 'key "2" is in several rows; this one may belong to "3", which is kept')
    ]
    assert outcome.gone == []
    assert "3" in outcome.unusable.keys


@pytest.mark.parametrize(
    "rows",
    [
        # rows of one person
        "1,Ann,IT\n2,Bo,Ops\n2,Bo,HR\n4,Di,HR\n",
        # a person with a new key
        "1,Ann,IT\n2,Bo,Ops\n9,Cy,HR\n9,Cy,Ops\n4,Di,HR\n",
    ],
)
def test_pick_still_lets_people_leave(world: World, rows: str) -> None:
    world.spec = with_settings(world.spec, pick="dept")
    world.push(FOUR)

    outcome = world.push("id,name,dept\n" + rows)

    assert (outcome.gone, outcome.problems) == (["3"], [])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            ",Cy,HR\n3,Cy,Ops\n2,Bo,Ops\n",
            (3, None, 'the row has no key and is left out; it may belong to "3", which is kept'),
        ),
        (
            "2,Bo,Ops\n3,Cy,Ops\n,Cy,Law\n",
            (5, None, 'the row has no key and is left out; it may belong to "3", which is kept'),
        ),
        (
            "2,Bo,Ops\n3,Cy,Ops\n,3,Cy,HR\n",
            (5, None, "has 4 fields where the header has 3; the row is left out"),
        ),
        (
            "2,Bo,Ops\n2,Cy,IT\n3,Cy,Ops\n",
            (
                3,
                "2",
                'key "2" is in lines 3 and 4, which differ in dept, name; neither counts; one may'
                ' belong to "3", which is kept',
            ),
        ),
    ],
    ids=["no key", "no key, and another value", "shifted", "a mistyped key"],
)
def test_a_row_without_a_usable_key_may_be_the_one_that_pick_chooses(
    world: World, rows: str, problem: tuple[int, str | None, str]
) -> None:
    world.spec = with_settings(world.spec, pick="dept = 'HR' desc")
    world.push(FOUR)

    outcome = world.push(f"id,name,dept\n1,Ann,IT\n{rows}4,Di,HR\n")

    assert outcome.problems == [problem]
    assert outcome.changed == {}
    assert "3" in outcome.unusable.keys
    assert world.plan().changed == {}
    assert list(world.push(FOUR.replace("3,Cy,HR", "3,Cy,Law")).changed) == ["3"]


def test_while_a_row_may_be_anybodys_no_row_of_pick_counts_as_changed(world: World) -> None:
    world.spec = with_settings(world.spec, path="hr.json", pick="dept")
    rows = [{"id": "1", "name": "Ann", "dept": "IT"}, {"id": "2", "name": "Bo", "dept": "Ops"}]
    world.write(json.dumps(rows), "hr.json")
    world.push()
    world.write(json.dumps([None, {**rows[0], "dept": "Law"}, rows[1]]), "hr.json")

    outcome = world.push()

    assert (outcome.changed, len(outcome.problems)) == ({}, 1)
    assert "1" in outcome.unusable.keys


@pytest.mark.parametrize(
    ("pick", "row"),
    [
        ("dept", ",Cy,Ops"),  # a row of the person as they are now
        ("dept", ",Ed,Law"),  # a row of somebody else
        (None, ",Cy,HR"),  # without pick, a key has one row
    ],
)
def test_a_row_without_a_key_keeps_no_other_change(
    world: World, pick: str | None, row: str
) -> None:
    world.spec = with_settings(world.spec, pick=pick)
    world.push(FOUR)

    outcome = world.push(f"{FOUR.replace('3,Cy,HR', '3,Cy,Ops')}{row}\n")

    assert list(outcome.changed) == ["3"]
    assert "3" not in outcome.unusable.keys
