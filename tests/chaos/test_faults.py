"""Half of all answers are spoilt: refused, cut off, lost after their effect, no JSON. It takes longer, and ends exactly right."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.scale import scaled, seed
from tests.chaos.test_every_step import held
from tests.chaos.world import NewState, company, configured, expected
from tests.office import Pauses
from tests.servers.proxy import AFTER, BEFORE, at_random, running_proxy

MOST_RUNS = 30


@pytest.mark.usefixtures("pauses")
def test_half_of_all_answers_are_spoilt(
    real_server: tuple[str, str], tmp_path: Path, new_state: NewState, pauses: Pauses
) -> None:
    url, token = real_server
    number = seed()
    rows = company(scaled(60, 1000), departments=scaled(8, 50))
    tenant = secrets.token_hex(8)
    with running_proxy(url, at_random(0.5, number)) as proxy:
        office = configured(tmp_path / "office", f"{proxy.url}/{tenant}/v2", token, new_state())
        office.hire(rows)
        runs = 0
        while True:
            runs += 1
            assert runs <= MOST_RUNS, number
            outcome = office.push(later=timedelta(days=1))
            if outcome.exit_code == 0 and outcome.targets["wiki"].requests == 0:
                break
        print(f"{runs} runs, {len(proxy.requests)} requests, spoilt: {dict(proxy.spoilt)}")
        assert set(proxy.spoilt) >= {*BEFORE, *AFTER}
    office.url = f"{url}/{tenant}/v2"
    assert held(office) == expected(rows, url, token, tmp_path), number
