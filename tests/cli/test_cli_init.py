"""`scimsync init` writes a sync.toml that can be planned, for typical HR files."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path

import pytest

from tests.office import Office

ENGLISH = (
    "Employee ID,First Name,Last Name,Work"
    " Email,Department\n007,Ann,Lee,ann@example.com,IT\n008,Bo,Kim,bo@example.com,HR\n"
)
GERMAN = (
    "Personalnummer;Vorname;Nachname;E-Mail;Abteilung\n"
    "007;Jürgen;Müller;jm@example.com;Küche\n008;Zoë;Ohm;zo@example.com;IT\n"
)
FRENCH = (
    "matricule;prénom;nom;courriel;société\n"
    "007;Zoé;Léger;zoe@example.com;Ébène\n008;Luc;Roy;luc@example.com;Ébène\n"
)
JSON = json.dumps(
    [
        {"id": 7, "mail": "ann@example.com", "active": True},
        {"id": 8, "mail": "bo@example.com", "active": False},
    ]
)


@pytest.fixture
def empty(office: Office) -> Office:
    """An office without sync.toml."""
    (office.folder / "sync.toml").unlink()
    return office


def planned_names(office: Office, *arguments: str) -> list[str]:
    """Return the userNames of the accounts that `plan --offline` would create."""
    ran = office.run("plan", "--offline", "--json", *arguments)
    assert ran.code == 0, ran.err
    (target,) = ran.document["targets"].values()
    changes = [change for one in target["operations"] for change in one["changes"]]
    return [change["after"] for change in changes if change["path"] == "userName"]


@pytest.mark.parametrize(
    ("name", "text", "encoding", "expected"),
    [
        ("hr.csv", ENGLISH, "utf-8", ["ann@example.com", "bo@example.com"]),
        ("hr export 2026.csv", ENGLISH, "utf-8-sig", ["ann@example.com", "bo@example.com"]),
        ("personal.csv", GERMAN, "utf-8", ["jm@example.com", "zo@example.com"]),
        ("personal.csv", GERMAN, "windows-1252", ["jm@example.com", "zo@example.com"]),
        ("personnel.csv", FRENCH, "utf-16", ["zoe@example.com", "luc@example.com"]),
        ("hr.tsv", ENGLISH.replace(",", "\t"), "utf-8", ["ann@example.com", "bo@example.com"]),
        ("hr.json", JSON, "utf-8", ["ann@example.com"]),  # the other one is not active
        ("odd.csv", "number,mail\n1,a@example.com\n2\n", "utf-8", ["a@example.com"]),
    ],
)
def test_the_written_sync_toml_can_be_planned(
    empty: Office, name: str, text: str, encoding: str, expected: list[str]
) -> None:
    (empty.folder / name).write_bytes(text.encode(encoding))
    ran = empty.run("init", name)
    assert (ran.code, ran.err) == (0, "")
    if name == "odd.csv":
        assert empty.run("plan", "--offline").code == 4
        return
    assert planned_names(empty) == expected


def test_parquet_keeps_its_types(empty: Office) -> None:
    import duckdb

    people = (
        "select 1001 + range as id, 'p' || range || '@example.com' as email, range < 2 as active"
        " from range(3)"
    )
    with duckdb.connect() as connection:
        connection.execute(f"copy ({people}) to '{empty.folder / 'hr.parquet'}' (format parquet)")
    assert empty.run("init").code == 0  # the only file that could be a source
    assert planned_names(empty) == ["p0@example.com", "p1@example.com"]


def test_the_path_is_relative_to_sync_toml(empty: Office) -> None:
    (empty.folder / "data").mkdir()
    (empty.folder / "etc").mkdir()
    (empty.folder / "data" / "hr.csv").write_text(ENGLISH)
    assert empty.run("init", "data/hr.csv", "--out", "etc/sync.toml").code == 0
    assert 'path = "../data/hr.csv"' in (empty.folder / "etc" / "sync.toml").read_text()
    assert planned_names(empty, "-c", "etc/sync.toml") == ["ann@example.com", "bo@example.com"]


def test_the_output_shows_the_guesses_and_the_next_steps(empty: Office) -> None:
    empty.write("hr.csv", ENGLISH)
    ran = empty.run("init", "hr.csv")
    lines = ran.out.splitlines()
    assert lines[0] == "wrote sync.toml from hr.csv (sampled 2 rows)"
    assert "  key                             Employee ID" in lines
    assert "  userName                        col['Work Email'] | lower" in lines
    assert "  3. export SCIM_TOKEN=…      set the token of the application" in lines
    assert lines[lines.index("Check before the first push") + 1].startswith(
        "  - No column was recognized that says who has left, so everyone gets an"
    )


def test_json_has_the_same_guesses(empty: Office) -> None:
    empty.write("hr.csv", ENGLISH)
    document = empty.run("init", "hr.csv", "--json").document
    assert document["source"] == {
        "path": "hr.csv",
        "key": "Employee ID",
        "lists": {},
        "encoding": None,
    }
    assert document["user"]["userName"] == "col['Work Email'] | lower"
    assert document["rows_looked_at"] == 2
    (note,) = document["notes"]
    assert note.startswith("No column was recognized that says who has left")


def test_an_existing_sync_toml_is_overwritten_with_force_only(office: Office) -> None:
    office.write("hr.csv", ENGLISH)
    before = (office.folder / "sync.toml").read_text()
    ran = office.run("init", "hr.csv")
    assert (ran.code, ran.out) == (2, "")
    assert "sync.toml: the file exists and was not changed" in ran.err
    assert (office.folder / "sync.toml").read_text() == before
    assert office.run("init", "hr.csv", "--force").code == 0
    assert (office.folder / "sync.toml").read_text() != before


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("nobody.csv", None, 1, "there is no file nobody.csv"),
        ("empty.csv", b"", 3, "empty.csv is empty"),
        ("people.docx", b"x", 2, 'people.docx: unknown extension ".docx"'),
        ("broken.json", b'[{"id": }]\n', 2, "broken.json, line 1: not JSON"),
    ],
)
def test_an_unusable_file_leaves_no_sync_toml(
    empty: Office, name: str, content: bytes | None, code: int, said: str
) -> None:
    if content is not None:
        (empty.folder / name).write_bytes(content)
    ran = empty.run("init", name)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(said)
    assert not (empty.folder / "sync.toml").exists()


def test_without_a_file_the_candidates_are_listed(tmp_path: Path, empty: Office) -> None:
    empty.write("a.csv", ENGLISH)
    empty.write("b.json", JSON)
    ran = empty.run("init")
    assert ran.code == 2
    assert "scimsync init FILE (found a.csv, b.json)" in ran.err


@pytest.mark.parametrize("options", [[], ["--out", "other.toml"], ["-c", "other.toml"]])
def test_a_configuration_is_no_candidate(empty: Office, options: list[str]) -> None:
    empty.write("hr.csv", ENGLISH)
    for name in ("sync.toml", *options[1:]):
        empty.write(name, "[state]\n")

    ran = empty.run("init", "--force", *options)

    assert (ran.code, ran.err) == (0, "")
    assert "from hr.csv" in ran.out


def test_several_files_are_sampled_as_one_table(tmp_path: Path) -> None:
    from scimsync.sources.file.sample import sample

    (tmp_path / "hr-1.csv").write_text("id,mail\n1,a\n2,b\n")
    (tmp_path / "hr-2.csv").write_text("id,team\n3,x\n")
    with chdir(tmp_path):
        found = sample("hr-*.csv", 10)
        assert len(sample("hr-*.csv", 2).rows) == 2
    assert found.columns == ("id", "mail", "team")
    assert found.rows == (
        {"id": "1", "mail": "a", "team": None},
        {"id": "2", "mail": "b", "team": None},
        {"id": "3", "mail": None, "team": "x"},
    )


QUERY = "select i.id, mail, name from 'ids.csv' i join 'mails.csv' m on i.id = m.person"


def test_options_of_the_source_can_be_set(empty: Office) -> None:
    empty.write("ids.csv", "id,name\n07,Ann\n08,Bo\n")
    empty.write("mails.csv", "person,mail\n07,ann@example.com\n08,bo@example.com\n")
    ran = empty.run("init", "--type", "file", "--set", f"query={QUERY}")
    assert ran.code == 0, ran.err
    assert planned_names(empty) == ["ann@example.com", "bo@example.com"]


def test_the_key_can_be_set(empty: Office) -> None:
    empty.write("hr.csv", "Report\nlogin,badge\nann@example.com,A1\nbo@example.com,B2\n")
    ran = empty.run("init", "hr.csv", "--set", "skip=1", "--set", "key=badge")
    assert ran.code == 0, ran.err
    text = (empty.folder / "sync.toml").read_text()
    assert 'key = "badge"\n' in text
    assert "skip = 1\n" in text
    assert planned_names(empty) == ["ann@example.com", "bo@example.com"]


def test_a_set_path_is_relative_to_the_configuration(empty: Office) -> None:
    empty.write("hr.csv", ENGLISH)
    (empty.folder / "conf").mkdir()
    ran = empty.run("init", "hr.csv", "--set", 'encoding="utf-8"', "--out", "conf/sync.toml")
    assert ran.code == 0, ran.err
    assert planned_names(empty, "-c", "conf/sync.toml") == ["ann@example.com", "bo@example.com"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--type", "fiel"], "no type of source 'fiel': did you mean \"file\"?"),
        (["gopher://example.com"], "gopher://example.com: name the kind of source: --type "),
        (
            ["hr.csv", "--set", "skip"],
            "--set skip: write OPTION=VALUE, such as --set page_size=500",
        ),
        (["hr.csv", "--set", "skpi=2"], 'did you mean "skip"?'),
        (["hr.csv", "--set", "skip=many"], "skip: must be a number of lines"),
        (["none.csv", "--set", "skip=2"], "none.csv"),
    ],
)
def test_wrong_options_of_the_source(empty: Office, arguments: list[str], message: str) -> None:
    empty.write("hr.csv", ENGLISH)
    ran = empty.run("init", *arguments)
    assert (ran.code, ran.out) == (2 if arguments[0] != "none.csv" else 1, "")
    assert message in ran.err
    assert not (empty.folder / "sync.toml").exists()


def test_a_password_in_a_url_is_refused(empty: Office) -> None:
    ran = empty.run("init", "postgresql://scimsync:hunter2@db.example.com/hr")
    assert ran.code == 2
    assert "leave it out, and add --set password=env:NAME" in ran.err
    assert "hunter2" not in ran.err
