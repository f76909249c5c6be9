"""Values of databases keep their types, and every value of a row arrives as it is."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from scimsync.errors import ScimsyncError, SourceFormatError
from scimsync.sources.workspace import Workspace
from tests.sql_databases import Database, digest, records

Case = tuple[str, Any]

LONG = "ü" * 128

EVERYWHERE: list[Case] = [
    ("42", 42),
    ("-9007199254740993", -9007199254740993),
    ("12.5", 12.5),
    ("''", ""),
    ("NULL", None),
    ("'0042'", "0042"),
    ("' a '", " a "),
    ("'O''Brien; \"x\", {y}'", 'O\'Brien; "x", {y}'),
    (f"'{LONG}'", LONG),
    ("'Łukasz 🎉'", "Łukasz 🎉"),
]
CASES: dict[str, list[Case]] = {
    "postgresql": [
        ("true", True),
        ("false", False),
        ("9223372036854775807", 9223372036854775807),
        ("0.1::float4", 0.1),
        ("1e300::float8", 1e300),
        ("'NaN'::float8", None),
        ("'-Infinity'::float4", None),
        ("12.10::numeric(10,2)", 12.1),
        ("-0.05::numeric", -0.05),
        ("123456789012345678::numeric", 123456789012345678),
        ("123456789012345678901234567890::numeric", "123456789012345678901234567890"),
        ("12345678901234567.89::numeric", "12345678901234567.89"),
        ("0.1000000000000000000001::numeric", "0.1000000000000000000001"),
        ("'NaN'::numeric", None),
        ("array['a', NULL, 'b,\"c\\{}']", ["a", None, 'b,"c\\{}']),
        ("array[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ("array[]::text[]", []),
        ("""'{"a": [1, {"b": null}]}'::json""", {"a": [1, {"b": None}]}),
        ("'[\"x\\u00fc\\\\\"]'::jsonb", ["xü\\"]),
        ("'null'::jsonb", None),
        ("row(1, 'a')", {"f1": 1, "f2": "a"}),
        ("date '2026-03-02'", "2026-03-02"),
        ("date 'infinity'", "infinity"),
        ("timestamp '2026-03-02 08:09:10.5'", "2026-03-02T08:09:10.5"),
        ("timestamptz '2026-03-02 08:09:10+05:30'", "2026-03-02T02:39:10+00:00"),
        ("timestamptz '0044-03-15 10:00:00+00 BC'", "0044-03-15 10:00:00+00 BC"),
        ("time '08:09:10'", "08:09:10"),
        ("'\\x00ff41'::bytea", "AP9B"),
        ("''::bytea", ""),
        ("'x '::char(128)", "x"),
        ("'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("E'a\\tb\\nc\\r\\\\d\\\\n\\b\\f' || chr(11) || E'\\\\N'", "a\tb\nc\r\\d\\n\b\f\v\\N"),
        ("E'\\\\N'", "\\N"),
        ("E'\\\\.'", "\\."),
        ("'[1,5)'::int4range", "[1,5)"),
        ("'yes'::mood", "yes"),
        ("'a@example.com'::address", "a@example.com"),
    ],
    "mariadb": [
        ("TRUE", 1),
        ("18446744073709551615", 18446744073709551615),
        ("CAST(12.10 AS DECIMAL(10,2))", 12.1),
        ("CAST('123456789012345678901234567890' AS DECIMAL(30))", "123456789012345678901234567890"),
        ("CAST('12345678901234567.89' AS DECIMAL(20,2))", "12345678901234567.89"),
        ("1e300", 1e300),
        ("DATE '2026-03-02'", "2026-03-02"),
        ("CAST('2026-03-02 08:09:10' AS DATETIME)", "2026-03-02T08:09:10"),
        ("CAST('2026-03-02 08:09:10.5' AS DATETIME(6))", "2026-03-02T08:09:10.500000"),
        ("CAST('-26:30:00' AS TIME)", "-26:30:00"),
        ("x'00ff41'", "AP9B"),
        ("'a\\tb\\nc\\r\\\\d\\0e'", "a\tb\nc\r\\d\0e"),
        ("'50% of %s :x ?'", "50% of %s :x ?"),
    ],
    "sqlite": [
        ("9223372036854775807", 9223372036854775807),
        ("1e300", 1e300),
        ("9e999", None),
        ("x'00ff41'", "AP9B"),
        ("'a' || char(9) || char(10) || char(0) || '\\'", "a\t\n\0\\"),
        ("date('2026-03-02')", "2026-03-02"),
    ],
}
"""SQL for a value -> the value of the record."""


def test_values_keep_their_types(database: Database, tmp_path: Path) -> None:
    if database.kind == "postgresql":
        database.run(
            "CREATE TYPE mood AS ENUM ('yes', 'no')",
            "CREATE DOMAIN address AS text",
            f"ALTER DATABASE {database.url.rpartition('/')[2]} SET timezone = 'UTC'",
        )
    cases = EVERYWHERE + CASES[database.kind]
    columns = ", ".join(f"{sql} AS c{at}" for at, (sql, _) in enumerate(cases))

    (record,) = records(database.spec(tmp_path, f"SELECT 1 AS id, {columns};  -- the end"))

    assert record.pop("id") == "1"
    assert record == {f"c{at}": value for at, (_, value) in enumerate(cases)}


def test_a_time_has_the_offset_of_the_zone_of_the_session(
    postgresql_db: Database, tmp_path: Path
) -> None:
    query = "SELECT 1 AS id, timestamptz '2026-07-01 00:00+00' AS a, timestamptz '2026-12-01Z' AS b"
    url = f"{postgresql_db.url}?options=-ctimezone%3D"

    for zone, summer, winter in [
        ("Europe/Berlin", "2026-07-01T02:00:00+02:00", "2026-12-01T01:00:00+01:00"),
        ("Asia/Kolkata", "2026-07-01T05:30:00+05:30", "2026-12-01T05:30:00+05:30"),
    ]:
        (record,) = records(postgresql_db.spec(tmp_path, query, url=url + zone.replace("/", "%2F")))
        assert (record["a"], record["b"]) == (summer, winter)


def test_types_of_mariadb_that_only_columns_have(mariadb_db: Database, tmp_path: Path) -> None:
    mariadb_db.run(
        "CREATE TABLE p (id INT, flag BIT(1), bits BIT(9), y YEAR, d DATE, s SET('a', 'b', 'c'))",
        "SET sql_mode = ''",
        "INSERT INTO p VALUES (1, b'1', b'100000001', 2026, '0000-00-00', 'a,c')",
    )

    spec = mariadb_db.spec(tmp_path, "SELECT * FROM p", lists={"s": ","})

    assert records(spec) == [
        {"id": "1", "flag": True, "bits": 257, "y": 2026, "d": "0000-00-00", "s": ["a", "c"]}
    ]


LISTS = {
    "postgresql": [("'a; b;;c'", ["a", "b", "c"]), ("array['a;b']", ["a;b"]), ("''", [])],
    "mariadb": [
        ("'a; b;;c'", ["a", "b", "c"]),
        ("JSON_ARRAY('a;b', 'c')", ["a;b", "c"]),
        ("'[x; y'", ["[x", "y"]),
        ("''", []),
    ],
    "sqlite": [
        ("'a; b;;c'", ["a", "b", "c"]),
        ("json_array('a;b', 'c')", ["a;b", "c"]),
        ("''", []),
    ],
}


def test_lists_are_texts_with_a_separator_or_lists_of_the_database(
    database: Database, tmp_path: Path
) -> None:
    for sql, expected in LISTS[database.kind]:
        spec = database.spec(tmp_path, f"SELECT 1 AS id, {sql} AS l", lists={"l": ";"})
        assert records(spec)[0].get("l", []) == expected


def test_a_key_is_text_whatever_its_type(database: Database, tmp_path: Path) -> None:
    keys = {
        "postgresql": "SELECT 7::numeric(10) AS id UNION ALL SELECT 8",
        "mariadb": "SELECT CAST(7 AS DECIMAL(10)) AS id UNION ALL SELECT 8",
        "sqlite": "SELECT 7 AS id UNION ALL SELECT ' 8 '",
    }

    spec = database.spec(tmp_path, keys[database.kind])

    assert [record["id"] for record in records(spec, *())] == ["7", "8"]


def test_texts_of_ten_megabytes(database: Database, tmp_path: Path) -> None:
    text = {
        "postgresql": "repeat(E'a\\nü', 3000000)",
        "mariadb": "repeat('a\\nü', 3000000)",
        "sqlite": "replace(hex(zeroblob(1500000)), '0', 'a' || char(10) || 'ü')",
    }

    (record,) = records(database.spec(tmp_path, f"SELECT 1 AS id, {text[database.kind]} AS t"))

    assert record["t"] == "a\nü" * 3_000_000


def test_odd_names_of_columns(database: Database, tmp_path: Path) -> None:
    quote = "`" if database.kind == "mariadb" else '"'
    names = ["E-mail (work)", "a.b", "größe", "select", "x'y", "p0"]
    columns = ", ".join(f"{at} AS {quote}{name}{quote}" for at, name in enumerate(names))

    spec = database.spec(tmp_path, f"SELECT 1 AS id, {columns}")

    assert spec.columns() == ["id", *names]
    assert records(spec) == [{"id": "1", **{name: at for at, name in enumerate(names)}}]


def test_rows_without_other_columns(database: Database, tmp_path: Path) -> None:
    spec = database.spec(tmp_path, "SELECT 'a' AS id UNION ALL SELECT 'b'")

    assert records(spec, *()) == [{"id": "a"}, {"id": "b"}]


def test_columns_that_no_expression_uses_do_not_travel(
    postgresql_db: Database, tmp_path: Path
) -> None:
    query = "SELECT n AS id, 1 / (n - n) AS broken, 'Ann' || n AS name FROM generate_series(1, 2) n"
    spec = postgresql_db.spec(tmp_path, query)

    assert records(spec, "name") == [{"id": "1", "name": "Ann1"}, {"id": "2", "name": "Ann2"}]
    with pytest.raises(ScimsyncError, match="division by zero"):
        records(spec, "name", "broken")
    with pytest.raises(ScimsyncError, match='no column "nick"') as failure:
        records(spec, "name", "nick")
    assert failure.value.details == ("found: id, broken, name",)


def test_the_same_rows_are_the_same_data(database: Database, tmp_path: Path) -> None:
    database.run(
        "CREATE TABLE p (id integer, name varchar(20))", "INSERT INTO p VALUES (1, 'Ann'), (2, '')"
    )
    spec = database.spec(tmp_path, "SELECT * FROM p")
    first, _ = digest(spec, "name")

    assert digest(spec, "name", last=first) == (first, True)
    database.run("UPDATE p SET name = NULL WHERE id = 2")
    assert digest(spec, "name", last=first)[1] is False


def test_the_copy_of_the_rows_is_private(database: Database, tmp_path: Path) -> None:
    with Workspace() as workspace:
        database.spec(tmp_path, "SELECT 1 AS id").open(workspace).checksum()
        files = [path for path in workspace.folder.iterdir() if path.is_file()]
        assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]
        assert stat.S_IMODE(workspace.folder.stat().st_mode) == 0o700
    assert not workspace.folder.exists()


def test_only_the_first_records_are_shown_to_init(database: Database, tmp_path: Path) -> None:
    database.run("CREATE TABLE p (id integer)", "INSERT INTO p VALUES (1), (2), (3), (4)")
    with Workspace() as workspace:
        source = database.spec(tmp_path, "SELECT * FROM p ORDER BY id").open(workspace)
        assert source.first_records(2) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("count", [1, 99, 100, 199, 200, 501])
def test_rows_of_several_batches(database: Database, tmp_path: Path, count: int) -> None:
    numbers = {
        "postgresql": f"SELECT n AS id, 'Ann' || n AS name FROM generate_series(1, {count}) n",
        "mariadb": f"SELECT seq AS id, concat('Ann', seq) AS name FROM seq_1_to_{count}",
        "sqlite": (
            f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count})"
            " SELECT n AS id, 'Ann' || n AS name FROM s"
        ),
    }

    found = records(database.spec(tmp_path, numbers[database.kind]))

    assert {record["id"]: record["name"] for record in found} == {
        str(n): f"Ann{n}" for n in range(1, count + 1)
    }


def test_long_groups_of_mariadb_are_whole(mariadb_db: Database, tmp_path: Path) -> None:
    mariadb_db.run(
        "CREATE TABLE member (team INT, person CHAR(20))",
        "INSERT INTO member SELECT 1, concat('person', seq) FROM seq_1_to_100000",
    )
    query = "SELECT team AS id, {} AS people FROM member GROUP BY team"

    for aggregate in ("group_concat(person)", "json_arrayagg(person)"):
        spec = mariadb_db.spec(tmp_path, query.format(aggregate), lists={"people": ","})
        assert len(records(spec)[0]["people"]) == 100_000


def test_a_group_that_mariadb_cuts_off_stops_the_source(
    mariadb_db: Database, tmp_path: Path
) -> None:
    mariadb_db.run("CREATE TABLE member (team INT, person LONGTEXT)")
    mariadb_db.run("INSERT INTO member SELECT 1, repeat('x', 100000) FROM seq_1_to_300")

    with pytest.raises(SourceFormatError) as caught:
        records(
            mariadb_db.spec(
                tmp_path, "SELECT team AS id, group_concat(person) AS p FROM member GROUP BY team"
            )
        )

    assert "cut by group_concat()" in caught.value.message.lower()


def test_bytes_that_are_no_text_stop_the_source(postgresql_db: Database, tmp_path: Path) -> None:
    name = f"{postgresql_db.url.rpartition('/')[2]}_ascii"
    postgresql_db.run(
        f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C'"
        " LC_CTYPE 'C'"
    )
    url = f"{postgresql_db.url.rpartition('/')[0]}/{name}"

    with pytest.raises(SourceFormatError) as caught:
        records(postgresql_db.spec(tmp_path, "SELECT 1 AS id, E'M\\xfcller' AS name", url=url))

    assert caught.value.exit_code == 2
    assert 'invalid byte sequence for encoding "UTF8"' in caught.value.message


def test_a_database_has_no_files_to_watch(database: Database, tmp_path: Path) -> None:
    spec = database.spec(tmp_path, "SELECT 1 AS id")

    assert spec.watch() == ()
    with Workspace() as workspace:
        assert spec.open(workspace).fingerprint() is None
