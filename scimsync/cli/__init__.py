"""The command line. Each command is a module of `commands`, imported only when it is called."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click
from click.shell_completion import CompletionItem

from scimsync import __version__
from scimsync.cli.ui.common_options import (
    CommonOptions,
    Invocation,
    common_options,
    utc_now,
)
from scimsync.cli.ui.streams import OutputFailed, guard_streams

if TYPE_CHECKING:
    from scimsync.transport.retry_policy import TimeSource

_COMMANDS = {
    "init": "Write a first sync.toml from the columns of a file",
    "check": "Check configuration, secrets, sources and targets",
    "plan": "Show what a push would change, and why",
    "show": "Show a saved plan",
    "diff": "Show how two saved plans differ",
    "adoption": "Show how existing accounts match users, before the first push",
    "push": "Apply the plan to all targets",
    "reconcile": "Show how targets differ from what they last acknowledged",
    "status": "Show sources, targets, failures and recent runs",
    "explain": "Show everything about one user, and what a push would do",
    "revert": "Undo a run",
    "deprovision": "Remove a user's access at all targets now",
    "rekey": "Move accounts to users with new keys",
    "forget": "Separate a user from accounts of another person",
    "journal": "Show operations and their outcomes",
    "runs": "Show recent runs",
    "audit": "Report when access should have ended, and when it did",
    "retry": "Retry failed operations now",
    "daemon": "Push on a schedule and when a file changes",
    "state": "Manage the state database",
    "profiles": "List known products and their properties",
    "schema": "Print the JSON Schema of sync.toml",
    "help": "Explain a message by its code, such as SYNC-0106",
    "probe": "Test the SCIM API of an application as Okta, Entra and others do",
    "demo": "Try scimsync with a local SCIM server and made-up users",
}
"""Command -> its summary, so that the list of commands imports none of them."""


_ELSEWHERE = {"import": "adoption", "match": "adoption"}
"""What other programs call a command -> the command."""


def _start_collecting() -> None:
    """Start garbage collection, but not of what was imported: that takes a fifth of a short run.

    DuckDB is imported later. It prints a warning about each of its objects that is not collected.
    """
    if "duckdb" not in sys.modules and gc.get_freeze_count() == 0:
        gc.freeze()
    gc.enable()


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(f"scimsync.cli.commands.{cmd_name}").command
        _start_collecting()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from scimsync.errors import coded
            from scimsync.model.did_you_mean import did_you_mean

            word = _ELSEWHERE.get(args[0], args[0])
            meant = did_you_mean(word, _COMMANDS) or "scimsync --help lists the commands"
            message = coded(f'unknown command "{args[0]}": {meant}', "SYNC-0901")
            raise click.UsageError(message, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [
            CompletionItem(name, help=summary)
            for name, summary in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        'To complete commands in bash: eval "$(_SCIMSYNC_COMPLETE=bash_source scimsync)". For other'
        " shells: zsh_source, fish_source."
    ),
)
@click.version_option(__version__, "--version", prog_name="scimsync")
@common_options
def cli(options: CommonOptions) -> None:
    """Keep the accounts in your applications up to date over SCIM 2.0, from your HR data.

    To begin: scimsync init hr.csv, then scimsync plan, then scimsync push.
    """


_DUCKDB_INTERRUPTED = "Query interrupted"
"""The message of the RuntimeError that DuckDB raises for an interrupt."""

_terminated: list[int] = []


def _terminate(number: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM like an interrupt, so that no temporary copy of a file is left behind."""
    _terminated.append(number)
    # a shell ignores SIGINT for processes that it starts in the background
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.raise_signal(signal.SIGINT)
    elif not _cancel_tasks():
        raise KeyboardInterrupt


def _cancel_tasks() -> bool:
    """Cancel the tasks of the running event loop, and return whether there is one.

    An exception that a signal handler raises in the middle of a task may be lost, or replaced.
    """
    asyncio = sys.modules.get("asyncio")  # most runs do without it
    try:
        loop = None if asyncio is None else asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if asyncio is None or loop is None:
        return False

    def cancel() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()

    loop.call_soon_threadsafe(cancel)
    return True


def _interrupts() -> tuple[type[BaseException], ...]:
    """Return the exceptions that end an interrupted command."""
    asyncio = sys.modules.get("asyncio")
    return (click.Abort,) if asyncio is None else (click.Abort, asyncio.CancelledError)


def _interrupted() -> int:
    click.echo("interrupted; the next push continues from here", err=True)
    return 128 + (signal.SIGTERM if _terminated else signal.SIGINT)


def main(
    arguments: Sequence[str] | None = None,
    clock: Callable[[], datetime] = utc_now,
    time: TimeSource | None = None,
) -> NoReturn:
    """Run the command line, by default with the arguments of the process, and exit.

    The exit code is 0 done, 1 unexpected or unreachable, 2 usage or configuration, 3 guard, 4 some
    operations failed, 5 another run holds the lease, 6 for `plan --exit-code` with something to do.
    """
    signal.signal(signal.SIGTERM, _terminate)
    gc.disable()  # until the command is imported: imports create many objects that stay
    gc.set_threshold(50_000, 20, 20)
    guard_streams()
    invocation = Invocation(CommonOptions(clock=clock, time=time))
    try:
        code = _exit_code(arguments, invocation)
    finally:
        gc.enable()
    try:
        sys.stdout.flush()
    except OutputFailed as failed:
        code = code or failed.exit_code
        _report_output(failed)
    sys.exit(code)


def _exit_code(arguments: Sequence[str] | None, invocation: Invocation) -> int:
    """Run the command line, report its error, and return its exit code."""
    try:
        code = cli.main(arguments, prog_name="scimsync", standalone_mode=False, obj=invocation)
    except _interrupts():
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OutputFailed as failed:
        _report_output(failed)
        return failed.exit_code
    except Exception as error:
        if _terminated or str(error) == _DUCKDB_INTERRUPTED:
            return _interrupted()
        from scimsync.cli.ui.error_report import report_error

        return report_error(error, invocation.options)
    return code or 0


def _report_output(failed: OutputFailed) -> None:
    """Print why stdout could not be written, unless the reader of a pipe stopped early."""
    failed.drop_rest()
    if failed.by_reader:
        return
    from scimsync.cli.ui.error_report import print_error
    from scimsync.errors import ScimsyncError

    print_error(
        ScimsyncError(
            f"stdout cannot be written: {failed.reason}; the output is incomplete",
            code="SYNC-0707",
        )
    )
