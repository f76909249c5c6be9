"""The access rules that expressions reach, in an order in which each comes after those that it asks
for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scimsync.desired.expressions import Parsed


def reachable(rules: Mapping[str, Parsed], wanted: Iterable[str]) -> list[str]:
    """Names of the `wanted` rules and of all that they ask for, each after those that it asks for.

    Raises ConfigError, which names the circle, for rules that ask for each other.
    """
    order: list[str] = []
    for name in wanted:
        _visit(name, rules, order, [])
    return order


def _visit(name: str, rules: Mapping[str, Parsed], order: list[str], path: list[str]) -> None:
    if name in order:
        return
    if name in path:
        circle = " -> ".join([*path[path.index(name) :], name])
        raise rules[name].place.error(
            "access rules ask for each other in a circle", details=[circle], code="SYNC-0305"
        )
    for other in rules[name].uses.rules:
        _visit(other, rules, order, [*path, name])
    order.append(name)
