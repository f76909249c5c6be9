"""A company that changes at random, and what its target should hold then."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.test_every_step import CONFIGURATION, GUARD, held
from tests.office import MANAGER, USER, Office, Row, person

DEPARTMENTS = ("IT", "Sales", "Law", "Care", "Stock")


def configured(folder: Path, url: str, token: str, state: str | None) -> Office:
    """An office with groups by department and by rule; leavers are deleted, no guard is in the
    way."""
    folder.mkdir()
    office = Office(folder, url, token, state=state)
    send(office, bulk=False)
    return office


def send(office: Office, *, bulk: bool) -> None:
    """Let its next pushes send bulk requests, or single ones only."""
    guard = GUARD.replace("100", "100000")
    target = f'leave = {{ action = "delete" }}\nbulk = {str(bulk).lower()}'
    office.configure(user=USER + MANAGER, target=target, guard=guard, more=CONFIGURATION)


def company(number: int, departments: int = len(DEPARTMENTS)) -> list[Row]:
    """People with managers, spread over departments."""
    names = [*DEPARTMENTS, *(f"Unit {one}" for one in range(departments))][:departments]
    return [
        person(
            one, dept=names[one % departments], manager=f"{(one // 7) + 1:05d}" if one > 7 else ""
        )
        for one in range(1, number + 1)
    ]


Holders = dict[str, set[str]]
"""userName -> the keys that have had it since a push settled everything."""


def change(rows: list[Row], chance: random.Random, holders: Holders) -> list[Row]:
    """Some move, some swap names, some leave, some come or come back.

    Nobody new gets a userName that another one of its `holders` may still have; they grow.
    """
    _note(rows, holders)
    rows = [dict(row) for row in rows]
    for _ in range(chance.randint(1, 12)):
        what = chance.random()
        one, other = chance.sample(rows, 2)
        if what < 0.35:
            one["dept"] = chance.choice(DEPARTMENTS)
        elif what < 0.5:
            one["email"], other["email"] = other["email"], one["email"]
        elif what < 0.65:
            one["manager"] = other["id"]
        elif len(rows) > 100 or (what < 0.8 and len(rows) > 20):
            rows.remove(one)
        else:
            there = {row["id"] for row in rows} | {row["email"] for row in rows}
            number = chance.choice(
                [
                    n
                    for n in range(1, 200)
                    if f"{n:05d}" not in there
                    and person(n)["email"] not in there
                    and holders.get(person(n)["email"], set()) <= {f"{n:05d}"}
                ]
            )
            rows.append(person(number, dept=chance.choice(DEPARTMENTS)))
    return rows


def _note(rows: list[Row], holders: Holders) -> None:
    for row in rows:
        holders.setdefault(row["email"], set()).add(row["id"])


def expected(rows: list[Row], base: str, token: str, folder: Path) -> tuple[Any, Any]:
    """What an undisturbed first push of `rows` to an empty tenant makes, by single requests."""
    office = configured(
        folder / secrets.token_hex(4), f"{base}/{secrets.token_hex(8)}/v2", token, None
    )
    office.hire(rows)
    assert office.push().exit_code == 0
    return held(office)


NewState = Callable[[], str | None]
