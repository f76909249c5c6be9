"""`scimsync status`."""

from __future__ import annotations

from typing import Any

import click

from scimsync.builtin import load
from scimsync.cli.commands.runs import run_document
from scimsync.cli.commands.status.status_report import Status, TargetStatus, read_status
from scimsync.cli.commands.status.status_text import print_status
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import Output, write_json
from scimsync.cli.ui.problems import problem_document
from scimsync.cli.ui.session import chosen_targets, opened_state, this_moment
from scimsync.model.ids import Key, Kind
from scimsync.model.links import LinkStatus


@click.command()
@common_options_without("keys")
def command(options: CommonOptions) -> None:
    """Show sources, targets, accounts, failures, alerts, active runs and recent runs.

    Only the state is read; targets are not contacted. Exit code 0, whatever it shows.
    """
    config = load(options.config)
    names = chosen_targets(config, options.targets)
    with opened_state(config, create=False) as store:
        status = read_status(config, names, store, this_moment(options))
    if options.as_json:
        write_json(_document(status))
    else:
        print_status(Output(), status, options.targets)


def _document(status: Status) -> dict[str, Any]:
    return {
        "state": status.state_label,
        "sources": {
            source.name: {
                "ingested_at": source.ingested_at,
                "records": source.records,
                "problems": [problem_document(problem) for problem in source.problems],
            }
            for source in status.sources
        },
        "targets": {target.name: _target_document(target) for target in status.targets},
        "dropped_targets": [
            {"name": one.name, "active": one.accounts, "same_url": one.same_url}
            for one in status.dropped
        ],
        "held": dict(status.holds),
        "troubles": [
            {"event": one.event, "subject": one.subject, "since": one.since, "text": one.text}
            for one in status.alerts
        ],
        "events": [
            {
                "destination": one.destination,
                "waiting": one.number,
                "since": one.since,
                "failures": one.failures,
                "next_try_at": one.next_try_at,
                "last_error": one.last_error,
            }
            for one in status.events
        ],
        "leases": [
            {"name": lease.name, "holder": lease.holder, "expires_at": lease.expires_at}
            for lease in status.leases
        ],
        "runs": [run_document(run, (), at_work=bool(status.leases)) for run in status.runs],
        "error": None if status.error is None else status.error.message,
        "readable_by_others": [str(path) for path in status.exposed],
    }


def _target_document(target: TargetStatus) -> dict[str, Any]:
    return {
        "url": target.url,
        "pushed": target.pushed,
        "behind": target.behind,
        "reconfigured": target.reconfigured,
        "failures": target.known.failures,
        "quarantined_until": target.known.quarantined_until,
        "last_error": target.known.last_error,
        "shapes": {
            name: {"choice": one.choice, "why": one.why, "since": one.learned_on}
            for name, one in sorted(target.known.shapes.items())
        },
        "rate": {"lowered_to": target.known.lowered_rate, "at": target.known.lowered_at},
        "links": {
            kind.value: {status.value: target.links.get((kind, status), 0) for status in LinkStatus}
            for kind in Kind
        },
        "failing": {
            "count": target.failing.count,
            "next_try_at": target.failing.next_try_at,
            "first": [
                {
                    "kind": one.kind,
                    "key": one.key,
                    **_name(target, one.key, one.kind),
                    "failures": one.failures,
                    "last_error": one.last_error,
                    "next_try_at": one.next_try_at,
                }
                for one in target.failing.first
            ],
        },
        "may_have_access": {
            "count": target.access_to_remove.count,
            "first": [
                {"key": key, **_name(target, key), "since": since}
                for key, since in target.access_to_remove.first
            ],
        },
        "shown_otherwise": [
            {"kind": one.kind, "path": one.echo.path, "count": one.count, "key": one.key}
            for one in target.echoes
        ],
        "reconciled": _reconciled_document(target),
        "protected": [{"key": key, "why": why} for key, why in target.protected.items()],
        "pinned": {
            "count": target.pinned.count,
            "first": [
                {
                    "kind": pin.kind,
                    "key": pin.key,
                    **_name(target, pin.key, pin.kind),
                    "reverted": pin.undone,
                    "since": pin.since,
                }
                for pin in target.pinned.first
            ],
        },
    }


def _reconciled_document(target: TargetStatus) -> dict[str, Any] | None:
    last = target.reconciled
    if last is None:
        return None
    return {"at": last.at, "findings": last.findings, "complete": last.complete}


def _name(target: TargetStatus, key: Key, kind: Kind = Kind.USER) -> dict[str, str]:
    is_named = kind is Kind.USER and key in target.names
    return {"name": target.names[key]} if is_named else {}
