"""A plan as Markdown fits into a comment, and says what it leaves out."""

from __future__ import annotations

import re

import pytest

from scimsync.model.changes import Change
from scimsync.model.operations import Action, Operation
from scimsync.model.records import Problem
from scimsync.plan.render.markdown import MOST_CHARS, markdown_plan
from scimsync.plan.shown_plan import ShownPlan
from tests.unit.plan.shown_plans import hostile, operation, target


def text_of(plan: ShownPlan, whole: str | None = None) -> str:
    return "\n".join(markdown_plan(plan, whole)) + "\n"


def creations(number: int, title: str = "Nurse") -> list[Operation]:
    return [
        operation(Action.CREATE, f"{at:05}", changes=(Change("title", None, title),))
        for at in range(number)
    ]


def left_out(text: str) -> list[int]:
    return [int(one.replace(",", "")) for one in re.findall(r"… \| ([0-9,]+) more", text)]


@pytest.mark.parametrize("number", [1, 200, 5000])
@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("title", ["Nurse", "|" * 1000])
def test_no_plan_is_longer_than_a_comment(number: int, targets: int, title: str) -> None:
    plan = ShownPlan(
        tuple(target(creations(number, title), f"t{at}") for at in range(targets)),
        guard=tuple(f"guard {at}: {'x' * 200}" for at in range(300)),
        problems=tuple(Problem("hr", at, None, "bad " * 50) for at in range(300)),
    )

    text = text_of(plan)

    assert len(text) <= MOST_CHARS
    assert text.count("| \\+ create |") + sum(left_out(text)) == number * targets
    assert "more problems" in text


def test_each_target_has_room() -> None:
    plan = ShownPlan(
        (target(creations(5000)), target(creations(3), "a"), target(creations(9), "b"))
    )

    text = text_of(plan, "tonight.plan")

    assert MOST_CHARS - 2000 < len(text) <= MOST_CHARS
    assert text.count("| \\+ create |") == 5000 - left_out(text)[0] + 3 + 9
    assert len(left_out(text)) == 1
    assert "more in <code>tonight\\.plan</code> |" in text


def test_many_targets_are_counted() -> None:
    few, many = (
        text_of(ShownPlan(tuple(target(creations(1), f"target-{at}") for at in range(number))))
        for number in (500, 2000)
    )

    assert len(few) <= MOST_CHARS
    assert few.count("### target") == 500
    text = many
    assert "2,000 targets, too many to be listed here" in text


def test_a_short_plan_is_whole() -> None:
    text = text_of(ShownPlan((target(creations(300)),)), "tonight.plan")

    assert left_out(text) == []
    assert "tonight" not in text


def test_hostile_values_are_text() -> None:
    text = text_of(hostile())

    assert not {"\x1b", "\u202e"} & set(text)
    assert "<script>" not in text
    assert "\\@team" in text
    assert not re.search(r"(?<!\\)[|@`*\[]team|(?<!\\)\*bold", text)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
