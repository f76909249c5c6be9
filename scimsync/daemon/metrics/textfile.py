"""The metrics of a single push, as a file for the textfile collector of node_exporter."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from scimsync.daemon.extras import require_extra
from scimsync.daemon.metrics.counters import PushMetrics
from scimsync.errors import ConfigError

SUFFIX = ".prom"
"""node_exporter reads no other files. Any other path (sync.toml, a source) is never overwritten."""

_MODE = 0o644  # node_exporter runs as another user, and the file has no personal data


def check_textfile(path: Path) -> None:
    """Check before a run, as far as possible, that `write_textfile` will succeed after it.

    Raise ConfigError.
    """
    require_extra("prometheus_client", "metrics")
    _check_path(path)
    folder = path.parent
    if not folder.is_dir():
        raise _unwritable(path, "the folder does not exist")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(path, "the folder is not writable")


def write_textfile(path: Path, metrics: PushMetrics) -> None:
    """Replace the file at `path`; readers see either the old or the new file, as a whole.

    Raise ConfigError if it cannot be written, and whatever a collector raises.
    """
    from prometheus_client import write_to_textfile

    _check_path(path)
    try:
        write_to_textfile(str(path), metrics.registry)
        path.chmod(_MODE)  # whatever the umask
    except OSError as error:
        raise _unwritable(path, (error.strerror or str(error)).lower()) from error


def _check_path(path: Path) -> None:
    if path.suffix != SUFFIX:
        raise ConfigError(
            f"{path}: a metrics file must end in {SUFFIX}",
            hint=f"node_exporter reads no other files: {path.stem}{SUFFIX}",
            code="SYNC-0831",
        )
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(path, (error.strerror or str(error)).lower()) from error
    if not is_file:
        raise _unwritable(path, "it is not a regular file")


def _unwritable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path}: cannot write metrics: {why}",
        hint=(
            "the user that runs scimsync needs write access to the folder that node_exporter reads"
            " (--collector.textfile.directory)"
        ),
        code="SYNC-0831",
    )
