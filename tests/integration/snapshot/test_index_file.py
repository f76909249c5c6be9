"""The index beside the state database: whatever happens to it costs time and changes nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import World

DAY_ONE = "id,name,dept\n" + "".join(f"{number},name {number},IT\n" for number in range(3_000))
DAY_TWO = DAY_ONE.replace("name 7,", "NAME 7,")


def test_the_index_is_kept_from_push_to_push_and_for_its_owner_only(world: World) -> None:
    world.push(DAY_ONE)
    rebuilt = world.rebuilt

    assert list(world.push(DAY_TWO).changed) == ["7"]

    assert world.rebuilt == rebuilt
    assert world.index.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in world.folder.iterdir()) == ["hr.csv", "hr.index.duckdb"]


def test_the_index_holds_no_values(world: World) -> None:
    world.push("id,name,dept\n1,Annabella,Operations\n")

    assert b"Annabella" not in world.index.read_bytes()


def test_a_plan_stores_nothing(world: World) -> None:
    world.write(DAY_ONE)
    assert len(world.plan().new) == 3_000
    assert not world.index.exists()

    world.push()
    before = world.index.read_bytes()
    world.write(DAY_TWO)
    world.plan()
    assert world.index.read_bytes() == before


def missing(world: World) -> None:
    world.index.unlink()


def empty(world: World) -> None:
    world.index.write_bytes(b"")


def cut(world: World) -> None:
    content = world.index.read_bytes()
    world.index.write_bytes(content[: len(content) // 2])


def noise(world: World) -> None:
    world.index.write_bytes(b"noise" * 5_000)


def damaged(world: World) -> None:
    content = bytearray(world.index.read_bytes())
    for at in range(3 * 4096, len(content), 4096):  # past the headers: DuckDB opens it
        content[at + 100 : at + 200] = bytes(100)
    world.index.write_bytes(content)


def folder(world: World) -> None:
    world.index.unlink()
    world.index.mkdir()


def another_head(world: World) -> None:
    edit(world, "update kept.meta set head_seq = head_seq + 1")


def another_version(world: World) -> None:
    edit(world, "update kept.meta set duckdb = '0.1'")


def another_layout(world: World) -> None:
    edit(world, "update kept.meta set format = 0")


def another_database(world: World) -> None:
    edit(world, "drop table kept.meta")


def edit(world: World, statement: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{world.index}' as kept")
        connection.execute(statement)
        connection.execute("detach kept")


BROKEN = [
    missing,
    empty,
    cut,
    noise,
    damaged,
    another_head,
    another_version,
    another_layout,
    another_database,
]


@pytest.mark.parametrize("spoil", BROKEN)
def test_an_index_of_no_use_is_made_again(world: World, spoil: Callable[[World], None]) -> None:
    world.push(DAY_ONE)
    spoil(world)
    world.digest = None
    rebuilt = world.rebuilt

    assert world.plan().nothing
    assert world.rebuilt > rebuilt
    assert list(world.push(DAY_TWO).changed) == ["7"]
    rebuilt = world.rebuilt
    assert list(world.push(DAY_ONE).changed) == ["7"]
    assert world.rebuilt == rebuilt


def test_an_index_that_cannot_be_written_is_no_error(world: World) -> None:
    world.push(DAY_ONE)
    folder(world)
    world.write(DAY_TWO)

    with world.compare() as comparison:
        assert comparison.changed == 1
        assert not comparison.commit_index(2)
    assert [path.name for path in world.folder.iterdir() if path.name.startswith(".")] == []


def test_an_index_that_another_program_holds_is_not_waited_for(world: World) -> None:
    world.push(DAY_ONE)
    program = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1]); print('open', flush=True);"
        " sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(world.index)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        assert list(world.push(DAY_TWO).changed) == ["7"]
        other.communicate("\n")


def test_what_a_killed_run_left_beside_the_index_goes(world: World) -> None:
    left = world.folder / ".hr.index.duckdb.left"
    left.mkdir()
    (left / "hr.index.duckdb").write_bytes(b"half")

    world.push(DAY_ONE)

    assert not left.exists()


def test_stored_text_with_line_breaks_and_separators_is_read_back(world: World) -> None:
    world.push('id,name,dept\n"a\nb","x\x1fy",IT\n"c\rd",z,IT\n"e\x1ff",z,IT\n')
    world.stored = {key: data.replace(",", ",\n  ") for key, data in world.stored.items()}
    world.index.unlink()
    world.digest = None

    assert world.plan().nothing


def test_a_stored_record_of_millions_of_characters_is_read_back(world: World) -> None:
    breaks = "\n" * 1_500_000  # in JSON each takes two bytes
    world.push(f'id,name,dept\n1,"{breaks}",IT\n2,Bo,IT\n')
    world.index.unlink()
    world.digest = None

    assert world.plan().nothing


def test_head_alone_may_move_on(world: World) -> None:
    world.push(DAY_ONE)
    world.digest = None
    with world.compare() as comparison:
        assert comparison.commit_index(9)
    world.head_seq = 9
    rebuilt = world.rebuilt

    assert world.plan().nothing
    assert world.rebuilt == rebuilt
