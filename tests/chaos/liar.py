"""How a target lies, day by day."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from tests.servers.faulty import Seen
from tests.servers.lying import INSTEAD, Choice, Lie, lies_about, subject

Mood = Callable[[random.Random], Choice]
ATTRIBUTES = ("active", "userName", "displayName", "name", "roles", "emails", "urn:")


def _honest(day: random.Random) -> Choice:
    return lambda seen, chance: None


def _at_random(share: float) -> Mood:
    """Any lie, about any request."""

    def mood(day: random.Random) -> Choice:
        return lambda seen, chance: _any_lie(seen, chance) if chance.random() < share else None

    return mood


def _one_lie(share: float) -> Mood:
    """For each kind of request always the same lie, about a share of the kinds."""

    def mood(day: random.Random) -> Choice:
        number = day.random()

        def choose(seen: Seen, _chance: random.Random) -> Lie | None:
            kind = (seen.method, seen.path[:3], seen.path.count("/") > 1, "filter" in seen.query)
            chance = random.Random(f"{number} {kind}")
            return _any_lie(seen, chance) if chance.random() < share else None

        return choose

    return mood


def _records(day: random.Random) -> Choice:
    """About some resources always the same lie."""
    number = day.random()

    def choose(seen: Seen, _chance: random.Random) -> Lie | None:
        chance = random.Random(f"{number} {seen.path} {subject(seen)}")
        return _any_lie(seen, chance) if chance.random() < 0.3 else None

    return choose


def _attribute(day: random.Random) -> Choice:
    """One attribute cannot be changed."""
    refused = day.choice(ATTRIBUTES)
    lie = INSTEAD[
        day.choice(("400", "400 invalidPath", "400 invalidValue", "403", "409", "500", "501"))
    ]

    def choose(seen: Seen, chance: random.Random) -> Lie | None:
        operations = (seen.body or {}).get("Operations", ())
        named = any((one.get("path") or "").startswith(refused) for one in operations)
        return lie if named else None

    return choose


def _everything(day: random.Random) -> Choice:
    """One lie about everything."""
    lie = INSTEAD[
        day.choice(("401", "404", "404 without a body", "404 of a gateway", "404 page", "500"))
    ]
    return lambda seen, chance: lie


def _any_lie(seen: Seen, chance: random.Random) -> Lie:
    return chance.choice(list(lies_about(seen).values()))


MOODS: Mapping[str, Mood] = {
    "honest": _honest,
    "10 % lies": _at_random(0.1),
    "30 % lies": _at_random(0.3),
    "60 % lies": _at_random(0.6),
    "20 % of kinds": _one_lie(0.2),
    "40 % of kinds": _one_lie(0.4),
    "70 % of kinds": _one_lie(0.7),
    "some resources": _records,
    "an attribute": _attribute,
    "everything": _everything,
}


def any_mood(day: random.Random) -> tuple[str, Choice]:
    """Return the name of a mood, and how the target lies in it."""
    name = day.choice(list(MOODS))
    return name, MOODS[name](day)
