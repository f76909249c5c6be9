"""Files of all formats are compared, watched, and refused if they change while they are read."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from scimsync.errors import ScimsyncError, SourceFormatError, SourceUnavailable
from scimsync.sources import SourceSpec
from scimsync.sources.file import FileSettings
from tests.integration.snapshot.conftest import World
from tests.workbooks import ods, xls, xlsx, zipped

Rows = list[tuple[str, str, str]]
HEAD = ("id", "name", "dept")
DAY_ONE: Rows = [("1", "Ann", "IT"), ("2", "Bo", "IT"), ("3", "Cy", "HR")]
DAY_TWO: Rows = [("1", "Ann", "IT"), ("2", "Bo", "HR"), ("4", "Di", "IT")]


def table(rows: Rows) -> bytes:
    return "".join(f"{','.join(row)}\n" for row in [HEAD, *rows]).encode()


def people(rows: Rows) -> list[dict[str, str]]:
    return [dict(zip(HEAD, row, strict=True)) for row in rows]


def toml(rows: Rows) -> bytes:
    return "".join(
        "[[people]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in each.items())
        for each in people(rows)
    ).encode()


FORMATS: dict[str, Callable[[Rows], bytes]] = {
    "hr.csv.gz": lambda rows: gzip.compress(table(rows)),
    "hr.zip": lambda rows: zipped(hr__csv=table(rows)),
    "hr.zip/users.csv": lambda rows: zipped(users__csv=table(rows), orgs__csv="id\n1\n"),
    "hr.xlsx": lambda rows: xlsx([HEAD, *rows]),
    "hr.ods": lambda rows: ods([HEAD, *rows]),
    "hr.yaml": lambda rows: json.dumps(people(rows)).encode(),
    "hr.toml": toml,
}


def put(world: World, path: str, rows: Rows) -> str:
    """Write a file of these rows, read it, and return the name of the file itself."""
    name = path.removesuffix("/users.csv")
    (world.folder / name).write_bytes(FORMATS[path](rows))
    settings = FileSettings.model_validate({"type": "file", "path": path, "key": "id"})
    world.spec = SourceSpec("hr", settings, world.folder)
    return name


@pytest.mark.parametrize("path", FORMATS)
def test_two_days_of_a_file(world: World, path: str) -> None:
    put(world, path, DAY_ONE)
    assert set(world.push().new) == {"1", "2", "3"}
    assert world.plan().unchanged

    put(world, path, DAY_TWO)
    outcome = world.push()

    assert (set(outcome.new), set(outcome.changed), outcome.gone) == ({"4"}, {"2"}, ["3"])
    assert outcome.changed["2"]["dept"] == "HR"
    assert outcome.problems == []


@pytest.mark.parametrize("how", ["write", "remove"])
@pytest.mark.parametrize("path", FORMATS)
def test_a_file_that_changes_while_it_is_read_is_not_used(
    world: World, path: str, how: str
) -> None:
    name = put(world, path, DAY_ONE)
    world.push()
    world.index.unlink()
    put(world, path, DAY_TWO)

    def change() -> None:
        if how == "write":
            (world.folder / name).write_bytes(FORMATS[path](DAY_ONE[:1]))
        else:
            (world.folder / name).unlink()

    world.while_it_is_read = change
    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        world.plan()


@pytest.mark.parametrize(
    ("setting", "watched"),
    [
        ({"path": "hr.csv.gz"}, ("hr.csv.gz",)),
        ({"path": "in/bundle.zip/users.csv"}, ("in/bundle.zip",)),
        ({"path": "in/*.zip/part-*.csv"}, ("in/*.zip",)),
        ({"path": "hr.xlsx"}, ("hr.xlsx",)),
        ({"query": "from 'b.zip/users.csv' join 'b.zip/orgs.csv' using (id)"}, ("b.zip",)),
    ],
)
def test_the_packed_file_is_watched(
    world: World, setting: dict[str, str], watched: tuple[str, ...]
) -> None:
    settings = FileSettings.model_validate({"type": "file", "key": "id", **setting})

    assert replace(world.spec, settings=settings).watch() == watched


@pytest.mark.parametrize(
    ("path", "module", "message"),
    [
        (
            "hr.xlsx",
            "python_calamine",
            "sync.toml: sources.hr.path: hr.xlsx: python-calamine, which reads workbooks, is not"
            ' installed [SYNC-0232]\n  install it with: pip install "scimsync[excel]"',
        ),
        (
            "hr.yaml",
            "yaml",
            "sync.toml: sources.hr.path: hr.yaml: PyYAML is not installed [SYNC-0232]\n"
            '  install it with: pip install "scimsync[yaml]"',
        ),
    ],
)
def test_a_library_that_is_missing_is_named(
    world: World, path: str, module: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, path, DAY_ONE)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SourceFormatError) as caught:
        world.plan()

    assert str(caught.value) == message


def damaged(content: bytes, random: Random) -> bytes:
    """The content with some bytes changed, cut out, or cut off."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 3, 10))):
        at = random.randrange(len(changed))
        how = random.choice(("change", "cut out", "cut off"))
        if how == "change":
            changed[at] = random.randrange(256)
        elif how == "cut out":
            del changed[at : at + random.randrange(1, 60)]
        else:
            del changed[at + 1 :]
        changed = changed or bytearray(b"x")
    return bytes(changed)


@pytest.mark.parametrize("path", [*FORMATS, "hr.xls"])
def test_a_damaged_file_is_refused_and_nobody_left(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUST_BACKTRACE", "0")
    content = xls() if path == "hr.xls" else FORMATS[path](DAY_ONE)
    name = path.removesuffix("/users.csv")
    settings = FileSettings.model_validate({"type": "file", "path": path, "key": "id"})
    world.spec = SourceSpec("hr", settings, world.folder)
    world.columns = ("name",)
    (world.folder / name).write_bytes(content)
    world.push()
    for seed in range(12):
        (world.folder / name).write_bytes(damaged(content, Random(seed)))
        try:
            outcome = world.plan()
        except ScimsyncError:
            continue
        # these have checksums, or parts that must fit together
        if path.endswith((".gz", ".csv", ".zip", ".xlsx", ".ods")):
            assert outcome.gone == []


def test_a_file_for_each_of_two_thousand_users(world: World) -> None:
    folder = world.folder / "people"
    folder.mkdir()
    for number in range(2_000):
        (folder / f"p{number}.yaml").write_text(f"name: Person {number}\ndept: IT\n")
    settings = FileSettings.model_validate({"type": "file", "path": "people/*.yaml", "key": "id"})
    world.spec = SourceSpec("hr", settings, world.folder)
    assert len(world.push().new) == 2_000

    (folder / "p7.yaml").unlink()

    assert world.push().gone == ["p7"]
