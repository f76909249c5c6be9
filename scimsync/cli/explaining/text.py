"""One person for people."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from scimsync.cli.explaining.model import Account, Explanation
from scimsync.cli.moments import distance, local
from scimsync.cli.operations import (
    action_part,
    change_row,
    change_text,
    request_lines,
    status_part,
    when_part,
    why_part,
)
from scimsync.cli.output import printable
from scimsync.cli.screen import Part, Screen
from scimsync.model.changes import Change
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import MEMBERSHIP_ACTIONS, JournaledOperation, OperationStatus
from scimsync.plan.diff import short_path
from scimsync.plan.render.words import in_words
from scimsync.plan.requests import shown

_LINK_STYLES = {
    LinkStatus.ACTIVE: "green",
    LinkStatus.PENDING: "yellow",
    LinkStatus.INACTIVE: "yellow",
}


def print_explanation(explanation: Explanation, now: datetime, *, detailed: bool) -> None:
    """The record, the rules, then each target; `detailed` also with the requests that would be
    sent."""
    screen = Screen()
    screen.line((printable(explanation.key), "bold"))
    if explanation.held is not None:
        screen.line(
            ("deprovisioned", "red"),
            f" since {local(explanation.held)}, whatever is said below; scimsync deprovision --lift"
            " ends it",
        )
    if explanation.note is not None:
        for line in explanation.note.splitlines():
            screen.line((printable(line), "yellow"))
    if not explanation.records:
        screen.line("no record in any source")
    for record in explanation.records:
        screen.blank()
        gone = ", which no longer has it; what it held last" if record.removed else ""
        screen.line(("Record", "bold"), f" in {record.source}{gone}")
        if record.too_deep:
            screen.line(("a value is nested too deeply", "yellow"))
        screen.rows(
            [
                [(printable(name), "dim"), _plain(value)]
                for name, value in explanation.data(record).items()
            ]
        )
    if explanation.rules:
        screen.blank()
        screen.line(("Access rules", "bold"))
        rows: list[list[Part]] = []
        for rule in explanation.rules:
            mark: Part = (
                ("fails", "red")
                if rule.holds is None
                else ("yes", "green")
                if rule.holds
                else ("no", "yellow")
            )
            rows.append(
                [
                    mark,
                    rule.name,
                    in_words(
                        " ".join(rule.expression.split())
                        + (f": {rule.error}" if rule.error else "")
                    ),
                ]
            )
        screen.rows(rows)
    for account in explanation.accounts:
        screen.blank()
        _print_account(screen, account, now, detailed=detailed)


def _plain(value: object) -> str:
    if isinstance(value, str) and value:
        return in_words(value)
    return in_words(value, quoted=True) if value is not None else "-"


def _print_account(screen: Screen, account: Account, now: datetime, *, detailed: bool) -> None:
    screen.line(
        ("Target ", "bold"), (account.target, "bold"), "  ", (printable(account.url), "dim")
    )
    about: list[list[Part]] = [
        [("scope", "dim"), _scope(account)],
        [("account", "dim"), _link(account.link)],
    ]
    if account.failure is not None:
        about[0] = [
            ("mapping", "dim"),
            Text.assemble(("fails: ", "red"), in_words(account.failure)),
        ]
    if account.link is not None:
        about += [[(name, "dim"), value] for name, value in _facts(account.link, now)]
    screen.rows(about)
    _print_attributes(screen, account)
    _print_operations(screen, account, detailed=detailed)
    if account.history:
        screen.line(("history", "dim"), indent=2)
        screen.rows([_history(entry) for entry in account.history], indent=4)


def _scope(account: Account) -> Part:
    expression = "" if account.scope is None else in_words(" ".join(account.scope.split()))
    if account.in_scope is None:
        return Text.assemble(("out of scope", "yellow"), ": no source has this person")
    if account.in_scope:
        return Text.assemble(
            ("in scope", "green"), f": {expression}" if expression else ": everybody is"
        )
    return Text.assemble(("out of scope", "yellow"), f": {expression} is false")


def _link(link: Link | None) -> Part:
    if link is None:
        return "none that scimsync knows of"
    remote_id = f", id {printable(link.remote_id)}" if link.remote_id is not None else ""
    status = "none yet" if link.status is LinkStatus.PENDING else str(link.status)
    return Text.assemble((status, _LINK_STYLES.get(link.status, "")), remote_id)


def _facts(link: Link, now: datetime) -> list[tuple[str, str]]:
    facts = []
    if link.synced_at is not None:
        facts.append(("acknowledged", f"{local(link.synced_at)} ({distance(link.synced_at, now)})"))
    if link.delete_after is not None:
        facts.append(
            ("to be deleted", f"{local(link.delete_after)} ({distance(link.delete_after, now)})")
        )
    if link.last_error is not None:
        facts.append(("last error", printable(link.last_error)))
    if link.failures:
        facts.append(("failed", f"{link.failures} times in a row"))
    if link.next_try_at is not None:
        facts.append(("next try", f"{local(link.next_try_at)} ({distance(link.next_try_at, now)})"))
    if link.in_doubt:
        facts.append(
            ("in doubt", "a request got no answer; the account is read before anything is sent")
        )
    return facts


def _print_attributes(screen: Screen, account: Account) -> None:
    """What the account should hold, and where the target has acknowledged something else."""
    acknowledged = (
        account.link.document if account.link is not None and account.link.has_account else None
    )
    rows: list[list[Part]] = []
    if account.in_scope:
        title = (
            "attributes"
            if acknowledged is None
            else "attributes, acknowledged → desired where they differ"
        )
        differing = {change.path: change for change in account.changes}
        paths = dict.fromkeys([*account.desired, *differing])
        for path in paths:
            change = differing.get(path)
            value: Part = in_words(shown(account.desired.get(path)), quoted=True)
            if change is not None and acknowledged is not None:
                value = (
                    Text.assemble("nothing → ", change_text(change))
                    if change.before is None
                    else change_text(change)
                )
            rows.append([(in_words(short_path(path)), "dim"), value])
        if acknowledged is None:
            rows += [
                [
                    (in_words(short_path(path)), "dim"),
                    f"{in_words(shown(value), quoted=True)}, at creation only",
                ]
                for path, value in account.once.items()
            ]
    elif acknowledged:
        title = "attributes, as acknowledged"
        rows = [
            [(in_words(short_path(path)), "dim"), in_words(shown(value), quoted=True)]
            for path, value in acknowledged.items()
        ]
    if rows:
        screen.line((title, "dim"), indent=2)
        screen.rows(rows, indent=4)


def _print_operations(screen: Screen, account: Account, *, detailed: bool) -> None:
    if account.operations is None:
        screen.line(("a push now  ", "dim"), (printable(account.note or ""), "yellow"), indent=2)
        return
    if not account.operations:
        screen.line(("a push now  ", "dim"), "sends nothing", indent=2)
        return
    screen.line(("a push now", "dim"), indent=2)
    for entry in account.operations:
        if entry.status is OperationStatus.FAILED:
            screen.rows([[("cannot be planned", "red"), printable(entry.detail or "")]], indent=4)
            continue
        if entry.action in MEMBERSHIP_ACTIONS:
            screen.rows([[action_part(entry.action), f"group {printable(entry.key)}"]], indent=4)
            continue
        screen.rows([[action_part(entry.action), why_part(entry)]], indent=4)
        if _is_news(entry, account):
            screen.rows([change_row(change) for change in entry.changes], indent=6)
        if detailed:
            for line in request_lines(entry):
                screen.line((line, "cyan"), indent=6)


def _is_news(entry: JournaledOperation, account: Account) -> bool:
    """Whether the changes of an operation say more than the attributes above it."""
    said: list[Change] = list(account.changes)
    if account.link is None or not account.link.has_account:
        said = [
            Change(path, None, value) for path, value in {**account.desired, **account.once}.items()
        ]
    return not all(change in said for change in entry.changes)


def _history(entry: JournaledOperation) -> list[Part]:
    return [
        when_part(entry),
        f"run {entry.run}",
        action_part(entry.action),
        status_part(entry),
        why_part(entry),
    ]
