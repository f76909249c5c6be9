"""What changed in a file: new, changed and gone records, in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from scimsync.errors import SourceFormatError
from tests.file_sources import with_settings

if TYPE_CHECKING:
    from .conftest import World

DAY_ONE = "id,name,dept\n007,Ann,IT\n008,Bo,Ops\n009,Cy,IT\n"


def test_first_look_finds_all_records_new_with_leading_zeros_kept(world: World) -> None:
    outcome = world.push(DAY_ONE)

    assert outcome.new["007"] == {"id": "007", "dept": "IT", "name": "Ann"}
    assert (len(outcome.new), outcome.total, outcome.previous) == (3, 3, 0)


def test_a_new_a_changed_and_a_gone_record_are_told_apart(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.push("id,name,dept\n010,Di,HR\n007,Ann,Sales\n008,Bo,Ops\n")

    assert outcome.new == {"010": {"id": "010", "name": "Di", "dept": "HR"}}
    assert outcome.changed == {"007": {"id": "007", "name": "Ann", "dept": "Sales"}}
    assert outcome.gone == ["009"]
    assert (outcome.total, outcome.previous, outcome.problems) == (3, 3, [])
    assert world.plan().nothing


def test_same_bytes_are_not_compared(world: World) -> None:
    world.push(DAY_ONE)

    outcome = world.plan()

    assert outcome.unchanged
    assert (outcome.total, outcome.previous) == (3, 3)


@pytest.mark.parametrize(
    "other", [{"key": "name"}, {"lists": {"dept": ";"}}, {"encoding": "latin-1"}], ids=str
)
def test_same_bytes_are_compared_where_sync_toml_changed(
    world: World, other: dict[str, Any]
) -> None:
    world.push(DAY_ONE)
    world.spec = with_settings(world.spec, **other)

    assert not world.plan().unchanged


def test_another_column_in_use_makes_records_changed_once(world: World) -> None:
    world.columns = ("name",)
    world.push(DAY_ONE)
    world.columns = ("name", "dept")

    assert sorted(world.push().changed) == ["007", "008", "009"]
    assert world.plan().nothing


def test_a_column_that_nothing_uses_changes_nothing(world: World) -> None:
    world.columns = ("name",)
    world.push("id,name,last_login\n1,Ann,monday\n2,Bo,monday\n")

    outcome = world.push("id,name,last_login\n1,Ann,tuesday\n2,Bo,tuesday\n")

    assert outcome.nothing
    assert not outcome.unchanged


def test_order_of_rows_and_columns_changes_nothing(world: World) -> None:
    world.push(DAY_ONE)

    assert world.push("dept,name,id\nIT,Cy,009\nIT,Ann,007\nOps,Bo,008\n").nothing


def test_an_empty_cell_is_empty_text(world: World) -> None:
    assert world.push('id,name,dept\n1,,""\n').new == {"1": {"id": "1", "name": "", "dept": ""}}


def test_surrounding_white_space_is_no_part_of_cells_keys_and_column_names(world: World) -> None:
    outcome = world.push(
        "\ufeff id ,name\u00a0,dept\n 1\u00a0,Ann\u3000\u200b, IT\u00a0\n\t2,\u200eB o ,IT\n"
    )

    assert outcome.new["1"] == {"id": "1", "name": "Ann", "dept": "IT"}
    assert outcome.new["2"] == {"id": "2", "name": "B o", "dept": "IT"}
    assert world.push("id,name,dept\n1,Ann,IT\n2,B o,IT\n").nothing


def test_white_space_around_cells_is_kept_without_trim(world: World) -> None:
    world.spec = with_settings(world.spec, trim=False)

    outcome = world.push(" id ,name,dept\n 1 ,Ann , IT\n")

    assert outcome.new == {"1": {"id": "1", "name": "Ann ", "dept": " IT"}}


ODD = [
    '"quoted"',
    "two\nlines",
    "two\r\nlines",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "Zoë 👩‍💻",
    "=1+1",
    "NULL",
    "a;b|c\td",
    "x\x00y\x07",
    "\\n",
]


@pytest.mark.parametrize("cell", ODD, ids=ascii)
def test_odd_cells_survive(world: World, cell: str) -> None:
    quoted = cell.replace('"', '""')

    outcome = world.push(f'id,name,dept\n1,"{quoted}",IT\n2,Bo,"{quoted}"\n')

    assert outcome.new == {
        "1": {"id": "1", "name": cell, "dept": "IT"},
        "2": {"id": "2", "name": "Bo", "dept": cell},
    }
    world.index.unlink()
    world.digest = None
    assert world.plan().nothing


@pytest.mark.parametrize("cell", ODD, ids=ascii)
def test_odd_cells_survive_in_a_file_that_has_a_bad_row(world: World, cell: str) -> None:
    quoted = cell.replace('"', '""')

    outcome = world.push(f'id,name,dept\n1,"{quoted}",IT\n2,Bo\n')

    assert outcome.new == {"1": {"id": "1", "name": cell, "dept": "IT"}}


def test_a_list_is_split_and_stripped_and_compared_by_its_items(world: World) -> None:
    world.spec = with_settings(world.spec, lists={"dept": ";"})

    assert world.push("id,name,dept\n1,Ann, IT ;; Ops;\n2,Bo,\n").new == {
        "1": {"id": "1", "name": "Ann", "dept": ["IT", "Ops"]},
        "2": {"id": "2", "name": "Bo", "dept": []},
    }
    assert world.push("id,name,dept\n1,Ann,IT;Ops\n2,Bo,;\n").nothing


def test_another_separator_makes_other_items_of_the_same_text(world: World) -> None:
    world.spec = with_settings(world.spec, lists={"dept": ","})
    world.push('id,name,dept\n1,Ann,"IT;Ops"\n')
    world.spec = with_settings(world.spec, lists={"dept": ";"})

    assert world.push().changed == {"1": {"id": "1", "name": "Ann", "dept": ["IT", "Ops"]}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hr.csv", "id;name;dept\n1;Smith, Ann;IT\n"),
        ("hr.csv", "id|name|dept\n1|Smith, Ann|IT\n"),
        ("hr.csv", "id\tname\tdept\n1\tSmith, Ann\tIT\n"),
        ("hr.tsv", "id\tname\tdept\n1\tSmith, Ann\tIT\n"),
        ("hr.csv", 'id,name,dept\r\n1,"Smith, Ann",IT\r\n'),
        ("hr.csv", 'id,name,dept\r1,"Smith, Ann",IT\r'),
        ("hr.csv", 'id,name,dept\r\n1,"Smith, Ann",IT\n\r\n'),
        ("hr.csv", '\n\nid,name,dept\n1, "Smith, Ann" ,IT'),
        ("hr.csv", '"id","name",\n"dept"\n1,"Smith, Ann",,IT\n'.replace(",\n", ',"x\ny",')),
        ("hr.csv", '\ufeff"id","name",dept\n1,"Smith, Ann",IT\n'),
        ("hr.csv", 'name,dept,id,,\n"Smith, Ann",IT,1,,\n'),
        ("hr.json", '[{"id": 1, "name": "Smith, Ann", "dept": "IT"}]'),
        ("hr.json", '\ufeff[{"dept": "IT", "id": "1", "name": "Smith, Ann"}]'),
        ("hr.json", '{"id": 1, "name": "Smith, Ann", "dept": "IT"}\n'),
        ("hr.ndjson", '{"id": 1, "name": "Smith, Ann", "dept": "IT"}\n'),
        ("hr.jsonl", '\n{"id": " 1 ", "name": "Smith, Ann", "dept": "IT", "more": {}}'),
    ],
)
def test_one_record_in_many_dresses(world: World, name: str, text: str) -> None:
    world.spec = with_settings(world.spec, path=name)
    world.write(text, name)

    assert world.push().new == {"1": {"id": "1", "name": "Smith, Ann", "dept": "IT"}}
    assert world.push().nothing


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252", "utf-16", "utf-16-le", "utf-8"])
def test_text_in_another_encoding_is_the_same_text(world: World, encoding: str) -> None:
    world.spec = with_settings(world.spec, encoding=encoding)
    (world.folder / "hr.csv").write_bytes("id,name,dept\n1,Zoë Müller,IT\n".encode(encoding))

    assert world.push().new["1"]["name"] == "Zoë Müller"


def test_utf_16_is_known_by_its_mark(world: World) -> None:
    (world.folder / "hr.csv").write_bytes("id,name,dept\n1,Zoë,IT\n".encode("utf-16"))

    assert world.push().new["1"]["name"] == "Zoë"


def test_json_keeps_its_types_and_keys_become_text(world: World) -> None:
    world.spec = with_settings(world.spec, path="hr.json")
    data = (
        '{"id": 7, "name": {"first": "Ann", "tags": [1, 2.5, null, true]}, "dept": ["IT", "Ops;x"]}'
    )
    world.write(
        f'[{data}, {{"id": 8, "dept": "2024-01-01T00:00:00Z"}}, {{"id": "9", "name": null, "dept":'
        " 1e3}]",
        "hr.json",
    )

    assert world.push().new == {
        "7": {
            "id": "7",
            "name": {"first": "Ann", "tags": [1, 2.5, None, True]},
            "dept": ["IT", "Ops;x"],
        },
        "8": {"id": "8", "name": None, "dept": "2024-01-01T00:00:00Z"},
        "9": {"id": "9", "name": None, "dept": 1000.0},
    }
    world.index.unlink()
    world.digest = None
    assert world.plan().nothing


def test_a_list_in_json_stays_and_text_is_split(world: World) -> None:
    world.spec = with_settings(world.spec, path="hr.ndjson", lists={"dept": ";"})
    world.write(
        '{"id": 1, "name": "A", "dept": ["IT;x"]}\n{"id": 2, "name": "B", "dept": "IT; Ops"}\n',
        "hr.ndjson",
    )

    new = world.push().new

    assert (new["1"]["dept"], new["2"]["dept"]) == (["IT;x"], ["IT", "Ops"])
    world.index.unlink()
    world.digest = None
    assert world.plan().nothing


def test_number_that_becomes_text_is_a_change(world: World) -> None:
    world.spec = with_settings(world.spec, path="hr.ndjson")
    world.write('{"id": 1, "name": "A", "dept": 5}\n', "hr.ndjson")
    world.push()
    world.write('{"id": 1, "name": "A", "dept": "5"}\n', "hr.ndjson")
    assert world.push().changed["1"]["dept"] == "5"

    world.spec = with_settings(world.spec, path="hr.csv")
    assert world.push("id,name,dept\n1,A,5\n").nothing


def test_parquet_keeps_its_types(world: World) -> None:
    world.spec = with_settings(world.spec, path="hr.parquet")
    rows = (
        "(values (7, 'Ann', ['a', 'b'], date '2024-02-29', 1.5::double, true), (8, null, [], null,"
        " 'nan'::double, null))"
    )
    target = world.folder / "hr.parquet"
    duckdb.sql(
        f"copy (select * from {rows} t(id, name, tags, start, rate, active)) to '{target}' (format"
        " parquet)"
    )
    world.columns = ("name", "tags", "start", "rate", "active")

    assert world.push().new == {
        "7": {
            "id": "7",
            "name": "Ann",
            "tags": ["a", "b"],
            "start": "2024-02-29",
            "rate": 1.5,
            "active": True,
        },
        "8": {"id": "8", "name": None, "tags": [], "start": None, "rate": None, "active": None},
    }
    world.index.unlink()
    world.digest = None
    assert world.plan().nothing


def test_files_of_a_glob_are_one_table_and_a_column_that_one_lacks_is_null(world: World) -> None:
    world.spec = with_settings(world.spec, path="part-*.csv")
    world.write("id,name\n1,Ann\n", "part-1.csv")
    world.write("dept;name;id\nIT;Bo;2\n", "part-2.csv")

    assert world.push().new == {
        "1": {"id": "1", "name": "Ann", "dept": None},
        "2": {"id": "2", "name": "Bo", "dept": "IT"},
    }
    assert world.push().unchanged
    world.index.unlink()
    world.digest = None
    assert world.plan().nothing


@pytest.mark.parametrize("name", ["hr[1].csv", "o'hr.csv", "h r?.csv", "sub/hr.csv"])
def test_any_file_name_will_do(world: World, name: str) -> None:
    (world.folder / "sub").mkdir()
    world.spec = with_settings(world.spec, path=name)
    world.write(DAY_ONE, name)

    assert len(world.push().new) == 3


def test_a_query_joins_files_whose_cells_stay_text(world: World) -> None:
    world.spec = with_settings(
        world.spec,
        path="",
        query=(
            "select e.*, d.name as dept from 'employees.csv' e join 'departments.csv' d using"
            " (dept_id) -- by number\n ;"
        ),
    )
    world.write("id,name,dept_id\n007,Ann,01\n008,Bo,02\n", "employees.csv")
    world.write("dept_id,name\n01,IT\n02,Ops\n", "departments.csv")

    assert world.push().new == {
        "007": {"id": "007", "name": "Ann", "dept": "IT"},
        "008": {"id": "008", "name": "Bo", "dept": "Ops"},
    }
    assert world.push().unchanged
    world.write("dept_id,name\n01,IT\n02,OPS\n", "departments.csv")
    assert world.push().changed == {"008": {"id": "008", "name": "Bo", "dept": "OPS"}}


def test_a_query_reads_typed_formats_and_makes_lists(world: World) -> None:
    world.spec = with_settings(
        world.spec,
        path="",
        query=(
            "with m as (select person, list(team order by team) as dept from 'teams.ndjson' group"
            " by 1) select id, p.name, m.dept from 'people-*.csv' p left join m on m.person = p.id"
        ),
    )
    world.write("id,name\n1,Ann\n", "people-a.csv")
    world.write("name,id\nBo,2\n", "people-b.csv")
    world.write('{"person": "1", "team": "x"}\n{"person": "1", "team": "b"}\n', "teams.ndjson")

    assert world.push().new == {
        "1": {"id": "1", "name": "Ann", "dept": ["b", "x"]},
        "2": {"id": "2", "name": "Bo", "dept": None},
    }


def test_columns_without_a_use_but_the_key(world: World) -> None:
    world.columns = ()

    assert world.push(DAY_ONE).new["007"] == {"id": "007"}
    assert world.push("id,name,dept\n007,Ann,IT\n").gone == ["008", "009"]


def test_a_column_that_is_not_there_is_named(world: World) -> None:
    world.columns = ("name", "deptt")
    world.write(DAY_ONE)

    with pytest.raises(
        SourceFormatError,
        match=r'no column "deptt" in hr.csv \[SYNC-0205\]\n  found: id, name, dept\n  did you mean',
    ):
        world.plan()


def test_changes_come_in_batches_ordered_by_key(world: World) -> None:
    world.write(
        "id,name,dept\n" + "".join(f"{number * 7 % 101:03d},n,d\n" for number in range(101))
    )

    with world.compare() as comparison:
        batches = list(comparison.changes(10))

    assert [len(batch) for batch in batches] == [10] * 10 + [1]
    assert [change.key for batch in batches for change in batch] == [
        f"{number:03d}" for number in range(101)
    ]
