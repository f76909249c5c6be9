"""Two pushes of one target at the same moment: one works, the other is told so or waits; nobody
gets two accounts."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from scimsync.errors import LeaseHeld
from scimsync.run import RunOutcome
from tests.chaos.scale import scaled
from tests.office import Office, people
from tests.servers.faulty import FaultyServer


def both(office: Office, *, wait: bool) -> list[RunOutcome | Exception]:
    """What two pushes at once come to."""
    results: list[RunOutcome | Exception] = []
    start = threading.Barrier(2)

    def one() -> None:
        start.wait()
        try:
            results.append(office.push(wait=wait))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("wait", [False, True], ids=["exit 5", "wait"])
def test_two_pushes_at_once(office: Office, faulty: FaultyServer, wait: bool) -> None:
    office.configure(guard='max_updates = "100%"')
    refused = 0
    for turn in range(1, scaled(8, 100) + 1):
        office.hire([{**row, "family": f"Turn{turn}"} for row in people(5 + turn)])

        results = both(office, wait=wait)

        good = [one for one in results if not isinstance(one, Exception)]
        held = [one for one in results if isinstance(one, LeaseHeld)]
        assert len(good) + len(held) == 2, results
        assert good, results
        assert all(one.exit_code == 0 for one in good)
        assert not (wait and held)
        refused += len(held)
        assert len(faulty.users) == 5 + turn
        assert {user["name"]["familyName"] for user in faulty.users.values()} == {f"Turn{turn}"}
    made = Counter((one.body or {})["externalId"] for one in faulty.seen if one.method == "POST")
    assert max(made.values()) == 1
    assert office.push().targets["wiki"].requests == 0
    print(f"{refused} refused")
