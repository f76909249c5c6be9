"""Problems of a source: a line for people, an object in JSON."""

from __future__ import annotations

from typing import Any

from scimsync.formatting import printable
from scimsync.model.records import Problem


def problem_line(problem: Problem) -> str:
    """Return a problem as `hr line 4 1003: has 5 fields where the header has 9`."""
    where = f"{problem.source} {problem.place}".rstrip()
    return printable(f"{where}: {problem.detail}")


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as `plan --json` and `push --json` show it."""
    return {
        "source": problem.source,
        "line": problem.line,
        "key": problem.key,
        "detail": problem.detail,
    }
