"""Operations of the journal in rows, with what they change and send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scimsync.cli.ui.output import Part
from scimsync.durations import format_local
from scimsync.formatting import printable
from scimsync.jsontext import printable_json
from scimsync.model.changes import Change
from scimsync.model.operations import JournaledOperation, OperationStatus
from scimsync.plan.document_diff import short_path
from scimsync.plan.render.text import change_text
from scimsync.plan.render.words import SIGNS, subject

STATUS_STYLES = {
    OperationStatus.APPLIED: "green",
    OperationStatus.FAILED: "red",
    OperationStatus.SKIPPED: "dim",
}


def journal_row(entry: JournaledOperation, name: str | None = None) -> list[Part]:
    """Return when and where an operation was done, what it was, and its outcome.

    `name` is shown beside the key.
    """
    when, run, *rest = history_row(entry)
    action, *outcome = rest
    return [when, run, entry.target, action, subject(entry, name), *outcome]


def history_row(entry: JournaledOperation) -> list[Part]:
    """Return a `journal_row` without target and key."""
    http = ""
    if entry.http_status is not None and entry.status is OperationStatus.FAILED:
        http = f" {entry.http_status}"
    return [
        format_local(entry.done_at or entry.sent_at or entry.planned_at),
        f"run {entry.run}",
        action_part(entry.action),
        (f"{entry.status}{http}", STATUS_STYLES.get(entry.status, "yellow")),
        why(entry),
    ]


def action_part(action: str) -> Part:
    """Return an action with its sign and colour."""
    sign, style = SIGNS.get(action, ("~", "yellow"))
    return f"{sign} {action}", style


def why(entry: JournaledOperation) -> str:
    """Return why an operation was planned, and the detail of its outcome."""
    return printable(entry.reason if not entry.detail else f"{entry.reason}: {entry.detail}")


def change_row(change: Change, name: str | None = None) -> list[Part]:
    """Return an attribute and its value, before and after; `name` is that of a member."""
    text = change_text(change)
    if name is not None:
        text.append(f" ({printable(name)})")
    return [(printable(short_path(change.path)), "dim"), text]


def request_lines(requests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield requests as documents in lines: method and path, then the body as JSON."""
    for request in requests:
        yield printable(f"{request['method']} {request['path']}")
        if request.get("body") is not None:
            yield printable_json(request["body"])
