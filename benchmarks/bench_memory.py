"""The memory of the commands that read a whole target, in that of a run that keeps none of it.

Run: python -m benchmarks.bench_memory [--rows N]. `adoption` matches all accounts of a target that
nothing was pushed to; its floor is `plan --offline`, which reads the same source and no account.
`plan --refresh` reads all accounts that were pushed, a fifth as many; its floor is the same command
with a twentieth of these.
"""

from __future__ import annotations

from multiprocessing import get_context

from benchmarks.bench_reconcile import fill, running_lists
from benchmarks.common import (
    SYNC_TOML,
    Figures,
    Ran,
    rows_wanted,
    scimsync,
    scratch_folder,
    write_people,
)

FEWER = 20


def adoption(rows: int) -> tuple[Ran, Ran]:
    """Runs `adoption` where all accounts match, after its floor."""
    with scratch_folder() as folder, running_lists(rows) as url:
        (folder / "sync.toml").write_text(SYNC_TOML.format(url=url), "utf-8")
        write_people(folder / "hr.csv", rows)
        floor = scimsync(folder, "plan", "--offline")
        return floor, scimsync(folder, "adoption", "--out", "report.csv")


def refresh(rows: int) -> Ran:
    """Runs `plan --refresh` where all accounts are linked."""
    with scratch_folder() as folder, running_lists(rows) as url:
        (folder / "sync.toml").write_text(SYNC_TOML.format(url=url), "utf-8")
        write_people(folder / "hr.csv", rows)
        with get_context("spawn").Pool(1) as pool:  # a process of its own: this one stays small
            pool.apply(fill, (folder,))
        return scimsync(folder, "plan", "--refresh", "--out", "refresh.plan")


def show(figures: Figures, name: str, ran: Ran, floor: Ran, of_what: str, at_most: float) -> None:
    """Prints how much more memory a run took than its floor."""
    figures.show(f"{name}, memory", ran.peak_mb / floor.peak_mb, of_what, at_most=at_most)
    figures.show(f"{name}, memory", ran.peak_mb, "MB")


def main() -> None:
    """Prints the figures."""
    rows, figures = rows_wanted(100_000, __doc__)
    floor, ran = adoption(rows)
    show(figures, "adoption", ran, floor, "times that of plan --offline", at_most=1.2)
    floor, ran = refresh(rows // 5 // FEWER), refresh(rows // 5)
    show(figures, "plan --refresh", ran, floor, f"times that of 1/{FEWER} of them", at_most=1.3)
    figures.end()


if __name__ == "__main__":
    main()
