"""Group targets by the people they are about.

Targets that share a source of users, directly or through other targets, are about one population:
a key means one person at all of them. In sources without such a connection, the same key may mean
different people.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def populations(names: Iterable[str], sources: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Return the targets `names` in groups of one population each.

    `sources` has the sources of users of all targets in sync.toml. Those that are not in `names`
    count as connections.
    """
    found: list[tuple[set[str], set[str]]] = []
    for name, used in sources.items():
        targets, origins = {name}, {*used}
        apart = []
        for each in found:
            if origins.isdisjoint(each[1]):
                apart.append(each)
            else:
                targets, origins = targets | each[0], origins | each[1]
        found = [*apart, (targets, origins)]
    wanted = list(names)
    groups = [[name for name in wanted if name in targets] for targets, _ in found]
    return [group for group in groups if group]
