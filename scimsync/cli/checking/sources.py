"""Whether the rows of a source can be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scimsync.cli.checking.findings import About, Finding
from scimsync.cli.plans import problem_line
from scimsync.config.models import Config
from scimsync.errors import ScimsyncError
from scimsync.execute.books import Now
from scimsync.run.compile import file_spec
from scimsync.snapshot.ingest import Shrinking, ingest
from scimsync.state.store import Store, scratch_store

PROBLEMS = 10
"""So many bad rows are told one by one."""


def check_rows(
    config: Config, name: str, found: Sequence[str], used: Sequence[str], store: Store, now: Now
) -> Iterator[Finding]:
    """Reads a source with the columns `found`, of which expressions use `used`, as a plan reads it:
    nothing is stored."""
    about = About("source", name)
    index = Path(config.state_dir / f"{name}.index.duckdb")
    scratch = scratch_store()
    try:
        shrinking = Shrinking(config.guard.min_records)
        read = ingest(store, file_spec(config, name), used, index, shrinking, now.time, scratch)
    except ScimsyncError as error:
        yield about.failed(error)
        return
    finally:
        scratch.close()
    source = config.sources[name]
    what = source.path if source.path is not None else "the query"
    yield about.ok(
        f"{what}: {_number(read.records, 'record')}, {_number(len(found), 'column')},"
        f" {len({*used, source.key})} of them used"
    )
    if read.problems:
        lines = [
            problem_line(problem).removeprefix(f"{name} ") for problem in read.problems[:PROBLEMS]
        ]
        if len(read.problems) > PROBLEMS:
            lines.append(f"and {len(read.problems) - PROBLEMS:,} more")
        yield about.warning(
            f"{_number(len(read.problems), 'row')} cannot be used; whom they are about keeps the"
            " account that there is",
            lines,
        )


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
