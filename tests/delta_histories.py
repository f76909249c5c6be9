"""Random days of a tenant of Microsoft Entra ID, with whatever may go wrong with its changes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from tests.servers.vendors.entra_delta import DeltaOfUsers
from tests.sources_company import Company, Person


def live_a_day(tenant: DeltaOfUsers, pool: Mapping[str, Person], chance: random.Random) -> None:
    """Create, change, delete, and restore users of `pool`, and choose what goes wrong today."""
    people = dict(tenant.people)
    for _ in range(chance.randrange(6)):
        key = chance.choice(list(people))
        match chance.randrange(5):
            case 0 if len(people) > 1:
                people.pop(key)
            case 1 | 2:
                department = chance.choice(["Legal", "IT", ""]) or None
                people[key] = replace(people[key], department=department)  # type: ignore[arg-type]
            case 3:
                people[key] = replace(people[key], active=not people[key].active)
            case _:
                back = chance.choice(list(pool))
                people.setdefault(back, pool[back])
        if chance.random() < 0.5:
            tenant.change_to(Company(tuple(people.values()), ()))
    tenant.change_to(Company(tuple(people.values()), ()))
    faults = tenant.faults
    faults.replays = chance.choice([0, 0, 5])
    faults.apart = chance.random() < 0.3
    faults.gone = chance.random() < 0.1
    faults.untrue = chance.choice(["", "", *people])
    faults.expired_before = tenant.number if chance.random() < 0.1 else 0
