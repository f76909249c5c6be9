"""The findings of a reconciliation: rows for people, objects in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Final

import click

from scimsync.cli.ui.error_report import print_target_errors
from scimsync.cli.ui.operation_rows import change_row
from scimsync.cli.ui.output import Output, Part
from scimsync.errors import coded
from scimsync.formatting import plural, printable
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.plan.shown_plan import NameReader, Names
from scimsync.reconcile import Drift, Findings, ReconcileFinding, TargetFindings

SHOWN_AT_MOST: Final = 1_000
"""Further findings at a target are only counted; --json shows all."""

_STYLES: Final = {
    Drift.REACTIVATED: "bold red",
    Drift.STILL_ACTIVE: "bold red",
    Drift.MEMBER_ADDED: "red",
    Drift.SHARED: "red",
    Drift.REASSIGNED: "red",
}


_BATCH: Final = 200


def print_drift(
    output: Output, findings: Findings, reader: NameReader | None, *, quiet: bool
) -> None:
    """Print the findings, with the names that `reader` gives to users.

    Print accounts and groups that could not be compared to stderr.
    """
    for target in findings.targets.values():
        if len(target.log) and not quiet:
            _print_findings(output, target, reader)
    for target in findings.targets.values():
        _print_remarks(target)
    print_target_errors({name: one.error for name, one in findings.targets.items()}, "was read")
    for target in findings.targets.values():
        if not quiet and target.error is None:
            _print_summary(output, target)


def _print_findings(output: Output, target: TargetFindings, reader: NameReader | None) -> None:
    output.line((target.name, "bold"))
    width = max(len(drift) for drift in target.log.counts)
    for finding, names in _with_names(target, reader, SHOWN_AT_MOST):
        style = _STYLES.get(finding.drift, "yellow")
        drift = f"{finding.drift:<{width}}"
        output.rows([[(drift, style), (_subject(finding, names), "bold"), _about(finding, names)]])
        if finding.changes:
            output.rows([change_row(change) for change in finding.changes], indent=6)
    if len(target.log) > SHOWN_AT_MOST:
        output.line(f"and {len(target.log) - SHOWN_AT_MOST:,} more; --json shows all", indent=2)
    output.blank()


def _with_names(
    target: TargetFindings, reader: NameReader | None, most: int | None = None
) -> Iterator[tuple[ReconcileFinding, Names]]:
    """Yield the first `most` findings, None for all, with the names of the users in them."""
    for some in batches(islice(target.log, most), _BATCH):
        keys = [] if reader is None else [*dict.fromkeys(chain.from_iterable(map(_users, some)))]
        names = reader.names(target.name, keys) if reader is not None and keys else {}
        yield from ((finding, names) for finding in some)


def _users(finding: ReconcileFinding) -> Iterator[Key]:
    if finding.kind is Kind.USER:
        yield from finding.others if finding.key is None else (finding.key, *finding.others)
    if finding.member is not None and finding.member_kind is Kind.USER:
        yield finding.member


def _named(key: Key, names: Names) -> str:
    return f"{key} ({names[key]})" if key in names else key


def _subject(finding: ReconcileFinding, names: Names) -> str:
    if finding.key is None:
        return printable(finding.name or finding.remote_id or "")
    if finding.kind is Kind.USER:
        return printable(_named(finding.key, names))
    return printable(f"group {finding.key}")


def _about(finding: ReconcileFinding, names: Names) -> Part:
    """Return the name and id of a resource, or the member that a finding is about."""
    if finding.member_id is not None:
        noun = "member" if finding.member_kind is None else finding.member_kind.noun
        who = f"{noun} {finding.member_id}"
        if finding.member is None:
            return printable(who)
        if finding.member_kind is Kind.USER and finding.member in names:
            who = f"{names[finding.member]}, {who}"
        return printable(f"{finding.member} ({who})")
    about = f"{finding.kind.noun} {finding.remote_id}"
    if finding.name is not None and finding.key is not None:
        about = f"{finding.name} ({about})"
    more = {
        Drift.NEW_ID: f", now {finding.detail}",
        Drift.SHARED: f", also linked to {', '.join(_named(one, names) for one in finding.others)}",
        Drift.REASSIGNED: f": {finding.detail}",
        Drift.UNMANAGED: f", {finding.detail}" if finding.detail else "",
    }
    return printable(about + more.get(finding.drift, ""))


def _print_remarks(target: TargetFindings) -> None:
    """Print what could not be compared, and why, to stderr."""
    remarks = list(target.notes)
    if target.problem is not None:
        remarks.append(coded(target.problem, "SYNC-0520"))
    remarks += [
        coded(f"{one.kind.noun} {one.key}: {one.why}", "SYNC-0521")
        for one in target.log.first_unreadable
    ]
    more = target.log.unreadable - len(target.log.first_unreadable)
    if more > 0:
        remarks.append(f"{more:,} more could not be compared")
    if target.log.skipped:
        number = plural(target.log.skipped, "resource")
        remarks.append(
            f"{number} left out: their last request has no known outcome, or a push is"
            " at work on them"
        )
    for remark in remarks:
        click.secho(printable(f"{target.name}: {remark}"), fg="yellow", err=True)


def _print_summary(output: Output, target: TargetFindings) -> None:
    """Print what was compared, and the number of findings of each kind."""
    compared = _compared(target, Kind.USER, "account")
    if target.groups:
        compared += f" and {_compared(target, Kind.GROUP, 'group')}"
    counts = ", ".join(
        f"{target.log.counts[one]:,} {one}" for one in Drift if target.log.counts[one]
    )
    requests = plural(target.requests, "request")
    output.line(
        f"{target.name}: {compared} compared, {counts or 'no drift'}"
        f" ({requests}, {target.seconds:.1f} s)"
    )


def _compared(target: TargetFindings, kind: Kind, noun: str) -> str:
    """Return how many resources were compared: `9 accounts`, or `7 of 9 accounts`."""
    number, total = target.compared(kind)
    return plural(total, noun) if number == total else f"{number:,} of {plural(total, noun)}"


def drift_document(findings: Findings, reader: NameReader | None) -> dict[str, Any]:
    """Return the findings as `reconcile --json` shows them, with the names that `reader` gives."""
    return {
        "drift": findings.drifts,
        "targets": {name: _target_document(one, reader) for name, one in findings.targets.items()},
    }


def _target_document(target: TargetFindings, reader: NameReader | None) -> dict[str, Any]:
    return {
        "accounts": target.compared(Kind.USER)[0],
        "groups": target.compared(Kind.GROUP)[0],
        "counts": {str(one): target.log.counts[one] for one in Drift if target.log.counts[one]},
        "findings": list(_documents(target, reader)),
        "unreadable": {
            "count": target.log.unreadable,
            "first": [
                {"kind": one.kind, "key": one.key, "detail": one.why}
                for one in target.log.first_unreadable
            ],
        },
        "skipped": target.log.skipped,
        "incomplete": target.problem,
        "notes": list(target.notes),
        "requests": target.requests,
        "seconds": round(target.seconds, 3),
        "error": None if target.error is None else target.error.message,
    }


def _documents(target: TargetFindings, reader: NameReader | None) -> Iterator[dict[str, Any]]:
    for one, names in _with_names(target, reader):
        member = None
        if one.member_id is not None:
            member = {
                "kind": one.member_kind,
                "key": one.member,
                "id": one.member_id,
                **_display_name(one.member, one.member_kind, names),
            }
        yield {
            "drift": one.drift,
            "kind": one.kind,
            "key": one.key,
            "id": one.remote_id,
            "name": one.name,
            **_display_name(one.key, one.kind, names),
            "changes": [
                {"path": change.path, "acknowledged": change.before, "shown": change.after}
                for change in one.changes
            ],
            "others": one.others,
            "member": member,
            "detail": one.detail or None,
        }


def _display_name(key: Key | None, kind: Kind | None, names: Names) -> dict[str, str]:
    if key is None or kind is not Kind.USER or key not in names:
        return {}
    return {"display_name": names[key]}
