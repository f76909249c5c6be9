"""`scimsync audit`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from scimsync.audit import AuditReport, audit_people
from scimsync.audit.collect import Period, leavers
from scimsync.audit.report_values import PersonHistory
from scimsync.builtin import load
from scimsync.cli.commands.audit.audit_text import print_report
from scimsync.cli.commands.audit.verification import verify_file
from scimsync.cli.ui.combinations import not_with, only_with, refuse
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import Output
from scimsync.cli.ui.output_file import ReportFile, print_written
from scimsync.cli.ui.private_output import check_outputs, write_private
from scimsync.cli.ui.report_format import report_format
from scimsync.cli.ui.session import chosen_targets, opened_state
from scimsync.cli.ui.time_options import past_period
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.jsontext import json_text
from scimsync.model.batches import batches
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.ids import Key
from scimsync.run.display_names import display_names
from scimsync.run.origin import run_origin
from scimsync.state import overview, run_rows
from scimsync.state.store import Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy import Connection

_FORMATS = ("text", "csv", "json", "html")
_BATCH = 500
_WHEN = "2026-11-24, 2026-11-24T10:00, or 30m, 3h, 2d, 1w ago"


@click.command()
@click.argument("key", required=False)
@click.option("--since", metavar="WHEN", help=f"Report all users who left since: {_WHEN}.")
@click.option("--until", metavar="WHEN", help="With --since: only users who left before this time.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="Output format. (default: text, or by the extension of --out)",
)
@click.option(
    "--out",
    type=ReportFile(),
    metavar="FILE",
    help="Write the report to a file that only you can read; sign it if [audit] has a key.",
)
@click.option(
    "--verify",
    "verified",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Verify the signature of a report, which is in FILE.sig.",
)
@click.option(
    "--public-key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --verify: the public key to use instead of [audit] public_key.",
)
@not_with("--verify", "KEY", "--since", "--until", "--format", "--out", "--target")
@only_with("--verify", "--public-key")
@only_with("--since", "--until")
@common_options_without("keys")
def command(
    options: CommonOptions,
    key: str | None,
    since: str | None,
    until: str | None,
    form: str | None,
    out: Path | None,
    verified: Path | None,
    public_key: Path | None,
) -> None:
    """Report when the access of a user, or of all leavers, should have ended, and when it did.

    For each target, the report shows when the source ended the access, when scimsync planned the
    removal, sent it, got a response and read it back, who started the run, how long it took, and
    what is open. KEY is a value in the key column of the source; use --since instead to select all
    users who left in a period. The report comes only from the journal; the command sends nothing.
    Times are local on the terminal, and UTC in files and in CSV, JSON and HTML.

    Exit codes: 0 done, 1 the signature does not prove the file, 2 invalid usage or configuration.
    """
    if verified is not None:
        verify_file(options, verified, public_key)
        return
    if (key is None) == (since is None):
        refuse("name one KEY, or a period with --since")
    form = report_format(options, form, out, _FORMATS)
    begin, end = past_period(since, until, options)
    config = load(options.config)
    check_outputs(config, out)
    key_to_sign = _key_to_sign(config) if out is not None else None
    report = _report(
        config,
        options,
        None if key is None else Key(key),
        begin,
        end,
    )
    if out is None:
        _print(report, form)
    else:
        print_written(options, _write(report, form, out, config, key_to_sign))


def _report(
    config: Config,
    options: CommonOptions,
    key: Key | None,
    since: datetime | None,
    until: datetime | None,
) -> AuditReport:
    now = options.clock()
    targets = chosen_targets(config, options.targets)
    sla = config.audit.sla
    with opened_state(config, create=False) as store, store.read() as connection:
        if key is not None:
            keys: Sequence[Key] = [key]
        else:
            assert since is not None  # noqa: S101 - there is a key or a period
            keys = leavers(connection, config, targets, Period(since, until))
        people = audit_people(connection, config, targets, keys, now, sla, since)
        if key is not None and not people[0].targets and not people[0].removed:
            _require_known(connection, config, targets, key)
        return AuditReport(
            made_at=now,
            made_by=run_origin(config, ()),
            people=_with_names(people, config, store, targets),
            targets=targets,
            key=key,
            since=since,
            until=until,
            sla=sla,
            journal_since=run_rows.first_started(connection),
        )


def _with_names(
    people: Sequence[PersonHistory], config: Config, store: Store, targets: Sequence[str]
) -> list[PersonHistory]:
    """Return users with the names that `[display] name` gives them."""
    reader = display_names(config, store)
    if reader is None:
        return list(people)
    names: dict[Key, str] = {}
    for some in batches([one.key for one in people], _BATCH):
        names |= reader.names_anywhere(targets, some)
    return [replace(one, name=names.get(one.key)) for one in people]


def _require_known(
    connection: Connection, config: Config, targets: Sequence[str], key: Key
) -> None:
    """Raise ConfigError if no source has the key, or if no run has read a source yet."""
    if run_rows.first_started(connection) is None:
        raise ConfigError(
            f'no record of the key "{key}": nothing was pushed yet, so the journal is empty',
            hint=f"run scimsync explain {quote(key)} to see what the first push would do",
            code="SYNC-0350",
        )
    sources = sorted({source for name in targets for source in config.targets[name].source})
    alike = overview.keys_like(connection, sources, key)
    if key in alike:
        return
    named = overview.keys_named(connection, key)
    hint = f'it is the userName of "{named[0][1]}" at {named[0][0]}' if named else None
    raise ConfigError(
        f'unknown key "{key}": no record in {", ".join(sources)}, no linked account, and nothing in'
        " the journal",
        hint=hint or did_you_mean(key, alike),
        code="SYNC-0350",
    )


def _key_to_sign(config: Config) -> Ed25519PrivateKey | None:
    """Return the key of `[audit]`, None without one. Raise ConfigError."""
    if config.audit.key is None:
        return None
    from scimsync.audit.keys import signing_key

    return signing_key(config)


def _print(report: AuditReport, form: str) -> None:
    if form == "text":
        print_report(Output(), report)
        return
    sys.stdout.buffer.writelines(_chunks(report, form))
    sys.stdout.flush()


def _write(
    report: AuditReport, form: str, out: Path, config: Config, key: Ed25519PrivateKey | None
) -> str:
    """Write a report and its signature to private files, and return their names."""
    chunks = list(_chunks(report, form))
    write_private(out, chunks, config)
    written = str(out)
    if key is not None and out.is_file():
        from scimsync.audit.signature import SUFFIX, sign

        signature = out.with_name(out.name + SUFFIX)
        write_private(signature, [sign(key, out.name, chunks, report.made_at)], config)
        written += f" and its signature {signature}"
    return written


def _chunks(report: AuditReport, form: str) -> Iterable[bytes]:
    if form == "csv":
        from scimsync.cli.commands.audit.audit_csv import csv_report

        return (line.encode() for line in csv_report(report))
    if form == "html":
        from scimsync.audit.render.audit_html import html_report

        return (piece.encode() for piece in html_report(report))
    if form == "json":
        from scimsync.audit.render.audit_json import json_report

        return [json_text(json_report(report), indented=True).encode(), b"\n"]
    stream = io.StringIO()
    print_report(Output(stream), report, utc=True)
    return [stream.getvalue().encode()]
