"""The state keeps when each target was last reconciled, and `status` shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from scimsync.model.operations import Confirmation
from tests.daemon.simulation import firing_alerts
from tests.execute.story import NO_GUARD
from tests.office import Office, people
from tests.servers.faulty import FaultyServer, Reply, Seen, error_reply


@pytest.fixture
def pushed(office: Office) -> Office:
    """Five people have accounts."""
    office.hire(people(5))
    assert office.run("push").code == 0
    return office


def reconciled(office: Office) -> Any:
    return office.run("status", "--json").document["targets"]["wiki"]["reconciled"]


def line(office: Office) -> str:
    """What `status` says of it, with `TIME` for each time."""
    lines = office.run("status").out.splitlines()
    (found,) = [text.strip() for text in lines if "reconciled" in text]
    return re.sub(r"reconciled .+?\)", "reconciled TIME", found)


def test_status_shows_the_last_reconciliation(pushed: Office, faulty: FaultyServer) -> None:
    assert reconciled(pushed) is None
    assert "reconciled" not in pushed.run("status").out

    pushed.run("reconcile")
    assert line(pushed) == "last reconciled TIME: no drift"

    faulty.users["id-00002"]["displayName"] = "Else"
    faulty.users["id-00003"]["active"] = False
    pushed.run("reconcile")
    assert line(pushed) == (
        "last reconciled TIME: 2 findings; to see them: scimsync reconcile -t wiki"
    )
    kept = reconciled(pushed)
    assert (kept["findings"], kept["complete"]) == (2, True)
    assert datetime.fromisoformat(kept["at"]) == pushed.now


def test_a_target_that_cannot_be_read_keeps_its_last_result(
    pushed: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed.run("reconcile")
    before = reconciled(pushed)
    monkeypatch.setattr(faulty, "answer", lambda _: error_reply(401, "no"))
    pushed.now += timedelta(hours=1)

    assert pushed.run("reconcile").code == 1

    assert reconciled(pushed) == before


def test_a_list_that_ends_early_is_no_whole_result(
    pushed: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = faulty.answer

    def answer(seen: Seen) -> Reply:
        reply = honest(seen)
        if seen.path == "/Users" and "filter" not in seen.query:
            assert isinstance(reply.body, dict)
            reply.body["totalResults"] += int(seen.query.get("startIndex", "1"))
        return reply

    faulty.users["id-00002"]["displayName"] = "Else"
    pushed.run("reconcile")
    faulty.users["id-00002"]["displayName"] = "Given2 Family2"
    monkeypatch.setattr(faulty, "answer", answer)

    assert pushed.run("reconcile").code == 1

    assert firing_alerts(pushed) == [("drift", "wiki")]  # it proves nothing
    assert reconciled(pushed)["complete"] is False
    assert line(pushed) == "last reconciled TIME: no drift; not everything could be compared"


def test_drift_alerts_until_a_reconciliation_finds_none(
    pushed: Office, faulty: FaultyServer
) -> None:
    pushed.run("reconcile")
    assert firing_alerts(pushed) == []

    faulty.users["id-00002"]["displayName"] = "Else"
    pushed.run("reconcile")
    assert firing_alerts(pushed) == [("drift", "wiki")]

    assert pushed.run("reconcile", "--fix", "--yes").code == 0
    assert firing_alerts(pushed) == [("drift", "wiki")]

    pushed.run("reconcile")
    assert firing_alerts(pushed) == []


def test_a_resource_in_doubt_is_not_compared_and_proves_nothing(
    pushed: Office, faulty: FaultyServer
) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"
    assert pushed.run("reconcile", "--exit-code").code == 6
    pushed.sql("UPDATE link SET in_doubt = true WHERE key = '00002'")

    ran = pushed.run("reconcile", "--exit-code")

    assert ran.code == 1
    assert "wiki: 4 of 5 accounts compared, no drift" in ran.out
    assert "1 resource left out: their last request has no known outcome" in ran.err
    assert pushed.run("reconcile").code == 0
    assert reconciled(pushed)["complete"] is False
    assert firing_alerts(pushed) == [("drift", "wiki")]

    pushed.sql("UPDATE link SET in_doubt = false")
    faulty.users["id-00002"]["displayName"] = "Given2 Family2"
    assert pushed.run("reconcile", "--exit-code").code == 0
    assert firing_alerts(pushed) == []


def test_a_repair_by_hand_fires_no_alert(pushed: Office, faulty: FaultyServer) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"

    assert pushed.run("reconcile", "--fix", "--yes").code == 0

    assert firing_alerts(pushed) == []


@pytest.mark.sqlite
def test_without_a_state_none_is_created(office: Office) -> None:
    office.hire(people(5))

    ran = office.run("reconcile")

    assert ran.code == 0
    assert "no state yet: nothing was pushed, so no account is linked to a user" in ran.err
    assert not (office.folder / "scimsync.db").exists()


@pytest.mark.sqlite
def test_a_state_that_cannot_be_written_is_no_reason_to_fail(pushed: Office) -> None:
    pushed.sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON reconciliation"
        " BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )

    ran = pushed.run("reconcile")

    assert ran.code == 0
    assert "wiki: 5 accounts compared, no drift" in ran.out
    assert "status will not show this result" in ran.err


@pytest.fixture
def left(office: Office) -> Office:
    """Two of five users have left, one after the other, at a target that answers 204."""
    office.configure(guard=NO_GUARD)
    for number in (5, 4, 3):
        office.hire(people(number))
        office.push(later=timedelta(hours=1))
    assert confirmed(office) == (Confirmation.STATUS, office.now)
    return office


def confirmed(office: Office) -> tuple[Confirmation | None, datetime | None]:
    """What confirms the removal of 00004, and since when."""
    (gone,) = office.journal()
    return gone.confirmed_by, gone.confirmed_at


def test_a_removal_that_is_read_back_is_confirmed(left: Office) -> None:
    left.now += timedelta(hours=1)

    assert left.run("reconcile").code == 0

    assert confirmed(left) == (Confirmation.READ, left.now)
    assert "read back" in left.run("audit", "00004").out


def test_a_removal_is_confirmed_although_another_value_differs(
    left: Office, faulty: FaultyServer
) -> None:
    faulty.users["id-00004"]["displayName"] = "Else"

    left.run("reconcile")

    assert confirmed(left)[0] is Confirmation.READ


def hide(user: dict[str, Any]) -> None:
    del user["active"]


def reactivate(user: dict[str, Any]) -> None:
    user["active"] = True


@pytest.mark.parametrize("change", [hide, reactivate])
def test_a_removal_that_is_not_read_back_is_not_confirmed(
    left: Office, faulty: FaultyServer, change: Callable[[dict[str, Any]], None]
) -> None:
    change(faulty.users["id-00004"])

    left.run("reconcile")

    assert confirmed(left)[0] is Confirmation.STATUS


def test_a_removal_that_was_sent_after_the_list_was_read_is_not_confirmed(left: Office) -> None:
    left.now -= timedelta(minutes=1)

    left.run("reconcile")

    assert confirmed(left)[0] is Confirmation.STATUS
