"""Problems of a source: a line for people, an object in JSON."""

from __future__ import annotations

from typing import Any

from scimsync.formatting import printable
from scimsync.model.records import Problem


def problem_line(problem: Problem) -> str:
    """Return a problem as `hr line 4 1003: has 5 fields where the header has 9`."""
    placed = problem.line is not None or problem.key is not None
    return printable(f"{problem.source}{' ' if placed else ': '}{problem.within_source}")


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as `plan --json` and `push --json` show it."""
    return {
        "source": problem.source,
        "line": problem.line,
        "key": problem.key,
        "detail": problem.detail,
    }
