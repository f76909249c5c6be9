"""An explanation as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from scimsync.cli.commands.explain.evaluation import EvaluatedRule
from scimsync.cli.commands.explain.explanation import AccountReport, Explanation
from scimsync.cli.ui.operation_rows import (
    action_part,
    change_row,
    history_row,
    request_lines,
    why,
)
from scimsync.cli.ui.output import Output, Part
from scimsync.durations import format_local, format_relative
from scimsync.errors import coded
from scimsync.formatting import plural, printable
from scimsync.jsontext import printable_json
from scimsync.model.changes import Change
from scimsync.model.echoes import Echo
from scimsync.model.ids import Document
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import MEMBERSHIP_ACTIONS, JournaledOperation, OperationStatus
from scimsync.model.pins import Pin
from scimsync.plan.document_diff import short_path
from scimsync.plan.render.text import change_text
from scimsync.plan.render.words import named
from scimsync.plan.requests import request_documents, shown

_LINK_STYLES = {
    LinkStatus.ACTIVE: "green",
    LinkStatus.PENDING: "yellow",
    LinkStatus.INACTIVE: "yellow",
}


def print_explanation(
    output: Output, explanation: Explanation, now: datetime, *, detailed: bool
) -> None:
    """Print records, access rules, then each target; `detailed` also the requests of a push."""
    output.line((named(explanation.key, explanation.name), "bold"))
    if explanation.held is not None:
        output.line(
            ("deprovisioned", "red"),
            f" since {format_local(explanation.held)}, whatever the rules below say; to end it:"
            f" scimsync deprovision {printable(explanation.key)} --lift",
        )
    for line in (explanation.note or "").splitlines():
        output.line((printable(line), "yellow"))
    _print_records(output, explanation)
    if explanation.rules:
        output.blank()
        output.line(("Access rules", "bold"))
        output.rows([_rule_row(rule) for rule in explanation.rules])
    for account in explanation.accounts:
        output.blank()
        _print_account(output, account, now, detailed=detailed)


def _print_records(output: Output, explanation: Explanation) -> None:
    if not explanation.records:
        output.line("no record in any source")
    for record in explanation.records:
        output.blank()
        gone = " (removed; last known values)" if record.removed else ""
        output.line(("Record", "bold"), f" in {record.source}{gone}")
        if record.too_deep:
            output.line(("a value is nested too deeply", "yellow"))
        data = explanation.data(record)
        output.rows([[(printable(name), "dim"), _cell(value)] for name, value in data.items()])


def _cell(value: object) -> str:
    if isinstance(value, str) and value:
        return printable(value)
    return printable_json(value) if value is not None else "-"


def _rule_row(rule: EvaluatedRule) -> list[Part]:
    marks: dict[bool | None, Part] = {
        None: ("fails", "red"),
        True: ("yes", "green"),
        False: ("no", "yellow"),
    }
    expression = " ".join(rule.expression.split())
    error = f": {rule.error}" if rule.error else ""
    return [marks[rule.holds], rule.name, printable(expression + error)]


def _print_account(
    output: Output, account: AccountReport, now: datetime, *, detailed: bool
) -> None:
    output.line(
        ("Target ", "bold"), (account.target, "bold"), "  ", (printable(account.url), "dim")
    )
    facts: list[tuple[str, Part]] = [("scope", _scope(account))]
    if account.failure is not None:
        failure = Text.assemble(("fails: ", "red"), printable(account.failure))
        facts = [("mapping", failure)]
    facts.append(("account", _link(account.link)))
    if account.link is not None:
        facts += _link_facts(account.link, now)
    if account.pin is not None:
        facts.append(("pinned", _pin(account.pin)))
    output.rows([[(name, "dim"), value] for name, value in facts])
    _print_attributes(output, account)
    if account.link is not None and account.link.echoes:
        _print_echoes(output, account.link.echoes)
    _print_operations(output, account, detailed=detailed)
    if account.history:
        output.line(("history", "dim"), indent=2)
        output.rows([history_row(entry) for entry in account.history], indent=4)


def _scope(account: AccountReport) -> Part:
    expression = "" if account.scope is None else printable(" ".join(account.scope.split()))
    if account.in_scope is None:
        return Text.assemble(("out of scope", "yellow"), ": no source record")
    if account.in_scope:
        return Text.assemble(
            ("in scope", "green"), f": {expression}" if expression else ": no scope is set"
        )
    return Text.assemble(("out of scope", "yellow"), f": {expression} is false")


def _pin(pin: Pin) -> Part:
    """Return why a push leaves the account as it is."""
    since = "" if pin.since is None else f" on {format_local(pin.since)}"
    return Text.assemble(
        ("stays as it is", "yellow"),
        f" until the sources ask for something else: run {pin.undone} was reverted{since}; to end"
        f" it: scimsync revert {pin.undone} --lift -k {printable(pin.key)}",
    )


def _link(link: Link | None) -> Part:
    if link is None:
        return "none linked"
    remote_id = f", id {printable(link.remote_id)}" if link.remote_id is not None else ""
    status = "none yet" if link.status is LinkStatus.PENDING else str(link.status)
    return Text.assemble((status, _LINK_STYLES.get(link.status, "")), remote_id)


def _link_facts(link: Link, now: datetime) -> list[tuple[str, Part]]:
    def when(moment: datetime) -> str:
        return f"{format_local(moment)} ({format_relative(moment, now)})"

    facts: list[tuple[str, Part]] = []
    if link.may_have_access_since is not None:
        text = coded(f"may still have access since {when(link.may_have_access_since)}", "SYNC-0372")
        facts.append(("leaver", (text, "red")))
    if link.moved_from is not None:
        facts.append(("moved from", printable(link.moved_from)))
    if link.synced_at is not None:
        facts.append(("acknowledged", when(link.synced_at)))
    if link.delete_after is not None:
        facts.append(("delete after", when(link.delete_after)))
    if link.last_error is not None:
        facts.append(("last error", printable(link.last_error)))
    if link.failures:
        facts.append(("failed", f"{plural(link.failures, 'time')} in a row"))
    if link.next_try_at is not None:
        facts.append(("next attempt", when(link.next_try_at)))
    if link.in_doubt:
        facts.append(
            ("in doubt", "a request got no response; the account is read before anything is sent")
        )
    return facts


def _print_attributes(output: Output, account: AccountReport) -> None:
    """Print the desired values of the account, and where the target acknowledged different ones."""
    acknowledged: Document | None = None
    if account.link is not None and account.link.has_account:
        acknowledged = account.link.document
    if not account.in_scope:
        title, rows = "attributes (acknowledged)", _value_rows(acknowledged or {})
    elif acknowledged is None:
        title = "attributes"
        rows = _value_rows(account.desired) + _value_rows(account.once, " (at creation only)")
    else:
        title = "attributes (acknowledged → desired)"
        rows = _compared_rows(account)
    if rows:
        output.line((title, "dim"), indent=2)
        output.rows(rows, indent=4)


def _print_echoes(output: Output, echoes: Sequence[Echo]) -> None:
    output.line(("the target shows other values than were sent (sent → shown)", "dim"), indent=2)
    rows: list[list[Part]] = [
        [
            (printable(short_path(echo.path)), "dim"),
            (f"{printable_json(echo.sent)} → {printable_json(echo.shown)}", "yellow"),
        ]
        for echo in echoes
    ]
    output.rows(rows, indent=4)


def _value_rows(document: Document, remark: str = "") -> list[list[Part]]:
    return [
        [(printable(short_path(path)), "dim"), f"{printable_json(shown(value))}{remark}"]
        for path, value in document.items()
    ]


def _compared_rows(account: AccountReport) -> list[list[Part]]:
    differing = {change.path: change for change in account.changes}
    rows: list[list[Part]] = []
    for path in dict.fromkeys([*account.desired, *differing]):
        change = differing.get(path)
        if change is None:
            rows += _value_rows({path: account.desired[path]})
        elif change.before is None:
            name = (printable(short_path(path)), "dim")
            rows.append([name, Text.assemble("nothing → ", change_text(change))])
        else:
            rows.append(change_row(change))
    return rows


def _print_operations(output: Output, account: AccountReport, *, detailed: bool) -> None:
    if not account.operations:
        text: Part = "sends nothing"
        if account.operations is None:
            text = (printable(account.note or ""), "yellow")
        output.line(("next push  ", "dim"), text, indent=2)
        return
    output.line(("next push", "dim"), indent=2)
    for planned in account.operations:
        entry = planned.operation
        if entry.status is OperationStatus.FAILED:
            output.rows([[("cannot be planned", "red"), printable(entry.detail or "")]], indent=4)
            continue
        if entry.action in MEMBERSHIP_ACTIONS:
            output.rows([[action_part(entry.action), f"group {printable(entry.key)}"]], indent=4)
            continue
        output.rows([[action_part(entry.action), why(entry)]], indent=4)
        if _adds_to_attributes(entry, account):
            output.rows([change_row(change) for change in entry.changes], indent=6)
        if detailed:
            for line in request_lines(request_documents(planned.requests)):
                output.line((line, "cyan"), indent=6)
            if planned.unread is not None:
                unread = f"only the values that change, since {printable(planned.unread)}"
                output.line((unread, "yellow"), indent=6)


def _adds_to_attributes(entry: JournaledOperation, account: AccountReport) -> bool:
    """Return whether an operation has changes that the attributes above it do not show."""
    printed: list[Change] = list(account.changes)
    if account.link is None or not account.link.has_account:
        printed = [
            Change(path, None, value) for path, value in {**account.desired, **account.once}.items()
        ]
    return not all(change in printed for change in entry.changes)
