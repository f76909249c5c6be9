"""How operations of the journal look in rows, with what they changed and sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from rich.text import Text

from scimsync.cli.moments import local
from scimsync.cli.output import printable
from scimsync.cli.screen import Part
from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.operations import JournaledOperation, OperationStatus
from scimsync.plan.diff import short_path
from scimsync.plan.render.words import SIGNS, in_words
from scimsync.plan.requests import shown

STATUS_STYLES = {
    OperationStatus.APPLIED: "green",
    OperationStatus.FAILED: "red",
    OperationStatus.SKIPPED: "dim",
}


def action_part(action: str) -> Part:
    """An action with its sign and colour."""
    sign, style = SIGNS.get(action, ("~", "yellow"))
    return f"{sign} {action}", style


def key_part(entry: JournaledOperation) -> Part:
    """Whom an operation is about."""
    return (
        printable(entry.key) if entry.kind is Kind.USER else printable(f"{entry.kind} {entry.key}")
    )


def when_part(entry: JournaledOperation) -> str:
    """When an operation got its outcome, was sent, or was planned."""
    return local(entry.done_at or entry.sent_at or entry.planned_at)


def status_part(entry: JournaledOperation) -> Part:
    """What became of an operation, with the HTTP status of a failed one."""
    http = (
        f" {entry.http_status}"
        if entry.http_status is not None and entry.status is OperationStatus.FAILED
        else ""
    )
    return f"{entry.status}{http}", STATUS_STYLES.get(entry.status, "yellow")


def why_part(entry: JournaledOperation) -> str:
    """Why it was planned, and what is to be said of its outcome."""
    return printable(entry.reason if not entry.detail else f"{entry.reason}: {entry.detail}")


def change_row(change: Change) -> list[Part]:
    """An attribute and its value, before and after, for `Screen.rows`."""
    return [(in_words(short_path(change.path)), "dim"), change_text(change)]


def change_text(change: Change) -> Text:
    """What a value was and becomes, as JSON; what is secret is said to be so."""
    before, after = (
        in_words(shown(change.before), quoted=True),
        in_words(shown(change.after), quoted=True),
    )
    if change.before is None:
        return Text(after, "green")
    if change.after is None:
        return Text.assemble((before, "red"), " → ", ("removed", "dim"))
    return Text.assemble((before, "red"), " → ", (after, "green"))


def request_lines(entry: JournaledOperation) -> Iterator[str]:
    """The requests of an operation: method and path, then the body as JSON."""
    requests: list[dict[str, Any]] = [] if entry.request is None else orjson.loads(entry.request)
    for request in requests:
        yield printable(f"{request['method']} {request['path']}")
        if request.get("body") is not None:
            yield in_words(request["body"], quoted=True)
