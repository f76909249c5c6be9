"""Whatever request loses its response, the push or the next one ends with what is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.adapters import test_google_workspace, test_hoop
from tests.office import MONDAY, Office, Pauses, person
from tests.servers.faulty_http import FaultyHttpServer
from tests.servers.google_directory import running_google_directory
from tests.servers.hoop import running_hoop_server

LATER = timedelta(hours=1)


@pytest.fixture(params=["hoop", "google"])
def company(
    request: pytest.FixtureRequest, tmp_path: Path, pauses: Pauses
) -> Iterator[tuple[Office, Any]]:
    with ExitStack() as stack:
        server: FaultyHttpServer
        if request.param == "hoop":
            hoop = server = stack.enter_context(running_hoop_server())
            office = Office(tmp_path, hoop.url, hoop.token, now=MONDAY, time=pauses.source)
            texts = test_hoop.USER, test_hoop.HOOP, test_hoop.TEAMS
        else:
            server = stack.enter_context(running_google_directory())
            office = Office(tmp_path, server.url, "token", now=MONDAY, time=pauses.source)
            texts = (
                test_google_workspace.USER,
                test_google_workspace.TARGET,
                (test_google_workspace.TEAMS),
            )
        user, target, more = texts
        office.configure(user=user, target=target, more=more, guard=test_hoop.NO_GUARD)
        yield office, server


@pytest.mark.parametrize("where", ["/users", "/groups"])
def test_each_kind_of_request_loses_its_response_once(
    company: tuple[Office, Any], where: str
) -> None:
    office, server = company
    rows = [
        [person(1), person(2), person(3)],
        [person(1, family="Married"), person(2, dept="HR")],
        [person(1, family="Married", dept="HR"), person(2, dept="HR"), person(3)],
    ]
    for day in rows:
        office.hire(day)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            server.fail(method, where=lambda seen: where in seen.path, effect=True, hang_up=True)
        office.push(later=LATER)
        office.push(later=LATER)
        server.faults.clear()

    assert office.push(later=LATER).targets["wiki"].requests == 0
    assert _shown(server) == {
        "person1@example.com": ("Married", True, {"HR"}),
        "person2@example.com": ("Family2", True, {"HR"}),
        "person3@example.com": ("Family3", True, {"IT"}),
    }


def _shown(server: Any) -> dict[str, tuple[str, bool, set[str]]]:
    """Return e-mail address -> family name, whether the user is active, and groups."""
    if hasattr(server, "empty"):
        return {
            email: (user.name.split()[1], user.status != "inactive", set(user.groups))
            for email, user in server.users.items()
        }
    return {
        user["primaryEmail"]: (
            user["name"]["familyName"],
            not user["suspended"],
            {
                group["name"]
                for group in server.groups.values()
                if user["id"] in server.members[group["id"]]
            },
        )
        for user in server.users.values()
    }
