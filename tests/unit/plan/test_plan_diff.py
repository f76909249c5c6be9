"""Two plans are compared resource by resource: a table of pairs, and what is said of each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from scimsync.plan.plan_diff import TargetDiff, plan_diff
from scimsync.plan.plan_file import PlanFile, read_plan
from scimsync.plan.render.plan_comparison import diff_document, text_diff
from tests.unit.plan.shown_plans import HOSTILE

Json = dict[str, Any]


def change(path: str, before: object, after: object, **more: str) -> Json:
    return {"path": path, "before": before, "after": after, **more}


def one(
    action: str, key: str = "1", changes: Sequence[Json] = (), kind: str = "user", **more: Any
) -> Json:
    document = {"action": action, "kind": kind, "key": key, "reason": "why"}
    return {**document, "changes": list(changes), "requests": [], **more}


def target(*operations: Json, error: str | None = None) -> Json:
    counts: dict[str, int] = {}
    for each in operations:
        counts[each["action"]] = counts.get(each["action"], 0) + 1
    return {"counts": counts, "operations": operations, "error": error}


def plan_of(folder: Path, name: str, targets: Json) -> PlanFile:
    path = folder / name
    path.write_bytes(orjson.dumps({"targets": targets, "guard": None, "problems": []}))
    return read_plan(path)


def compared(folder: Path, old: Json, new: Json) -> tuple[list[TargetDiff], str]:
    diff = plan_diff(plan_of(folder, "old", old), plan_of(folder, "new", new))
    text = io.StringIO()
    text_diff("old", "new", diff, Console(file=text, highlight=False, soft_wrap=True))
    return diff, text.getvalue()


TITLE, OTHER = change("title", "a", "b"), change("title", "a", "c")
NICK = change("nickName", "x", None)
JOINS, LEAVES = change("members", None, "1", name="Ann"), change("members", "2", None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # the same, whatever the reason and the order of resources and attributes
        ([one("update", changes=[TITLE])], [one("update", changes=[TITLE])], []),
        ([one("update", changes=[TITLE, NICK])], [one("update", changes=[NICK, TITLE])], []),
        ([one("delete"), one("delete", "2")], [one("delete", "2"), one("delete")], []),
        ([one("delete")], [one("delete", reason="another")], []),
        ([], [], []),
        # in one of them
        (
            [one("delete")],
            [],
            ["  only in old:\n  x delete         1  why\n", "w: 1 only in old, 0 the same"],
        ),
        (
            [one("delete")],
            [one("delete"), one("create", "2", [change("title", None, "a")], name="Bob")],
            [
                '  only in new:\n  + create         2 (Bob)  why\n      title "a"\n',
                "w: 1 only in new, 1 the same",
            ],
        ),
        # in both
        (
            [one("update", changes=[TITLE, NICK])],
            [one("update", changes=[OTHER, NICK])],
            [
                '  different:\n  ~ update         1\n      title old: "a" → "b"\n'
                '            new: "a" → "c"\n\n',
                "w: 1 different, 0 the same",
            ],
        ),
        (
            [one("update", changes=[TITLE, NICK])],
            [one("update", changes=[TITLE])],
            ['      nickName old: "x" → removed\n               new: unchanged\n'],
        ),
        (
            [one("update", changes=[TITLE])],
            [one("delete")],
            ["  x delete         1  update in old, delete in new\n"],
        ),
        (
            [one("update", changes=[TITLE], requests=[{"method": "PATCH"}])],
            [one("update", changes=[TITLE], requests=[{"method": "PUT"}])],
            ["  ~ update         1\n      the same changes, by other requests\n"],
        ),
        # a user and a group with one key, and a group and its members, are not mixed up
        (
            [one("delete")],
            [one("delete", kind="group")],
            ["w: 1 only in old, 1 only in new, 0 the same"],
        ),
        (
            [one("update", changes=[TITLE], kind="group")],
            [
                one("update", changes=[TITLE], kind="group"),
                one("add_members", changes=[JOINS], kind="group"),
            ],
            ["  + add_members    group 1  why\n      + 1 (Ann)\n", "w: 1 only in new, 1 the same"],
        ),
        # members
        (
            [one("add_members", changes=[JOINS], kind="group")],
            [one("add_members", changes=[LEAVES], kind="group")],
            ["      + 1 (Ann)  only in old\n      - 2  only in new\n"],
        ),
    ],
)
def test_a_comparison(tmp_path: Path, old: list[Json], new: list[Json], said: list[str]) -> None:
    (diff,), text = compared(tmp_path, {"w": target(*old)}, {"w": target(*new)})

    assert diff.differs is bool(said)
    for words in said or ["w: no difference\n"]:
        assert words in text


def test_a_target_of_one_plan_and_one_that_could_not_be_planned(tmp_path: Path) -> None:
    old = {"w": target(one("delete")), "x": target(one("delete"))}
    new = {"x": target(error="no route to host"), "y": target(one("delete"))}

    diff, text = compared(tmp_path, old, new)

    assert [(each.name, each.differs) for each in diff] == [("w", True), ("x", True), ("y", True)]
    assert "w: 1 only in old, 0 the same" in text
    assert "  no plan in new: no route to host\n" in text
    document = diff_document("old", "new", diff)
    assert document["targets"]["x"]["errors"] == {"old": None, "new": "no route to host"}
    assert document["targets"]["y"]["only_new"] == [one("delete")]


def test_hostile_values_do_not_reach_the_terminal(tmp_path: Path) -> None:
    hostile = change(HOSTILE, HOSTILE, HOSTILE)
    old = {HOSTILE: target(one("update", HOSTILE, [hostile], name=HOSTILE), one("delete", "2"))}
    new = {
        HOSTILE: target(
            one("update", HOSTILE, [{**hostile, "after": 1}], name=HOSTILE),
            one("add_members", HOSTILE, [change("members", None, HOSTILE)], kind="group"),
        )
    }

    _, text = compared(tmp_path, old, new)

    assert HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e") in text
    assert not {"\x1b", "\u202e"} & set(text)
