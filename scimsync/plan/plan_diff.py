"""How two plans differ: what only one of them does, and what they do differently.

Operations are compared by what they change and by their requests, not by their reasons or their
order among other users and groups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import orjson

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind
from scimsync.model.operations import MEMBERSHIP_ACTIONS
from scimsync.plan.plan_file import Json, ListedOperation, PlanFile, listed
from scimsync.plan.shown_plan import ShownTarget

_Subject = tuple[Kind, Key, bool]
"""Kind and key of a resource, and whether it is about the members of that group."""

_NOTHING: Json = {"operations": ()}


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """The operations of two plans on one user or group, or on the members of one group.

    `old` or `new` is empty if only the other plan has some.
    """

    kind: Kind
    key: Key
    is_about_members: bool
    old: tuple[ListedOperation, ...]
    new: tuple[ListedOperation, ...]

    @property
    def changes(self) -> list[tuple[Change | None, Change | None]]:
        """The changes that are not in both plans, one of each plan for a path or a member."""
        before, after = (
            {_place(change): change for one in side for change in one.shown.operation.changes}
            for side in (self.old, self.new)
        )
        return [
            (before.get(place), after.get(place))
            for place in {**before, **after}
            if before.get(place) != after.get(place)
        ]


@dataclass(frozen=True, slots=True)
class TargetDiff:
    """How two plans differ for one target. `same` is the number of resources that do not.

    `errors` say why the old and the new plan has no operations, if they could not be made.
    """

    name: str
    only_old: tuple[PlanDifference, ...]
    only_new: tuple[PlanDifference, ...]
    changed: tuple[PlanDifference, ...]
    same: int
    errors: tuple[str | None, str | None] = (None, None)

    @property
    def differs(self) -> bool:
        """Whether the plans differ for the target."""
        errors = self.errors[0] != self.errors[1]
        return errors or bool(self.only_old or self.only_new or self.changed)


def plan_diff(old: PlanFile, new: PlanFile) -> list[TargetDiff]:
    """Return how two plans differ, for each target of either of them."""
    olds, news = ({target.name: target for target in one.plan.targets} for one in (old, new))
    return [
        _target_diff(name, (old, new), (_error(olds.get(name)), _error(news.get(name))))
        for name in {**olds, **news}
    ]


def _error(target: ShownTarget | None) -> str | None:
    return None if target is None else target.error


def _operations(plan: PlanFile, target: str) -> Iterable[Json]:
    documents: Iterable[Json] = plan.document["targets"].get(target, _NOTHING)["operations"]
    return documents


def _subject(document: Json) -> _Subject:
    is_about_members = document["action"] in MEMBERSHIP_ACTIONS
    return Kind(document["kind"]), Key(document["key"]), is_about_members


def _digests(operations: Iterable[Json]) -> dict[_Subject, bytes]:
    """Return a digest of the operations on each subject, in their order."""
    found: dict[_Subject, bytes] = {}
    for document in operations:
        subject = _subject(document)
        text = found.get(subject, b"") + _essence(document)
        found[subject] = hashlib.blake2b(text, digest_size=16).digest()
    return found


def _essence(document: Json) -> bytes:
    """Return the part that decides whether two operations on one resource are the same."""
    changes = [repr((one["path"], one["before"], one["after"])) for one in document["changes"]]
    adopted = (document.get("adoption") or {}).get("remote_id")
    parts = [document["action"], adopted, sorted(changes), document.get("requests")]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)


def _target_diff(
    name: str, plans: tuple[PlanFile, PlanFile], errors: tuple[str | None, str | None]
) -> TargetDiff:
    old, new = (_digests(_operations(plan, name)) for plan in plans)
    subjects = dict.fromkeys([*old, *new])
    differing = {one for one in subjects if old.get(one) != new.get(one)}
    sides = [_listed(_operations(plan, name), differing) for plan in plans]
    differences = [
        PlanDifference(*subject, *(tuple(side.get(subject, ())) for side in sides))
        for subject in subjects
        if subject in differing
    ]
    return TargetDiff(
        name=name,
        only_old=tuple(one for one in differences if not one.new),
        only_new=tuple(one for one in differences if not one.old),
        changed=tuple(one for one in differences if one.old and one.new),
        same=len(subjects) - len(differing),
        errors=errors,
    )


def _listed(
    operations: Iterable[Json], subjects: Collection[_Subject]
) -> dict[_Subject, list[ListedOperation]]:
    found: dict[_Subject, list[ListedOperation]] = {}
    for document in operations if subjects else ():
        if (subject := _subject(document)) in subjects:
            found.setdefault(subject, []).append(listed(document))
    return found


def _place(change: Change) -> tuple[str, str]:
    """Return the path of an attribute; of a member also the key, because all have one path."""
    if change.path.partition("[")[0] != "members":
        return change.path, ""
    return change.path, str(change.before if change.after is None else change.after)
