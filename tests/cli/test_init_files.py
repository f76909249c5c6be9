"""`scimsync init` with a file of each format: it finds the key and who works there."""

from __future__ import annotations

import gzip
import tomllib

import pytest

from tests.office import Office
from tests.workbooks import xlsx, zipped

ROWS = [
    ("id", "name", "mail", "status"),
    ("E-1", "Ada Lovelace", "ada@example.com", "active"),
    ("E-2", "Bo Diddley", "bo@example.com", "left"),
]
CSV = "".join(f"{','.join(row)}\n" for row in ROWS).encode()
PEOPLE = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
YAML = "".join(
    "- " + "\n  ".join(f"{name}: {value}" for name, value in person.items()) + "\n"
    for person in PEOPLE
).encode()
TOML = "".join(
    f"[people.{person['id']}]\n"
    + "".join(f'{name} = "{value}"\n' for name, value in person.items() if name != "id")
    for person in PEOPLE
).encode()


def of_a_person(person: dict[str, str]) -> bytes:
    return "".join(f"{name}: {person[name]}\n" for name in ("name", "mail", "status")).encode()


SHEETS = xlsx(ROWS, lambda book, _: book.create_sheet("Old").append(["x"]))
FILES: dict[str, tuple[dict[str, bytes], dict[str, str], tuple[str, ...]]] = {
    "hr.xlsx": ({"hr.xlsx": xlsx(ROWS)}, {}, ()),
    "sheets.xlsx": ({"sheets.xlsx": SHEETS}, {"sheet": "Staff"}, ("--set", "sheet=Staff")),
    "hr.csv.gz": ({"hr.csv.gz": gzip.compress(CSV)}, {}, ()),
    "b.zip/users.csv": ({"b.zip": zipped(users__csv=CSV, orgs__csv="x\n")}, {}, ()),
    "people.yaml": ({"people.yaml": YAML}, {}, ()),
    "people.toml": ({"people.toml": TOML}, {}, ()),
    "people/*.yaml": (
        {f"people/{person['id']}.yaml": of_a_person(person) for person in PEOPLE},
        {},
        (),
    ),
    "dos.csv": (
        {"dos.csv": CSV.replace(b"Lovelace", "Müller".encode("cp850"))},
        {"encoding": "cp850"},
        (),
    ),
    "utf16.csv": ({"utf16.csv": CSV.decode().encode("utf-16-le")}, {"encoding": "utf-16-le"}, ()),
}


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_each_format_gets_a_configuration(office: Office, path: str) -> None:
    files, settings, options = FILES[path]
    (office.folder / "sync.toml").unlink()
    for name, content in files.items():
        (office.folder / name).parent.mkdir(exist_ok=True)
        (office.folder / name).write_bytes(content)

    ran = office.run("init", path, *options)

    assert (ran.code, ran.err) == (0, "")
    document = tomllib.loads((office.folder / "sync.toml").read_text("utf-8"))
    (source,), (target,) = document["sources"].values(), document["targets"].values()
    assert source == {"type": "file", "path": path, "key": "id", **settings}
    assert target["scope"] == "status == 'active'"
    planned = office.run("plan", "--offline", "--json")
    (result,) = planned.document["targets"].values()
    assert [operation["key"] for operation in result["operations"]] == ["E-1"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("hr.xlsx", SHEETS, 'name the one to read: --set sheet="Staff"'),
        ("hr.zip", zipped(a__csv=CSV, b__csv=CSV), 'name one of them: "hr.zip/a.csv"'),
    ],
)
def test_a_file_that_may_be_several_sources_is_refused(
    office: Office, name: str, content: bytes, said: str
) -> None:
    (office.folder / "sync.toml").unlink()
    (office.folder / name).write_bytes(content)

    ran = office.run("init", name)

    assert (ran.code, said in ran.err) == (2, True)


def test_the_only_file_of_a_folder_may_be_of_any_format(office: Office) -> None:
    for path in office.folder.iterdir():
        path.unlink()
    (office.folder / "hr.csv.gz").write_bytes(gzip.compress(CSV))

    assert office.run("init").code == 0
