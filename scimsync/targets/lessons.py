"""What was learned of the shapes that a target takes, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scimsync.model.target_memory import LearnedShape
from scimsync.scim.shapes import CHOICES, Axis
from scimsync.targets.learned_shapes import (
    BY_PUT,
    CREATED_WITHOUT,
    DEACTIVATION,
    DELETES,
    NOT_SHOWN,
    UNSHOWN,
)

GONE = "gone"
"""The state of a deleted resource that should be gone."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One difference from the first choices of `auto`.

    `is_loss`: the target does not keep an attribute. `why` is the reason for it, `since` the day.
    """

    text: str
    why: str
    since: str
    is_loss: bool = False

    def __str__(self) -> str:
        return f"{self.text}, since {self.since} ({self.why})"


def lessons(shapes: Mapping[str, LearnedShape]) -> Iterator[Lesson]:
    """Yield the lessons about a target, except for the choices that `auto` tries first."""
    for name, learned in sorted(shapes.items()):
        kind, slot, what = name.split(" ", 2)
        if what.startswith(NOT_SHOWN):
            path = what.removeprefix(NOT_SHOWN).strip()
            text = f"{path} of {kind}s is accepted and never shown"
            yield Lesson(text, learned.why, learned.learned_on, is_loss=True)
        elif what.startswith(CREATED_WITHOUT):
            path = what.removeprefix(CREATED_WITHOUT).strip()
            text = f"new {kind}s do not show {path}, which is sent"
            yield Lesson(text, learned.why, learned.learned_on, is_loss=True)
        elif what == DELETES:
            if learned.why != GONE:
                text = f"a deleted {kind} is {learned.why} instead of gone"
                yield Lesson(text, "DELETE", learned.learned_on)
        elif what.startswith(BY_PUT):
            text = f"{kind}s: {what.removeprefix(BY_PUT).strip()} by {CHOICES[Axis.WRITE]['put']}"
            yield Lesson(text, learned.why, learned.learned_on)
        elif (
            what != DEACTIVATION
            and not what.startswith(UNSHOWN)
            and learned.choice != next(iter(CHOICES[Axis(what)]))
        ):
            verb = "values are removed" if slot == "removing" else "values are set"
            words = CHOICES[Axis(what)][learned.choice]
            text = f"{kind}s: {verb} by {words} ({what} = {learned.choice})"
            yield Lesson(text, learned.why, learned.learned_on)
