"""How the first push of a company grows with the company: time until everything is planned, and
memory.

Run: python -m benchmarks.bench_first_push [--rows N]. Everybody has a manager and is a member of
some of 37 groups. A company of N (100,000) is compared with one of a tenth: linear planning takes
ten times as long. Planning ends when the first change arrives at the server.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.common import SYNC_TOML, rows_wanted, scimsync, scratch_folder, write_people
from benchmarks.server import running_server

MANAGER = (
    '"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" ='
    ' "ref(manager_id)"\n'
)
GROUPS = """
[targets.wiki.groups.lists]
each = "groups"
displayName = "value"
""" + "".join(
    f"""
[targets.wiki.groups.level-{level}]
displayName = {{ value = "Level {level}" }}
members = "level | int == {level}"
"""
    for level in range(6)
)


def first_push(folder: Path, rows: int) -> tuple[float, float]:
    """Return the seconds until the first change, and the peak memory in MB, of a first push."""
    for left in folder.glob("*"):
        left.unlink()
    with running_server() as server:
        config = SYNC_TOML.format(url=server.url) + MANAGER + GROUPS
        (folder / "sync.toml").write_text(config, "utf-8")
        write_people(folder / "hr.csv", rows)
        start = time.monotonic()
        pushed = scimsync(folder, "push")
    return server.first_write - start, pushed.peak_mb


def main() -> None:
    """Print the figures."""
    rows, figures = rows_wanted(100_000, __doc__)
    with scratch_folder() as folder:
        small, small_mb = first_push(folder, rows // 10)
        large, large_mb = first_push(folder, rows)
    figures.show("first push, planning", small, f"s for {rows // 10:,} people")
    figures.show("first push, planning", large / small, "times that for ten times", at_most=12)
    figures.show("first push, memory", small_mb, f"MB for {rows // 10:,} people")
    figures.show("first push, memory", large_mb - small_mb, "MB more", at_most=64)
    figures.end()


if __name__ == "__main__":
    main()
