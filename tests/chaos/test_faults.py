"""Half of all answers are spoilt: refused, cut off, lost after their effect, no JSON. It takes
longer, and ends exactly right."""

from __future__ import annotations

import random
import secrets
from datetime import timedelta
from pathlib import Path

from tests.chaos.scale import scaled, seed
from tests.chaos.test_every_step import held
from tests.chaos.world import Holders, NewState, change, company, configured, expected, send
from tests.office import Office
from tests.servers.proxy import AFTER, BEFORE, at_random, running_proxy

MOST_RUNS = 30


def pushes_until_calm(office: Office) -> int:
    """How many pushes it takes until one has nothing to send; beyond `MOST_RUNS` nobody waits for
    it."""
    for number in range(1, MOST_RUNS + 1):
        outcome = office.push(later=timedelta(days=1))
        if outcome.exit_code == 0 and outcome.targets["wiki"].requests == 0:
            return number
    return MOST_RUNS + 1


def test_half_of_all_answers_are_spoilt(
    real_server: tuple[str, str], tmp_path: Path, new_state: NewState
) -> None:
    url, token = real_server
    number = seed()
    rows = company(scaled(60, 1000), departments=scaled(8, 50))
    tenant = secrets.token_hex(8)
    with running_proxy(url, at_random(0.5, number)) as proxy:
        office = configured(tmp_path / "office", f"{proxy.url}/{tenant}/v2", token, new_state())
        office.hire(rows)
        runs = pushes_until_calm(office)
        assert runs <= MOST_RUNS, number
        print(f"{runs} runs, {len(proxy.requests)} requests, spoilt: {dict(proxy.spoilt)}")
        assert set(proxy.spoilt) >= {*BEFORE, *AFTER}
    office.url = f"{url}/{tenant}/v2"
    assert held(office) == expected(rows, url, token, tmp_path), number


def test_half_of_all_answers_are_spoilt_while_the_company_changes(
    real_server: tuple[str, str], tmp_path: Path, new_state: NewState
) -> None:
    url, token = real_server
    number = seed()
    chance = random.Random(number)
    rows = company(40)
    tenant = secrets.token_hex(8)
    with running_proxy(url, at_random(0.5, number)) as proxy:
        office = configured(tmp_path / "office", f"{proxy.url}/{tenant}/v2", token, new_state())
        for turn in range(scaled(2, 60)):
            send(office, bulk=turn % 2 == 0)
            # what a push has begun may not be wanted any more by the next one
            holders: Holders = {}
            for _ in range(chance.randint(1, 4)):
                office.hire(rows)
                office.push(later=timedelta(days=1))
                rows = change(rows, chance, holders)
            office.hire(rows)
            runs = pushes_until_calm(office)
            assert runs <= MOST_RUNS, (number, turn)
            office.url = f"{url}/{tenant}/v2"
            assert held(office) == expected(rows, url, token, tmp_path), (number, turn)
            office.url = f"{proxy.url}/{tenant}/v2"
