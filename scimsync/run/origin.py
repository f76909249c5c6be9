"""Who starts a run, where, and with which options."""

from __future__ import annotations

import os
import platform
import pwd

from scimsync import __version__
from scimsync.config import Config
from scimsync.model.operations import RunOrigin
from scimsync.run.options import Options


def run_origin(config: Config, options: tuple[str, ...]) -> RunOrigin:
    """Return the origin that the journal records for a run that starts now in this process."""
    return RunOrigin(_user(), platform.node(), options, __version__, config.digest)


def shown_options(config: Config, targets: tuple[str, ...], options: Options) -> tuple[str, ...]:
    """Return the options of a push as they are written on the command line.

    `targets` are those of the run.
    """
    shown = [f"--target {name}" for name in targets] if len(targets) < len(config.targets) else []
    shown += [f"--key {key}" for key in options.keys]
    allowance = options.allowance
    shown += [
        f"--allow-{setting.partition('_')[2].replace('_', '-')} {limit}"
        for setting, limit in allowance.limits.items()
    ]
    shown += [f"--allow-emptied {column}" for column in sorted(allowance.emptied)]
    if allowance.new_url:
        shown.append("--allow-new-url")
    if options.repairs is not None:
        shown.append("--fix")
    if options.refresh:
        shown.append("--refresh")
    if options.saved is not None:
        shown.append(f"saved plan {options.saved.name}")
    return tuple(shown)


def _user() -> str:
    """Return the name of the user that owns this process, regardless of the environment."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # in a container
        name = str(number)
    other = os.environ.get("SUDO_USER") if number == 0 else None
    return f"{other} as {name}" if other and other != name else name
