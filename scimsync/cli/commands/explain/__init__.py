"""`scimsync explain`."""

from __future__ import annotations

from typing import Any

import click

from scimsync.builtin import load
from scimsync.cli.commands.explain.explanation import AccountReport, Explanation, explain
from scimsync.cli.commands.explain.explanation_text import print_explanation
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import Output, write_json
from scimsync.cli.ui.session import chosen_targets, opened_state, this_moment
from scimsync.model.ids import Key
from scimsync.model.links import Link
from scimsync.model.pins import Pin
from scimsync.plan.render.json import journal_document, planned_document
from scimsync.plan.requests import shown


@click.command()
@click.argument("key")
@click.option(
    "--offline",
    is_flag=True,
    help="Do not contact targets. Existing accounts are not found.",
)
@common_options_without("keys")
def command(options: CommonOptions, key: str, offline: bool) -> None:
    """Show everything about one user, and what a push would send now.

    This is the record, the access rules, and the account and its history at each target. KEY is a
    value of the source's key column. Nothing is sent or stored. With -v, also show the requests.
    Exit code 2 if the key is unknown.
    """
    config = load(options.config)
    names = chosen_targets(config, options.targets)
    now = this_moment(options)
    with opened_state(config, create=False) as store:
        exact = options.as_json or options.verbose
        explanation = explain(config, names, store, Key(key), now, offline=offline, exact=exact)
    if options.as_json:
        write_json(_document(explanation))
    else:
        print_explanation(Output(), explanation, now.time, detailed=options.verbose)


def _document(explanation: Explanation) -> dict[str, Any]:
    """Return `explain --json`; times are UTC."""
    return {
        "key": explanation.key,
        **({} if explanation.name is None else {"name": explanation.name}),
        "held_since": explanation.held,
        "records": [
            {"source": record.source, "removed": record.removed, "data": explanation.data(record)}
            for record in explanation.records
        ],
        "access": [
            {
                "name": rule.name,
                "expression": rule.expression,
                "holds": rule.holds,
                "error": rule.error,
            }
            for rule in explanation.rules
        ],
        "targets": {account.target: _account(account) for account in explanation.accounts},
        "note": explanation.note,
    }


def _account(account: AccountReport) -> dict[str, Any]:
    return {
        "url": account.url,
        "scope": account.scope,
        "in_scope": account.in_scope,
        "failure": account.failure,
        "desired": {path: shown(value) for path, value in account.desired.items()},
        "at_creation": {path: shown(value) for path, value in account.once.items()},
        "link": None if account.link is None else _link(account.link),
        "pinned": None if account.pin is None else _pin(account.pin),
        "would_send": None
        if account.operations is None
        else [planned_document(planned) for planned in account.operations],
        "note": account.note,
        "history": [journal_document(entry) for entry in account.history],
    }


def _pin(pin: Pin) -> dict[str, Any]:
    return {
        "reverted": pin.undone,
        "since": pin.since,
        "restored": {path: shown(value) for path, value in pin.values.items()},
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "status": link.status,
        "remote_id": link.remote_id,
        "acknowledged": {path: shown(value) for path, value in link.document.items()},
        "synced_at": link.synced_at,
        "delete_after": link.delete_after,
        "doubtful": link.in_doubt,
        "failures": link.failures,
        "next_try_at": link.next_try_at,
        "last_error": link.last_error,
        "may_have_access_since": link.may_have_access_since,
        "shown_otherwise": [
            {"path": echo.path, "sent": echo.sent, "shown": echo.shown} for echo in link.echoes
        ],
    }
