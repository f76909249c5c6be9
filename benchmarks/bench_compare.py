"""What a comparison of a file with its snapshot costs by itself, in passes of `csv.reader` over the
same file.

Run: python -m benchmarks.bench_compare [--rows N]. Unlike bench_plan.py it leaves out the start of
Python, the state database and the plan. Each task is a process of its own, so that peaks of memory
are its own too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import (
    COLUMNS,
    Figures,
    best,
    csv_pass,
    fastest,
    rows_wanted,
    run,
    scratch_folder,
    write_people,
)

TASKS = ("first ingest", "no change", "unchanged file", "1 in 100 changed", "rebuild the index")


def stored(folder: Path) -> Iterator[tuple[str, str]]:
    """The records as a state database would give them."""
    with (folder / "stored").open(encoding="utf-8") as stream:
        for line in stream:
            key, _, data = line.rstrip("\n").partition("\t")
            yield key, data


def measure(task: str, folder: Path) -> float:
    """Seconds of one task."""
    from scimsync.snapshot import compare
    from scimsync.snapshot.index import StoredSnapshot
    from scimsync.sources import SourceSpec
    from scimsync.sources.file import FileSettings

    settings = FileSettings(
        type="file",
        path="moved.csv" if task == "1 in 100 changed" else "hr.csv",
        key="employee_id",
        lists={"groups": ";"},
    )
    spec = SourceSpec("hr", settings, folder)
    index = folder / ("none" if task == "rebuild the index" else "hr.index.duckdb")
    head, last = 1, None
    if task == "first ingest":
        head = 0
        index.unlink(missing_ok=True)
    elif task == "unchanged file":
        last = (folder / "digest").read_text()
    start = time.perf_counter()
    snapshot = StoredSnapshot(index, lambda: stored(folder) if head else (), head, last)
    with compare(spec, COLUMNS, snapshot) as comparison:
        for _ in comparison.changes():
            pass
        if task == "first ingest":
            comparison.commit_index(1)
        seconds = time.perf_counter() - start
        if task == "first ingest":
            (folder / "digest").write_text(comparison.digest)
            with (folder / "stored").open("w", encoding="utf-8") as stream:
                stream.writelines(
                    f"{change.key}\t{change.data_json}\n"
                    for batch in comparison.changes()
                    for change in batch
                )
    return seconds


def main() -> None:
    """Prints the figures."""
    if len(sys.argv) == 4 and sys.argv[1] == "task":
        print(measure(sys.argv[2], Path(sys.argv[3])))
        return
    rows, figures = rows_wanted(1_000_000, __doc__)
    with scratch_folder() as folder:
        write_people(folder / "hr.csv", rows)
        write_people(folder / "moved.csv", rows, moved=rows // 100)
        floor = best(lambda: csv_pass(folder / "hr.csv"))
        for task in TASKS:
            show(task, folder, floor, figures)
    figures.end()


def show(task: str, folder: Path, floor: float, figures: Figures) -> None:
    """Measures one task; `floor` are the seconds of a pass."""
    taken = fastest(
        lambda: run([sys.executable, "-m", "benchmarks.bench_compare", "task", task, str(folder)])
    )
    figures.show(f"compare, {task}", float(taken.out) / floor, "csv passes")
    figures.show(f"compare, {task}, memory", taken.peak_mb, "MB")


if __name__ == "__main__":
    main()
