"""A push that dies at any step of its journal: the next one ends where an undisturbed one would,
and nothing is there twice.

Before that, a plan shows what it will do.
"""

from __future__ import annotations

import gc
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from scimsync.plan.render.json import journal_document
from scimsync.state.store import Store
from tests.chaos.scale import LONG
from tests.lifecycle.readback import read_all
from tests.office import MANAGER, USER, Office, Row, person

CONFIGURATION = """
[access]
Admin = "dept == 'IT'"
[targets.wiki.groups.departments]
each = "dept"
displayName = "'Department ' ~ value"
[targets.wiki.groups.admins]
displayName = { value = "Administrators" }
members = "'Admin' in access"
"""
GUARD = 'max_removals = 100\nmax_updates = 100\nmax_identity_changes = 100\nmin_records = "0%"\n'
STEPS = 60
"""More than a push has; those beyond its end change nothing."""

SHARDS = 6

RING = ["manager.value changed"]


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Ends everything at the `step`th transaction, before or after it was committed; from then on
    nothing can be written."""

    def __init__(self, step: int, committed: bool) -> None:
        self._step, self._committed = step, committed
        self.count = 0

    @contextmanager
    def write(self, original: Any, store: Store) -> Iterator[Connection]:
        self.count += 1
        if self.count > self._step or (self.count == self._step and not self._committed):
            raise Killed
        with original(store) as connection:
            yield connection
        if self.count == self._step:
            raise Killed


def before() -> list[Row]:
    """12 people with accounts."""
    return [
        *(person(number, manager="00001" if number > 1 else "") for number in range(1, 9)),
        *(person(number, dept="Sales", manager="00002") for number in range(9, 13)),
    ]


def after() -> list[Row]:
    """One leaves, two swap their names, some move, the manager is new, new people refer to each
    other, a department ends."""
    rows = {row["id"]: row for row in before()}
    del rows["00012"]
    rows["00003"]["email"], rows["00004"]["email"] = rows["00004"]["email"], rows["00003"]["email"]
    rows["00005"] |= {"dept": "Law", "manager": "00020"}
    rows["00009"]["dept"] = rows["00010"]["dept"] = rows["00011"]["dept"] = "IT"
    new = [
        person(20, manager="00021"),
        person(21, manager="00020", dept="Law"),
        person(22),
    ]
    return [*rows.values(), *new]


def office_of(folder: Path, real_server: tuple[str, str], state: str | None) -> Office:
    """An office with a server of its own, at which `before()` is true and somebody made an account
    by hand."""
    url, token = real_server
    office = Office(folder, f"{url}/{secrets.token_hex(8)}/v2", token, state=state)
    office.configure(
        user=USER + MANAGER, target='leave = { action = "delete" }', guard=GUARD, more=CONFIGURATION
    )
    office.hire(before())
    assert office.push().exit_code == 0
    import httpx2

    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "person21@example.com",
        "active": True,
    }
    made = httpx2.post(
        f"{office.url}/Users", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert made.status_code == 201
    office.hire(after())
    return office


def held(office: Office) -> tuple[Any, Any]:
    """What the target holds, with keys for ids; nobody may be there twice."""
    # others are not ours
    users = [one for one in read_all(office.url, office.token, "Users") if "externalId" in one]
    groups = read_all(office.url, office.token, "Groups")
    assert max(Counter(one["externalId"] for one in users).values()) == 1
    assert max(Counter(one["displayName"] for one in groups).values()) == 1
    keys = {one["id"]: one["externalId"] for one in users}
    shown = {}
    for one in users:
        rest = {
            name: value
            for name, value in one.items()
            if name not in ("id", "meta", "groups", "schemas")
        }
        for name, value in rest.items():
            if name.startswith("urn:") and "manager" in value:
                rest[name] = value | {"manager": keys.get(value["manager"]["value"], "nobody")}
        shown[one["externalId"]] = rest
    members = {
        one["displayName"]: {keys.get(member["value"]) for member in one.get("members", [])}
        for one in groups
    }
    return shown, {name: some - {None} for name, some in members.items()}


@pytest.fixture(scope="module")
def undisturbed(
    real_server: tuple[str, str], tmp_path_factory: pytest.TempPathFactory, then: str
) -> tuple[Any, Any]:
    """What the target holds after pushes that nobody kills."""
    office = office_of(tmp_path_factory.mktemp("undisturbed"), real_server, None)
    assert office.push().exit_code == 0
    if then == "back":  # what was begun is not wanted any more when the next push comes
        office.hire(before())
        assert office.push().exit_code == 0
    return held(office)


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("then", ["on", "back"], scope="module")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_push_that_dies_at_any_step_is_finished_by_the_next(
    shard: int,
    then: str,
    real_server: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    new_state: Callable[[], str | None],
    state_kind: str,
    undisturbed: tuple[Any, Any],
) -> None:
    original = Store.write
    # odd, so that steps are broken off before and after their transactions
    stride = 1 if LONG else 7 if state_kind == "sqlite" and then == "on" else 15
    for number in range(shard * stride, 2 * STEPS, SHARDS * stride):
        step, committed = number // 2 + 1, number % 2 == 1
        office = office_of(_folder(tmp_path, f"{step}-{committed}"), real_server, new_state())
        killer = Killer(step, committed)
        with monkeypatch.context() as patched:
            patched.setattr(
                Store, "write", lambda store, killer=killer: killer.write(original, store)
            )
            try:
                office.push()
            except Killed:
                pass
            else:
                assert killer.count < step
                return

        gc.collect()  # what the dead push left behind is nobody's warning
        if then == "back":
            office.hire(before())
        office.now += timedelta(minutes=3)
        planned = [_what(one) for one in office.plan()]
        outcome = office.push()

        sent = [_what(journal_document(one)) for one in office.journal()]
        missing, unforeseen = _apart(planned, sent), _apart(sent, planned)
        assert (step, committed, missing) == (step, committed, [])
        # two newcomers who refer to each other: the one made first hears of the other in a second
        # round
        assert (step, committed, [one["reason"] for one in unforeseen]) in (
            (step, committed, []),
            (step, committed, RING),
        )

        failed = [
            (one.key, one.action, one.detail) for one in office.journal() if one.status == "failed"
        ]
        assert (step, committed, failed) == (step, committed, [])
        assert (step, committed, outcome.exit_code, outcome.problems) == (step, committed, 0, ())
        assert held(office) == undisturbed, (step, committed)
        assert office.plan() == [], (step, committed)
        assert office.push().targets["wiki"].requests == 0, (step, committed)


def _apart(some: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in some if one not in others]


def _what(operation: dict[str, Any]) -> dict[str, Any]:
    """What is done and why, without requests: a plan does not know the ids of what the push will
    make."""
    return {name: operation[name] for name in ("action", "kind", "key", "reason", "changes")}


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
