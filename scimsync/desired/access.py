"""The access rules that expressions use, ordered so that each follows the rules it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scimsync.desired.expressions import Parsed


def reachable(rules: Mapping[str, Parsed], wanted: Iterable[str]) -> list[str]:
    """Return the names of the `wanted` rules and of all rules they refer to.

    Each name follows the rules that it refers to. Raise ConfigError, with the cycle in its details,
    if rules refer to each other in a cycle.
    """
    order: list[str] = []
    for name in wanted:
        _visit(name, rules, order, [])
    return order


def _visit(name: str, rules: Mapping[str, Parsed], order: list[str], path: list[str]) -> None:
    if name in order:
        return
    if name in path:
        cycle = " -> ".join([*path[path.index(name) :], name])
        raise rules[name].place.error(
            "access rules ask for each other in a circle", details=[cycle], code="SYNC-0305"
        )
    for other in rules[name].uses.rules:
        _visit(other, rules, order, [*path, name])
    order.append(name)
