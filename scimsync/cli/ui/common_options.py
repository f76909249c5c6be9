"""The options that every command takes, before or after its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scimsync.cli.ui.combinations import refuse
from scimsync.errors import coded

if TYPE_CHECKING:
    from scimsync.transport.retry_policy import TimeSource

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_CONFIG = Path("sync.toml")


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """The values of the common options, and the clock that the command runs by.

    `verbosity` is -1 for quiet, 1 or more for verbose. `time` is the clock for retries and rate
    limits; None is the real time.
    """

    config: Path = DEFAULT_CONFIG
    targets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    as_json: bool = False
    verbosity: int = 0
    debug: bool = False
    log_format: str = "text"
    clock: Callable[[], datetime] = utc_now
    time: TimeSource | None = None

    @property
    def quiet(self) -> bool:
        """Whether only errors are printed."""
        return self.verbosity < 0

    def repeated(self, command: str) -> str:
        """Return `command` with the restrictions of this call, for a hint. It names no users."""
        targets = "".join(f" -t {name}" for name in self.targets)
        return f"{command}{targets}{' -k KEY' if self.keys else ''}"

    def set_up_logging(self, *, times: bool = False) -> None:
        """Send the log to stderr as the options say; with `times`, each line has its time."""
        from scimsync.cli.ui.log_setup import set_up_logging

        set_up_logging(self.verbosity, debug=self.debug, log_format=self.log_format, times=times)

    @property
    def verbose(self) -> bool:
        """Whether details are printed."""
        return self.verbosity > 0


class Invocation:
    """One call of the program. `options` are those of the command that runs, for its errors."""

    def __init__(self, options: CommonOptions | None = None) -> None:
        self.options = options or CommonOptions()


def common_options(command: F) -> F:
    """Give a command the common options; it gets them as `options`.

    Options before the name of the command count as well.
    """
    return common_options_without()(command)


def common_options_without(*names: str) -> Callable[[F], F]:
    """Return `common_options` for a command that refuses `names`: `targets`, `keys`, `as_json`."""

    def decorate(command: F) -> F:
        @wraps(command)
        def with_options(
            *args: Any,
            config: Path | None,
            verbose: int,
            quiet: bool,
            debug: bool,
            log_format: str | None,
            as_json: bool = False,
            targets: Sequence[str] = (),
            keys: Sequence[str] = (),
            **more: Any,
        ) -> Any:
            context = click.get_current_context()
            invocation = context.ensure_object(Invocation)
            base = invocation.options
            for name in names:
                if getattr(base, name):
                    problem = f"--{_SPELT[name]} does not apply to scimsync {context.info_name}"
                    raise click.UsageError(coded(problem, "SYNC-0902"), context)
            if quiet and verbose:
                refuse("--quiet cannot be used with --verbose")
            invocation.options = options = replace(
                base,
                config=config or base.config,
                targets=(*base.targets, *targets),
                keys=(*base.keys, *keys),
                as_json=as_json or base.as_json,
                verbosity=-1 if quiet else verbose or base.verbosity,
                debug=debug or base.debug,
                log_format=log_format or base.log_format,
            )
            options.set_up_logging()
            return command(*args, options=options, **more)

        decorated: Any = with_options
        for name, option in reversed(_OPTIONS.items()):
            if name not in names:
                decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


_SPELT = {"targets": "target", "keys": "key", "as_json": "json"}


def _complete_target(context: click.Context, _: click.Parameter, start: str) -> list[str]:
    """Return the targets of sync.toml that begin with `start`; none where it cannot be read."""
    import tomllib

    path: object = None
    above: click.Context | None = context
    while path is None and above is not None:
        path, above = above.params.get("config"), above.parent
    try:
        targets = tomllib.loads(Path(str(path or DEFAULT_CONFIG)).read_text("utf-8-sig")).get(
            "targets"
        )
    except (OSError, ValueError):
        return []
    return [name for name in targets if name.startswith(start)] if isinstance(targets, dict) else []


_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "config": click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        envvar="SCIMSYNC_CONFIG",
        help="Use this configuration file. (default: sync.toml)",
    ),
    "targets": click.option(
        "-t",
        "--target",
        "targets",
        multiple=True,
        metavar="NAME",
        shell_complete=_complete_target,
        help="Only this target. Can be repeated.",
    ),
    "keys": click.option(
        "-k",
        "--key",
        "keys",
        multiple=True,
        metavar="KEY",
        help="Only the user with this key. Can be repeated.",
    ),
    "as_json": click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    "verbose": click.option("-v", "--verbose", count=True, help="Increase verbosity."),
    "quiet": click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
    "debug": click.option(
        "--debug", is_flag=True, help="Print tracebacks, and log requests without secrets."
    ),
    "log_format": click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        help="Format of the log on stderr.",
    ),
}
