"""The shapes of requests that one target takes, learned from its answers.

A shape is moved only after the target refused it, or said that it took it and shows the old value.
Until the first use of a shape has shown that it works, other requests that depend on it wait.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from scimsync.model.ids import Kind
from scimsync.model.service_provider import Capabilities
from scimsync.model.target_memory import LearnedShape, TargetState
from scimsync.scim.dialects import Dialect
from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.shapes import CHOICES, NEVER_LEARNED, Axis, Shape, Shapes
from scimsync.scim.shaping import Use

_TRIALS = 2
"""After this number of resources for which no choice worked, the run tries no others."""

BY_PUT = "by put"
"""The name, before a path, of a value that only a PUT changes."""

NOT_SHOWN = "not shown"
"""The name, before a path, of an attribute that the target accepts and never shows."""

DELETES = "deletes"
"""The name of the proof that a deleted resource is gone, or deactivated."""

CREATED_WITHOUT = "created without"
"""The name, before a path, of an attribute that new resources do not show."""

UNSHOWN = "unshown"
"""The name, before that of a change, of one that was acknowledged and not shown."""

_UNSHOWN_NAME = f" setting {UNSHOWN} "

DEACTIVATION = "deactivation"
"""The name of what shows that the target takes access away in the present choices."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another shape for one change: `use` has another choice, or the change is made by PUT."""

    use: Use
    choice: str
    dialect: ShapedDialect


class LearnedShapes:
    """The known facts about the shapes that one target accepts.

    `start` has the shapes to begin with, `fixed` the axes that are known and never moved, and
    `remembered` what earlier runs learned. `declared` returns what the target says that it can do.
    """

    def __init__(
        self,
        start: ShapedDialect,
        remembered: Mapping[str, LearnedShape],
        today: date,
        *,
        fixed: Collection[Axis] = (),
        declared: Callable[[], Capabilities] = Capabilities,
    ) -> None:
        self.trial = asyncio.Lock()
        self._fixed = frozenset((*fixed, *NEVER_LEARNED))
        self._today = today
        self._declared = declared
        self._refuses_patch = False
        self._dialect = start
        self._exhausted: Counter[tuple[Kind, Use]] = Counter()
        self._ignored: set[tuple[Kind, Use]] = set()
        self.learned: dict[str, LearnedShape] = {}
        for name, lesson in remembered.items():
            self._recall(name, lesson)

    @property
    def dialect(self) -> ShapedDialect:
        """The dialect with the shapes that are known now."""
        if not self._refuses_patch and self._declared().patch is False:
            self._refuses_patch = True
            write: Use = ("setting", Axis.WRITE)
            for kind in Kind:
                if not self.is_proven(kind, write):
                    self._move(kind, write, "put")
        return self._dialect

    def _recall(self, name: str, lesson: LearnedShape) -> None:
        """Take over what an earlier run learned, unless it is no longer known."""
        words = name.split(" ", 2)
        if len(words) != 3 or words[0] not in (kind.value for kind in Kind):
            return
        kind, slot, what = Kind(words[0]), words[1], words[2]
        if what.startswith((BY_PUT, NOT_SHOWN, CREATED_WITHOUT, DELETES, UNSHOWN, DEACTIVATION)):
            self.learned[name] = lesson
            if what.startswith(BY_PUT):
                self._set_by_put(kind, what.removeprefix(BY_PUT).strip())
            return
        known = what in (axis.value for axis in Axis) and slot in ("setting", "removing")
        if not known or Axis(what) in self._fixed or lesson.choice not in CHOICES[Axis(what)]:
            return
        self.learned[name] = lesson
        chosen: Literal["setting", "removing"] = "setting" if slot == "setting" else "removing"
        self._move(kind, (chosen, Axis(what)), lesson.choice)

    # Knowledge

    def knows(self, kind: Kind, uses: Collection[Use]) -> bool:
        """Return whether no choice that a request depends on still needs proof."""
        return self.has_given_up(kind, uses) and not any(
            (kind, use) in self._ignored and not self.is_proven(kind, use) for use in uses
        )

    def has_given_up(self, kind: Kind, uses: Collection[Use]) -> bool:
        """Return whether the unproven choices are final, because no others are tried."""
        return all(
            self.is_proven(kind, use) or self._exhausted[kind, use] >= _TRIALS for use in uses
        )

    def is_proven(self, kind: Kind, use: Use) -> bool:
        """Return whether the choice on an axis is known to work."""
        return use[1] in self._fixed or _name(kind, use) in self.learned

    def prove(self, kind: Kind, uses: Collection[Use], why: str) -> None:
        """Note that the present choices work."""
        for use in uses:
            slot, axis = use
            if not self.is_proven(kind, use):
                choice = self._shape(kind, slot).choice(axis)
                self._learn(_name(kind, use), choice, why)

    def move(self, kind: Kind, paths: Collection[str], found: Alternative, why: str) -> None:
        """Note that an alternative worked where the present choice was refused.

        A choice that works for other attributes stays. If only PUT works, it is kept for `paths`.
        """
        is_proven = self.is_proven(kind, found.use)
        took_put_before = found.choice == "patch"
        if is_proven and found.choice == "put":
            for path in paths:
                self._set_by_put(kind, path.lower())
                self._learn(f"{kind} setting {BY_PUT} {path.lower()}", "put", why)
        elif took_put_before or not is_proven:
            self._settle(kind, found.use, found.choice, why)
        else:
            return
        self.learned.pop(_deactivation(kind), None)

    def give_up(self, kind: Kind, uses: Collection[Use], *, ignored: bool = False) -> None:
        """Note that no alternative worked for one resource, or that nothing shows whether one did.

        After a few, the present choices are trusted, unless the target `ignored` one.
        """
        for use in uses:
            self._exhausted[kind, use] += 1
            if ignored:
                self._ignored.add((kind, use))

    def takes_deactivations(self, kind: Kind) -> bool:
        """Return whether a resource showed that access was taken away in the present choices."""
        return _deactivation(kind) in self.learned

    def prove_deactivation(self, kind: Kind, why: str) -> None:
        """Note that a resource shows that access was taken away, or does not show access."""
        if not self.takes_deactivations(kind):
            self._learn(_deactivation(kind), "", why)

    def note_not_shown(self, kind: Kind, path: str, why: str) -> None:
        """Note that the target accepts an attribute in every shape and does not show it."""
        self._learn(f"{kind} setting {NOT_SHOWN} {path.lower()}", "", why)

    def note_created_without(self, kind: Kind, path: str, why: str) -> None:
        """Note that a new resource does not show an attribute that was sent."""
        name = f"{kind} setting {CREATED_WITHOUT} {path.lower()}"
        if name not in self.learned:
            self._learn(name, "", why)

    @property
    def has_unshown(self) -> bool:
        """Whether changes are noted that were acknowledged and not shown."""
        return any(_UNSHOWN_NAME in name for name in self.learned)

    def note_unshown(self, kind: Kind, change: str, after: str, now: datetime) -> None:
        """Note that the target acknowledged a change to `after` and did not show it afterwards.

        If it was noted before, the first time counts.
        """
        name = f"{kind}{_UNSHOWN_NAME}{change}"
        if name not in self.learned:
            self._learn(name, now.isoformat(), after)

    def unshown_since(self, kind: Kind, change: str, after: str) -> datetime | None:
        """Return when a change to `after` was first acknowledged and not shown, or None."""
        noted = self.learned.get(f"{kind}{_UNSHOWN_NAME}{change}")
        if noted is None or noted.why != after:
            return None
        return datetime.fromisoformat(noted.choice)

    def forget_unshown(self, kind: Kind, change: str) -> None:
        """Forget that a change was not shown."""
        self.learned.pop(f"{kind}{_UNSHOWN_NAME}{change}", None)

    def is_known_to_delete(self, kind: Kind) -> bool:
        """Return whether a deleted resource was seen to be gone, or deactivated."""
        return f"{kind} removing {DELETES}" in self.learned

    def note_deletion(self, kind: Kind, found: str) -> None:
        """Note the evidence about a resource after its deletion."""
        self._learn(f"{kind} removing {DELETES}", "", found)

    def note_single_operations(self, kind: Kind, why: str) -> None:
        """Note that the target accepts operations one by one that it refused together."""
        use: Use = ("setting", Axis.OPERATIONS)
        if not self.is_proven(kind, use):
            self._settle(kind, use, "single", why)

    def is_not_shown(self, kind: Kind, path: str) -> bool:
        """Return whether the target is known to accept an attribute and not to show it."""
        return f"{kind} setting {NOT_SHOWN} {path.lower()}" in self.learned

    def alternatives(
        self, kind: Kind, uses: Collection[Use], *, put_first: bool = False
    ) -> Iterator[Alternative]:
        """Yield other shapes for one change: one axis moved, then PUT, or PATCH in its place."""
        write: Use = ("setting", Axis.WRITE)
        others = [
            Alternative(use, choice, self._with(kind, use, choice))
            for use in sorted(uses, key=lambda one: list(CHOICES).index(one[1]))
            if use[1] not in (*self._fixed, Axis.WRITE, Axis.OPERATIONS)
            for choice in CHOICES[use[1]]
            if choice != self._shape(kind, use[0]).choice(use[1])
        ]
        by_put = []
        if Axis.WRITE not in self._fixed:
            choice = "patch" if self._shapes(kind).writes_by_put else "put"
            by_put = [Alternative(write, choice, self._with(kind, write, choice))]
        yield from (*by_put, *others) if put_first else (*others, *by_put)

    # The shapes

    def _learn(self, name: str, choice: str, why: str) -> None:
        self.learned[name] = LearnedShape(choice, why, self._today.isoformat())

    def _settle(self, kind: Kind, use: Use, choice: str, why: str) -> None:
        """Move to a choice that works, and remember it."""
        self._move(kind, use, choice)
        self._learn(_name(kind, use), choice, why)

    def _move(self, kind: Kind, use: Use, choice: str) -> None:
        self._dialect = self._with(kind, use, choice)

    def _set_by_put(self, kind: Kind, path: str) -> None:
        shapes = self._shapes(kind)
        self._dialect = self._replaced(kind, replace(shapes, by_put=shapes.by_put | {path}))

    def _with(self, kind: Kind, use: Use, choice: str) -> ShapedDialect:
        slot, axis = use
        shapes = self._shapes(kind)
        moved = self._shape(kind, slot).with_choice(axis, choice)
        if slot == "setting":
            return self._replaced(kind, replace(shapes, setting=moved))
        return self._replaced(kind, replace(shapes, removing=moved))

    def _replaced(self, kind: Kind, shapes: Shapes) -> ShapedDialect:
        if kind is Kind.USER:
            return replace(self._dialect, user=shapes)
        return replace(self._dialect, group=shapes)

    def _shapes(self, kind: Kind) -> Shapes:
        return self._dialect.shapes(kind)

    def _shape(self, kind: Kind, slot: Literal["setting", "removing"]) -> Shape:
        return self._shapes(kind).shape(removes=slot == "removing")


def open_shapes(
    dialect: Dialect,
    known: TargetState,
    url: str,
    today: date,
    fixed: Mapping[str, str],
    declared: Callable[[], Capabilities],
) -> LearnedShapes | None:
    """Return the shapes of a target, or None if its dialect does not adapt.

    They begin with what discovery, the profile (`fixed`), and earlier runs at the same url say.
    """
    if not isinstance(dialect, ShapedDialect) or not dialect.adapts:
        return None
    shape = dialect.user.setting
    for axis, choice in fixed.items():
        shape = shape.with_choice(Axis(axis), choice)
    start = Shapes(setting=shape, removing=shape)
    remembered = known.shapes if known.url in (None, url) else {}
    return LearnedShapes(
        replace(dialect, user=start, group=start),
        remembered,
        today,
        fixed=[Axis(axis) for axis in fixed],
        declared=declared,
    )


def _name(kind: Kind, use: Use) -> str:
    slot, axis = use
    return f"{kind} {slot} {axis}"


def _deactivation(kind: Kind) -> str:
    return f"{kind} setting {DEACTIVATION}"
