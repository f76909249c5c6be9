"""The differences between two documents, value by value, whatever request makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scimsync.scim.attributes import at_top, same_value
from scimsync.scim.settable import SettablePath, settable_path


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is to be set or removed.

    `before` is the value that it replaces. `is_new`: there was none. `element` is the whole element
    if it is added to a multi-valued attribute or removed. `ends_element`: it goes.
    """

    where: SettablePath
    value: Any = None
    is_removal: bool = False
    is_new: bool = False
    before: Any = None
    element: Mapping[str, Any] | None = None
    ends_element: bool = False

    @property
    def schema(self) -> str | None:
        """The URN of the extension that the attribute belongs to, or None for a core attribute."""
        schema = self.where.path.schema
        return None if at_top(schema) else schema


@dataclass(frozen=True, slots=True)
class _Entry:
    where: SettablePath
    value: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the differences that turn a resource with the values `before` into one with `after`.

    Only changed values are named, so that attributes in neither document stay as they are. If
    `before` has no value in an element that a filter selects, the whole element is new; if `after`
    has none, it goes. Removals come first, in the order of `before`; the others follow in the order
    of `after`. Lists are compared without order.

    Raise PathError for a path that cannot be set.
    """
    if len(before) == len(after) and all(
        text in before and same_value(before[text], value) for text, value in after.items()
    ):
        return []  # a shortcut for by far the most frequent case
    old, new = _entries(before), _entries(after)
    return [*_removals(old, new), *_settings(old, new)]


def _entries(document: Mapping[str, Any]) -> dict[str, _Entry]:
    """Return the values of a document by the key of their path.

    Objects are split into their sub-attributes, because a `replace` of an object keeps those that
    it does not name (RFC 7644 section 3.5.2.3).
    """
    entries = {}
    for text, value in document.items():
        where = settable_path(text)
        if isinstance(value, dict) and where.path.sub is None:
            parts = {f"{text}.{sub}": held for sub, held in value.items()}
        else:
            parts = {text: value}
        for part, held in parts.items():
            entry = _Entry(settable_path(part), held)
            entries[entry.where.key] = entry
    return entries


def _removals(old: dict[str, _Entry], new: dict[str, _Entry]) -> Iterator[Difference]:
    kept = {entry.where.element for entry in new.values()}
    removed = set()
    for key, entry in old.items():
        where = entry.where
        if key in new:
            continue
        if not where.pins or where.element in kept:
            yield Difference(where, before=entry.value, is_removal=True)
        elif where.element not in removed:
            removed.add(where.element)
            yield Difference(
                where,
                before=entry.value,
                is_removal=True,
                element=_element(where, old),
                ends_element=True,
            )


def _settings(old: dict[str, _Entry], new: dict[str, _Entry]) -> Iterator[Difference]:
    existing = {entry.where.element for entry in old.values()}
    added = set()
    for key, entry in new.items():
        where = entry.where
        if key in old:
            if not same_value(old[key].value, entry.value):
                yield Difference(where, entry.value, before=old[key].value)
        elif not where.pins or where.element in existing:
            yield Difference(where, entry.value, is_new=True)
        elif where.element not in added:
            added.add(where.element)
            yield Difference(where, entry.value, is_new=True, element=_element(where, new))


def _element(where: SettablePath, entries: Mapping[str, _Entry]) -> dict[str, Any]:
    """Return the element of a multi-valued attribute that a path selects, as `entries` have it."""
    parts = [entry for entry in entries.values() if entry.where.element == where.element]
    return where.new_element() | {str(entry.where.path.sub): entry.value for entry in parts}
