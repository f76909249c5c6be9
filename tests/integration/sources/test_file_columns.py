"""A look at the columns of a source, before any record is read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from scimsync.errors import GuardStop, SourceFormatError, SourceUnavailable
from tests.error_text import text_of
from tests.file_sources import FileSpec, file_spec, with_settings


@pytest.fixture
def spec(tmp_path: Path) -> FileSpec:
    return file_spec(tmp_path, key="employee_id")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("hr.csv", b"employee_id,email,given\n1,a,b\n", ["employee_id", "email", "given"]),
        ("hr.csv", b"employee_id;name, first;\n1;a;\n", ["employee_id", "name, first"]),
        ("hr.csv", b"a|employee_id", ["a", "employee_id"]),
        ("hr.csv", b"\xef\xbb\xbf employee_id ,\xc2\xa0given\n", ["employee_id", "given"]),
        ("hr.csv", b'\xef\xbb\xbf"employee_id","given\nname"\n', ["employee_id", "given\nname"]),
        ("hr.csv", "employee_id,größe\n".encode("utf-16"), ["employee_id", "größe"]),
        ("hr.tsv", b"employee_id\tname, first\n", ["employee_id", "name, first"]),
        (
            "hr.json",
            b'[{"employee_id": 1, "b": 2}, {"a": [], "employee_id": 2}]',
            ["employee_id", "b", "a"],
        ),
        (
            "hr.ndjson",
            b'{"z": 1, "employee_id": 1}\n7\n{"a/b~c": 2}\n',
            ["z", "employee_id", "a/b~c"],
        ),
    ],
)
def test_columns_come_in_the_order_of_the_file(
    spec: FileSpec, name: str, content: bytes, found: list[str]
) -> None:
    (spec.base_dir / name).write_bytes(content)

    assert with_settings(spec, path=name).columns() == found


def test_columns_of_parquet_of_globs_and_of_queries(spec: FileSpec) -> None:
    folder = spec.base_dir
    duckdb.sql(
        f"copy (select 1 as employee_id, 'x' as a) to '{folder / 'p.parquet'}' (format parquet)"
    )
    (folder / "1.csv").write_text("employee_id,a\n1,2\n")
    (folder / "2.csv").write_text("b;employee_id\n1;2\n")

    assert with_settings(spec, path="p.parquet").columns() == ["employee_id", "a"]
    assert with_settings(spec, path="*.csv").columns() == ["employee_id", "a", "b"]
    query = "select o.employee_id, a, b as c from '1.csv' o join '2.csv' t using (employee_id)"
    assert with_settings(spec, query=query).columns() == ["employee_id", "a", "c"]


def test_a_key_that_is_not_there_is_named_with_what_was_found_and_meant(spec: FileSpec) -> None:
    (spec.base_dir / "hr.csv").write_text("Employee_ID,email\n1,a\n")

    with pytest.raises(SourceFormatError) as caught:
        spec.columns()

    assert (
        text_of(caught.value)
        == 'sync.toml: sources.hr.key: no column "employee_id" in hr.csv\n  found: Employee_ID,'
        ' email\n  did you mean "Employee_ID"?'
    )
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("form", [";", {"format": "json"}])
def test_a_list_that_is_not_there_is_named_with_what_was_found_and_meant(
    spec: FileSpec, form: object
) -> None:
    (spec.base_dir / "hr.csv").write_text("employee_id,groups\n1,a;b\n")

    for source in (spec, with_settings(spec, query="select * from 'hr.csv'")):
        with pytest.raises(SourceFormatError) as caught:
            with_settings(source, lists={"grups": form}).columns()

        assert text_of(caught.value).startswith('sync.toml: sources.hr.lists: no column "grups" in')
        assert text_of(caught.value).endswith(
            'found: employee_id, groups\n  did you mean "groups"?'
        )
        assert caught.value.exit_code == 2


def test_a_list_may_be_in_one_of_several_files(spec: FileSpec) -> None:
    (spec.base_dir / "1.csv").write_text("employee_id,groups\n1,a;b\n")
    (spec.base_dir / "2.csv").write_text("employee_id\n2\n")

    columns = with_settings(spec, path="*.csv", lists={"groups": ";"}).columns()

    assert columns == ["employee_id", "groups"]


def test_each_file_of_a_glob_needs_the_key(spec: FileSpec) -> None:
    (spec.base_dir / "1.csv").write_text("employee_id,a\n1,2\n")
    (spec.base_dir / "2.csv").write_text("id,a\n1,2\n")

    with pytest.raises(SourceFormatError, match=r'no column "employee_id" in 2\.csv'):
        with_settings(spec, path="*.csv").columns()


def test_the_setting_decides_about_the_delimiter(spec: FileSpec) -> None:
    (spec.base_dir / "hr.csv").write_text("employee_id,a:b\n")

    assert with_settings(spec, delimiter=":", key="b").columns() == ["employee_id,a", "b"]


def test_formats_are_not_mixed(spec: FileSpec) -> None:
    (spec.base_dir / "a.csv").write_text("employee_id\n")
    (spec.base_dir / "a.json").write_text("[]")

    with pytest.raises(SourceFormatError, match="files of several formats: csv, json"):
        with_settings(spec, path="a.*").columns()


def test_a_missing_and_an_empty_file_are_told(spec: FileSpec) -> None:
    with pytest.raises(SourceUnavailable, match=r"there is no file hr\.csv"):
        spec.columns()
    (spec.base_dir / "hr.csv").touch()
    with pytest.raises(GuardStop, match=r"hr\.csv is empty") as caught:
        spec.columns()
    assert caught.value.exit_code == 3


def test_the_configuration_file_is_called_as_it_is(spec: FileSpec) -> None:
    with pytest.raises(SourceUnavailable, match=r"^other\.toml: sources\.hr\.path"):
        replace(spec, config_name="other.toml").columns()


def test_headers_are_read_without_loading_duckdb(spec: FileSpec) -> None:
    (spec.base_dir / "hr.csv").write_text("employee_id,a\n1,2\n")
    program = (
        "import sys; from pathlib import Path; from scimsync.sources import SourceSpec;"
        "from scimsync.sources.file import FileSettings;"
        "settings = FileSettings(type='file', path='hr.csv', key='employee_id');"
        "SourceSpec('hr', settings, Path(sys.argv[1])).columns();"
        "assert 'duckdb' not in sys.modules"
    )

    assert (
        subprocess.run([sys.executable, "-c", program, str(spec.base_dir)], check=False).returncode
        == 0
    )
