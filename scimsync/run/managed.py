"""What a target manages of its users and of each of its groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scimsync.desired.groups import name_of
from scimsync.model.ids import Key, Kind
from scimsync.run.compiled import CompiledTarget, create_only_paths
from scimsync.targets.matching import Matcher

NO_TABLE = ""
"""The name of the matcher for groups of tables that are no longer in sync.toml."""


def group_matcher(matchers: Mapping[str, Matcher], key: Key) -> Matcher:
    """Return the matcher that finds and reads a group."""
    return matchers.get(name_of(key)) or matchers[NO_TABLE]


def managed_paths(target: CompiledTarget, kind: Kind, key: Key) -> Sequence[str]:
    """Return the managed paths of a resource."""
    if kind is Kind.USER:
        return target.program.paths
    rule = target.groups.get(name_of(key))
    return rule.program.paths if rule is not None else ()


def create_only(target: CompiledTarget, kind: Kind, key: Key) -> frozenset[str]:
    """Return the paths of a resource that are sent at creation only."""
    if kind is Kind.USER:
        return create_only_paths(target.program)
    rule = target.groups.get(name_of(key))
    return create_only_paths(rule.program) if rule is not None else frozenset()
