"""What a daemon costs while it has nothing to do, how soon it pushes a new file, and whether a
thousand pushes make it grow.

Run: python -m benchmarks.bench_daemon [--rows N]. Idle processor time and the time from a file's
renaming to the end of its push are those of the real program. The thousand pushes (of a file with
another change each) are done by the same daemon with a clock that is set forward instead of
waiting; its memory after them is compared with that after the first hundred.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.common import SYNC_TOML, Figures, rows_wanted, scratch_folder, write_people
from benchmarks.server import running_server

PEOPLE = 10_000
RUNS = 1_000
WARM_UP = 100
IDLE_S = 30
DROPS = 10
DAEMON = '[schedule]\npush = "1h"\n[health]\nport = 0\n'


def main() -> None:
    """Prints the figures."""
    rows, figures = rows_wanted(PEOPLE, __doc__)
    with running_server() as server, scratch_folder() as folder:
        (folder / "sync.toml").write_text(SYNC_TOML.format(url=server.url) + DAEMON)
        write_people(folder / "hr.csv", rows)
        real_program(folder, rows, figures)
    with running_server() as server, scratch_folder() as folder:
        (folder / "sync.toml").write_text(SYNC_TOML.format(url=server.url) + DAEMON)
        write_people(folder / "hr.csv", rows)
        growth = many_pushes(folder, rows, RUNS if rows == PEOPLE else 2 * WARM_UP)
    figures.show("memory after all pushes", growth, "of that after the first hundred", at_most=1.05)
    figures.end()


def real_program(folder: Path, rows: int, figures: Figures) -> None:
    """Idle, and files that are dropped."""
    command = [sys.executable, "-m", "scimsync", "daemon"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(process, "create (")
        before = processor_seconds(process.pid)
        time.sleep(IDLE_S)
        figures.show(
            "idle",
            (processor_seconds(process.pid) - before) / IDLE_S * 100,
            "% of a core",
            at_most=1,
        )
        slowest = 0.0
        for number in range(1, DROPS + 1):
            write_people(folder / "new.csv", rows, moved=number)
            dropped = time.monotonic()
            (folder / "new.csv").replace(folder / "hr.csv")
            wait_for(process, "1 update (")
            slowest = max(slowest, time.monotonic() - dropped)
        figures.show(
            f"a file of {rows:,} rows is pushed",
            slowest,
            "s after it was dropped, at the slowest",
            at_most=5,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Reads the log until `text`."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise SystemExit(f"the daemon ended without saying {text!r}")


def processor_seconds(pid: int) -> float:
    """What a process has had of all processors (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def many_pushes(folder: Path, rows: int, runs: int) -> float:
    """Memory after all `runs`, as a ratio to that after the first `WARM_UP`."""
    import time_machine

    from scimsync.builtin import load
    from scimsync.daemon.dependencies import Dependencies
    from scimsync.daemon.jobs import Daemon
    from scimsync.daemon.scheduler import JobScheduler, MainThreadPool
    from scimsync.daemon.systemd import Systemd

    memory: list[float] = []

    class HourlyFiles(JobScheduler):
        """Moves the clock instead of sleeping; once an hour there is another file."""

        longest_sleep_s = 3600.0

        def make_pool(self, _name: str) -> Executor:
            return MainThreadPool(self.call_soon)

        def sleep(self, seconds: float) -> None:
            hour = self.now().hour
            clock.shift(seconds)
            if self.now().hour == hour:
                return
            memory.append(resident_mb())
            if len(memory) > runs:
                daemon.stop(signal.SIGTERM)
                return
            write_people(folder / "new.csv", rows, moved=len(memory))
            (folder / "new.csv").replace(folder / "hr.csv")

    minutes = timedelta(minutes=10)
    with time_machine.travel(datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp(), tick=False) as clock:
        scheduler = HourlyFiles(lambda: datetime.now(UTC).timestamp())
        dependencies = Dependencies(
            load,
            scheduler,
            Systemd({}),
            random.Random(1),
            file_interval=minutes,
            state_interval=minutes,
        )
        daemon = Daemon(folder / "sync.toml", dependencies)
        daemon.run()
    print(f"resident after {WARM_UP}, {len(memory) // 2} and {len(memory) - 1} pushes: ", end="")
    print(", ".join(f"{memory[at]:.0f} MB" for at in (WARM_UP, len(memory) // 2, -1)), flush=True)
    return memory[-1] / memory[WARM_UP]


def resident_mb() -> float:
    """What this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
