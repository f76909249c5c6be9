"""`scimsync probe`."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import click

from scimsync.cli.commands.probe.probe_text import print_clean_up, print_left, print_report
from scimsync.cli.commands.probe.server_to_probe import ServerToProbe, server_to_probe
from scimsync.cli.ui.combinations import given_options, not_with, refuse
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import Output, write_json
from scimsync.cli.ui.output_file import OutputFile, ReportFile, print_written
from scimsync.cli.ui.private_output import check_outputs, write_private
from scimsync.cli.ui.progress import progress
from scimsync.cli.ui.report_format import report_format
from scimsync.errors import Interrupted, StateError, coded
from scimsync.model.did_you_mean import did_you_mean
from scimsync.probe.render import FORMATS
from scimsync.probe.render.har import har_report
from scimsync.probe.run import Only, ProbeOptions, clean_up, probe
from scimsync.probe.sequences import SEQUENCES
from scimsync.probe.values import ProbeReport
from scimsync.run.cancellation import cancellable
from scimsync.transport.retry_policy import TimeSource

Result = TypeVar("Result")


@click.command()
@click.argument("where", metavar="TARGET|URL")
@click.option(
    "--token",
    metavar="REFERENCE",
    help="With a URL: a reference to the bearer token, such as env:APP_TOKEN.",
)
@click.option(
    "--set",
    "settings",
    metavar="OPTION=VALUE",
    multiple=True,
    help="With a URL: set an option of [targets.NAME], such as auth.type=basic or timeout=60.",
)
@click.option(
    "--as",
    "providers",
    metavar="NAMES",
    multiple=True,
    help=f"Act as these providers, separated by commas: {', '.join(SEQUENCES)}. (default: all)",
)
@click.option("--only", type=click.Choice(["users", "groups"]), help="Check users or groups only.")
@click.option("--keep", is_flag=True, help="Keep the users and groups for inspection.")
@click.option(
    "--clean", "cleans", is_flag=True, help="Only remove what earlier probes left or kept."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", *FORMATS]),
    help="Format of the report. (default: text, or by the extension of --out)",
)
@click.option(
    "--out",
    type=ReportFile(),
    metavar="FILE",
    help="Write the report to a file that only you can read.",
)
@click.option(
    "--har",
    type=OutputFile("a report goes to stdout without --out"),
    metavar="FILE",
    help="Write all requests, without secrets, to an HTTP Archive that only you can read.",
)
@not_with("--clean", "--keep", "--as", "--only", "--format", "--out", "--har")
@common_options_without("targets", "keys")
def command(
    options: CommonOptions,
    where: str,
    token: str | None,
    settings: tuple[str, ...],
    providers: tuple[str, ...],
    only: Only | None,
    keep: bool,
    cleans: bool,
    form: str | None,
    out: Path | None,
    har: Path | None,
) -> None:
    """Test the SCIM API of an application as Okta, Entra and other providers use it.

    TARGET is a target in sync.toml; a URL needs no sync.toml. The probe creates users and groups
    whose names begin with scimsync-probe-, changes and removes them, and reads back what the server
    stored. Use it only for applications under development, not where real users have accounts.

    Exit codes: 0 all checks pass, 1 the server cannot be reached or refuses the token, 2 invalid
    usage or configuration, 4 a check that a chosen provider needs fails, or something could not be
    removed.
    """
    form = report_format(options, form, out, ("text", *FORMATS))
    options = replace(options, as_json=form == "json")
    if "://" in where and "--config" in given_options(click.get_current_context()):
        refuse("--config cannot be used with a URL")
    names = _providers(providers)
    server = server_to_probe(where, options.config, token, settings)
    check_outputs(server.config, out, har)
    wanted = ProbeOptions(
        providers=names,
        folder=server.folder,
        run=secrets.token_hex(5),
        only=only,
        keep=keep,
        now=options.clock,
        time=options.time or TimeSource(),
    )
    try:
        code = (
            _clean(options, server, wanted)
            if cleans
            else _probe(options, server, wanted, form, out, har)
        )
    except OSError as error:
        problem = f"{server.folder}: cannot be written: {error.strerror}"
        raise StateError(problem, code="SYNC-0962") from error
    raise click.exceptions.Exit(code)


def _providers(chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the sequences that `--as` names, all without it, in their order."""
    names = [name.strip() for one in chosen for name in one.split(",") if name.strip()]
    for name in names:
        if name not in SEQUENCES:
            hint = did_you_mean(name, SEQUENCES) or f"there are {', '.join(SEQUENCES)}"
            raise click.UsageError(coded(f"--as {name}: no such provider; {hint}", "SYNC-0963"))
    return tuple(name for name in SEQUENCES if not names or name in names)


def _probe(
    options: CommonOptions,
    server: ServerToProbe,
    wanted: ProbeOptions,
    form: str,
    out: Path | None,
    har: Path | None,
) -> int:
    with progress(options) as report:
        found = _run(probe(server.origin, replace(wanted, report=report)))
    if out is not None:
        _write(out, _rendered(found, form), server, options)
    elif form == "text":
        print_report(Output(), found, verbose=options.verbose)
    else:
        sys.stdout.writelines(_rendered(found, form))
    if har is not None:
        _write(har, har_report(found), server, options)
    print_left(found)
    return found.exit_code


def _write(
    path: Path, pieces: Iterator[str], server: ServerToProbe, options: CommonOptions
) -> None:
    write_private(path, (piece.encode() for piece in pieces), server.config)
    print_written(options, path)


def _rendered(report: ProbeReport, form: str) -> Iterator[str]:
    """Yield the report in pieces."""
    if form != "text":
        yield from FORMATS[form](report)
        return
    from io import StringIO

    stream = StringIO()
    print_report(Output(stream), report, verbose=True)
    yield stream.getvalue()


def _clean(options: CommonOptions, server: ServerToProbe, wanted: ProbeOptions) -> int:
    gone, left = _run(clean_up(server.origin, wanted))
    if options.as_json:
        write_json({"removed": gone, "left": left, "exit_code": 4 if left else 0})
    else:
        print_clean_up(gone, left)
    return 4 if left else 0


def _run(work: Coroutine[None, None, Result]) -> Result:
    """Run `work`. The first Ctrl-C lets it clean up, and the second ends the process."""

    async def cancelled_by_signals() -> Result:
        task = asyncio.current_task()
        signals: list[Interrupted] = []

        def stop(why: Interrupted) -> None:
            signals.append(why)
            cast("asyncio.Task[Result]", task).cancel()

        with cancellable(stop):
            try:
                return await work
            except asyncio.CancelledError:
                if not signals:
                    raise
                number = signals[0].exit_code - 128
                hint = "scimsync probe --clean removes what is left, if anything is"
                raise Interrupted("interrupted", number=number, hint=hint) from None

    return asyncio.run(cancelled_by_signals())
