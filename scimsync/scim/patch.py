"""The fewest PATCH operations that turn one document into another (RFC 7644 section 3.5.2).

`apply` (from `scimsync.scim.apply`) is the other half: what a service provider makes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scimsync.scim.apply import apply
from scimsync.scim.attributes import same_value
from scimsync.scim.operations import PatchOperation, patch_body
from scimsync.scim.places import Place, element_start, place

__all__ = ["PatchOperation", "apply", "diff", "patch_body"]


@dataclass(frozen=True, slots=True)
class _Entry:
    where: Place
    value: Any


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[PatchOperation]:
    """The operations that make a resource which holds `before` hold `after`; [] where they say the
    same.

    Only changed values are named: what neither document mentions is left alone. `replace` where
    `before` had a value, `add` where it had none, `remove` where `after` has none. An element that
    a filter chooses is added as a whole where `before` had nothing of it, because a `replace`
    through a filter that matches nothing fails (noTarget, section 3.5.2.3), and is removed as a
    whole where `after` has nothing of it. Removals come first, in the order of `before`, then the
    order of `after`. Lists are compared without order. Raises PathError for a path that cannot be
    set.
    """
    if len(before) == len(after) and all(
        text in before and same_value(before[text], value) for text, value in after.items()
    ):
        return []  # the most frequent case by far, so it takes the short way
    old, new = _entries(before), _entries(after)
    return [*_removals(old, new), *_settings(old, new)]


def _entries(document: Mapping[str, Any]) -> dict[str, _Entry]:
    """The document by place; an object as a value is taken apart, since a `replace` leaves out
    nothing (section 3.5.2.3)."""
    entries = {}
    for text, value in document.items():
        where = place(text)
        if isinstance(value, dict) and where.path.sub is None:
            parts = {f"{text}.{sub}": held for sub, held in value.items()}
        else:
            parts = {text: value}
        for part, held in parts.items():
            entry = _Entry(place(part), held)
            entries[entry.where.key] = entry
    return entries


def _removals(old: dict[str, _Entry], new: dict[str, _Entry]) -> Iterator[PatchOperation]:
    kept = {entry.where.element for entry in new.values()}
    removed = set()
    for key, entry in old.items():
        where = entry.where
        if key in new:
            continue
        if not where.pins or where.element in kept:
            yield PatchOperation("remove", str(where.path))
        elif where.element not in removed:
            removed.add(where.element)
            yield PatchOperation("remove", f"{where.path.parent}[{where.path.filter}]")


def _settings(old: dict[str, _Entry], new: dict[str, _Entry]) -> Iterator[PatchOperation]:
    there = {entry.where.element for entry in old.values()}
    added = set()
    for key, entry in new.items():
        where = entry.where
        if key in old:
            if not same_value(old[key].value, entry.value):
                yield PatchOperation("replace", str(where.path), entry.value)
        elif not where.pins or where.element in there:
            yield PatchOperation("add", str(where.path), entry.value)
        elif where.element not in added:
            added.add(where.element)
            parts = [other for other in new.values() if other.where.element == where.element]
            element = element_start(where) | {
                str(other.where.path.sub): other.value for other in parts
            }
            yield PatchOperation("add", where.path.parent, [element])
