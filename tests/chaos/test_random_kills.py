"""The real program, killed at random moments while the company changes: whoever pushes next makes
everything right."""

from __future__ import annotations

import random
import secrets
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.scale import scaled, seed
from tests.chaos.test_every_step import held
from tests.chaos.world import Holders, NewState, change, company, configured, expected, send
from tests.office import Office


def kill_at_random(office: Office, chance: random.Random, duration: float) -> float | None:
    """Kills a push that may take `duration` seconds. None, or how long it took where it came to its
    end before."""
    began = time.monotonic()
    program = office.start("push")
    try:
        program.communicate(timeout=chance.uniform(0.2, 1.1) * duration)
    except subprocess.TimeoutExpired:
        program.kill()
        program.communicate()
        return None
    return time.monotonic() - began


def test_pushes_killed_at_random(
    real_server: tuple[str, str], tmp_path: Path, new_state: NewState
) -> None:
    url, token = real_server
    chance = random.Random(seed())
    office = configured(tmp_path / "office", f"{url}/{secrets.token_hex(8)}/v2", token, new_state())
    rows = company(60)
    office.hire(rows)
    send(office, bulk=True)
    began = time.monotonic()
    first = office.start("push")
    first.communicate()
    assert first.returncode == 0
    duration = time.monotonic() - began
    kills, wanted = 0, scaled(5, 300)
    while kills < wanted:
        send(office, bulk=chance.random() < 0.5)
        holders: Holders = {}
        for _ in range(chance.randint(1, 4)):
            rows = change(rows, chance, holders)
            office.hire(rows)
            took = kill_at_random(office, chance, duration)
            kills += took is None
            duration = took or duration  # the machine may be busy, or not any more
        office.now = datetime.now(UTC)

        outcome = office.push()

        failed = [
            (one.key, one.action, one.changes, one.detail)
            for one in office.journal()
            if one.status == "failed"
        ]
        assert (outcome.exit_code, failed, outcome.problems) == (0, [], ()), kills
        assert held(office) == expected(rows, url, token, tmp_path), kills
        assert office.push().targets["wiki"].requests == 0, kills
    print(f"{kills} kills")
