"""The command line: one module a command, loaded only when that command is called."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from scimsync import __version__
from scimsync.cli.options import Common, common

_COMMANDS = {
    "init": "write a sync.toml from a look at a file's columns",
    "check": "look at the configuration, the sources, the secrets and each target",
    "plan": "show what a push would do and why; send nothing, store nothing",
    "push": "do it",
    "status": "show sources, targets, links, failures and the last runs",
    "explain": "show one person: record, rules, accounts, history, what would be sent",
    "deprovision": "take somebody's accounts away now, whatever the source says",
    "journal": "show operations and what became of them",
    "runs": "show the last runs",
    "retry": "do again what failed, now",
    "daemon": "run on the schedules of sync.toml, and whenever a file is new",
    "state": "look after the state database: upgrade, prune, export, import",
    "schema": "print the JSON Schema of sync.toml",
    "demo": "run a SCIM server on loopback and a made-up company: day one, day two",
}
"""Command -> what it does, so that the help needs none of their modules."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(f"scimsync.cli.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], _COMMANDS, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        'Shell completion: eval "$(_SCIMSYNC_COMPLETE=bash_source scimsync)" (zsh_source,'
        " fish_source likewise)."
    ),
)
@click.version_option(__version__, "--version", prog_name="scimsync")
@common
@click.pass_context
def cli(ctx: click.Context, options: Common) -> None:
    """Keep accounts in apps right over SCIM 2.0, from the place where the truth about people is
    kept.

    Start with: scimsync init hr.csv, then scimsync plan, then scimsync push.
    """
    ctx.obj = options


_DUCKDB_INTERRUPTED = "Query interrupted"
"""What DuckDB makes of an interrupt, as a RuntimeError."""

_terminated: list[int] = []


def _terminate(number: int, _frame: FrameType | None) -> None:
    """Wherever a run does not end in order SIGTERM is an interrupt, so that no copy of a file is
    left behind."""
    _terminated.append(number)
    # as shells do to what they start in the background
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def _say_interrupted() -> NoReturn:
    click.echo("interrupted; the next push finishes what was begun", err=True)
    sys.exit(128 + (signal.SIGTERM if _terminated else signal.SIGINT))


def main() -> None:
    """Runs the command line and exits: 0 done, 1 unexpected or unreachable, 2 usage or
    configuration, 3 guard, 4 some operations failed, 5 another run holds the lease, 6 `plan
    --exit-code` and there is something to do."""
    signal.signal(signal.SIGTERM, _terminate)
    # imports make much that stays: looking for garbage in it takes a tenth of a short run
    gc.set_threshold(50_000, 20, 20)
    try:
        # click returns the code of Exit
        code = cli.main(standalone_mode=False, prog_name="scimsync")
        sys.stdout.flush()
    except click.Abort:  # what click makes of an interrupt
        _say_interrupted()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if _terminated or str(error) == _DUCKDB_INTERRUPTED:
            _say_interrupted()
        from scimsync.cli.failures import report_failure

        code = report_failure(error)
    sys.exit(code or 0)
