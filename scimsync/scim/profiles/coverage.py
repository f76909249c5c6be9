"""Whether the attribute lists of profiles have an attribute."""

from __future__ import annotations

from collections.abc import Iterable

from scimsync.scim.paths import Path, parse_path

_ALWAYS = frozenset({"externalid", "schemas", "active", "username"})
"""Attributes that each product reads or ignores."""

_BESIDE_VALUES = frozenset({"type", "primary", "display"})
"""Sub-attributes that go with each value of a multi-valued attribute (RFC 7643 section 2.4)."""


def covers(paths: Iterable[str], path: str) -> bool:
    """Return whether `path` is one of `paths`, or a part of one, or the whole of one.

    Letters may differ in case. A path without a filter stands for all elements.
    """
    wanted = parse_path(path)
    if wanted.schema is None and wanted.attribute.lower() in _ALWAYS:
        return True
    return any(_fits(parse_path(one), wanted) for one in paths)


def lies_within(paths: Iterable[str], path: str) -> bool:
    """Return whether `path` is one of `paths`, or a part of one.

    Letters may differ in case. A path without a filter stands for all elements.
    """
    wanted = parse_path(path)
    return any(_contains(parse_path(one), wanted) for one in paths)


def _contains(whole: Path, part: Path) -> bool:
    return (
        _name(whole) == _name(part)
        and (whole.filter is None or str(whole.filter) == str(part.filter))
        and (whole.sub is None or whole.sub.lower() == (part.sub or "").lower())
    )


def _fits(known: Path, wanted: Path) -> bool:
    if _name(known) != _name(wanted):
        return False
    if None not in (known.filter, wanted.filter) and str(known.filter) != str(wanted.filter):
        return False
    subs = {sub.lower() for sub in (known.sub, wanted.sub) if sub is not None}
    return len(subs - _BESIDE_VALUES) < 2


def _name(path: Path) -> tuple[str, str]:
    return (path.schema or "").lower(), path.attribute.lower()
