"""What tests of doubt share: a proxy with a script before a real server, a push that dies, the
target as others change it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import httpx2
import pytest

from scimsync.execute import executor
from scimsync.execute.operation_outcome import OperationOutcome
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.model.operations import JournaledOperation
from scimsync.state.store import Store
from tests.lifecycle.readback import read_all
from tests.office import Office
from tests.servers.proxy import Proxy

SOON = timedelta(minutes=6)
"""The pause after a first failure is over then."""
NO_GUARD = 'max_removals = 1000\nmax_updates = "100%"\nmin_records = "0%"\n'
DELETE = 'leave = { action = "delete" }'
POST_USER, FIND_USER, PATCH_USER, DELETE_USER = (
    "POST /[^?]*/Users$",
    "GET /.*/Users\\?filter",
    "PATCH .*/Users/",
    "DELETE .*/Users/",
)
POST_GROUP, FIND_GROUP, PATCH_GROUP, DELETE_GROUP = (
    "POST /[^?]*/Groups$",
    "GET /.*/Groups\\?filter",
    "PATCH .*/Groups/",
    "DELETE .*/Groups/",
)
REFUSAL = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
    "status": "400",
    "detail": "not so",
}
LIST_USERS, LIST_GROUPS = "GET /.*/Users\\?startIndex", "GET /.*/Groups\\?startIndex"
UNSEEN_USER = {
    POST_USER: ["late 500"],
    FIND_USER: ["", "", *["500"] * 5],
    LIST_USERS: ["500"] * 5,
}
"""An account is made, and no answer and no look-up says so; before that it is looked for by two
attributes."""
UNSEEN_GROUP = {
    POST_GROUP: ["late 500"],
    FIND_GROUP: ["", *["500"] * 5],
    LIST_GROUPS: ["500"] * 5,
}


class Script:
    """Spoils the answers to requests whose line fits a pattern, each pattern's in the order given,
    and no others."""

    def __init__(self) -> None:
        self.plan: dict[str, list[str]] = {}

    def __call__(self, line: str, _body: bytes) -> str:
        for pattern, ways in self.plan.items():
            if ways and re.search(pattern, line):
                how, *self.plan[pattern] = ways
                return how
        return ""


Proxied = tuple[Office, Proxy]


class Killed(BaseException):
    """The process is gone."""


def push_that_dies(
    office: Office,
    monkeypatch: pytest.MonkeyPatch,
    where: object,
    name: str,
    replaced: Callable[..., Any],
) -> None:
    """A push in which `where.name` is `replaced`, called with what ends the process: nothing can be
    written from then on."""
    _dies(monkeypatch, where, name, replaced, office.push)


def _dies(
    monkeypatch: pytest.MonkeyPatch,
    where: object,
    name: str,
    replaced: Callable[..., Any],
    run: Callable[[], object],
) -> None:
    dead: list[bool] = []
    write = Store.write

    def die() -> NoReturn:
        dead.append(True)
        raise Killed

    def write_no_more(self: Store) -> Any:
        if dead:
            raise Killed
        return write(self)

    with monkeypatch.context() as patched:
        patched.setattr(where, name, replaced(die))
        patched.setattr(Store, "write", write_no_more)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - asyncio may wrap it
            run()
    assert dead


def pushed_until(
    office: Office, monkeypatch: pytest.MonkeyPatch, which: Callable[[JournaledOperation], bool]
) -> None:
    """A push that dies right after an operation `which` was carried out."""
    dies_after(monkeypatch, which, office.push)


def dies_after(
    monkeypatch: pytest.MonkeyPatch,
    which: Callable[[JournaledOperation], bool],
    run: Callable[[], object],
) -> None:
    """A `run` that dies right after an operation `which` was carried out."""
    send = vars(executor)["send_operation"]

    def dying(die: Callable[[], NoReturn]) -> Callable[..., Any]:
        async def send_and_die(sending: Sending, prepared: PreparedOperation) -> OperationOutcome:
            outcome: OperationOutcome = await send(sending, prepared)
            if which(prepared.operation):
                die()
            return outcome

        return send_and_die

    _dies(monkeypatch, executor, "send_operation", dying, run)


def names(office: Office, collection: str = "Groups") -> list[str]:
    """What the target's groups, or `Users`, are called."""
    attribute = "displayName" if collection == "Groups" else "userName"
    return sorted(one[attribute] for one in read_all(office.url, office.token, collection))


def one_of(office: Office, collection: str, **values: str) -> dict[str, Any]:
    """The one user or group that holds `values`."""
    (found,) = (
        one
        for one in read_all(office.url, office.token, collection)
        if all(one.get(name) == is_ for name, is_ in values.items())
    )
    return found


def change(office: Office, collection: str, ident: str, **values: Any) -> None:
    """Somebody else changes a resource; None removes."""
    operations = [
        {"op": "remove", "path": path}
        if value is None
        else {"op": "replace", "path": path, "value": value}
        for path, value in values.items()
    ]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
    answer = httpx2.patch(f"{office.url}/{collection}/{ident}", json=body, headers=_headers(office))
    assert answer.is_success, answer.text


def add_group(office: Office, name: str, members: list[str]) -> str:
    """Somebody else makes a group of the accounts with these ids; gives its id."""
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": name,
        "members": [{"value": one} for one in members],
    }
    made = httpx2.post(f"{office.url}/Groups", json=body, headers=_headers(office))
    assert made.is_success, made.text
    return str(made.json()["id"])


def delete(office: Office, collection: str, ident: str) -> None:
    """Somebody else deletes a resource."""
    httpx2.delete(f"{office.url}/{collection}/{ident}", headers=_headers(office)).raise_for_status()


def requests(office: Office, later: timedelta = SOON) -> int:
    """How many requests the next push makes."""
    return office.push(later=later).targets["wiki"].requests


def _headers(office: Office) -> dict[str, str]:
    return {"Authorization": f"Bearer {office.token}"}
