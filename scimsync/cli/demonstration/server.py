"""Starting and stopping the SCIM server of the demo."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from scimsync.errors import ConfigError, ScimsyncError

_TRIES = 5


def ensure_installed() -> None:
    """Raises ConfigError where scim2-server is missing."""
    if find_spec("scim2_server") is None:
        raise ConfigError(
            "the demo needs scim2-server, which is not installed",
            hint="pip install 'scimsync[demo]'; from a clone: make demo",
        )


@contextmanager
def running_server(token: str) -> Iterator[str]:
    """A SCIM server on a free port of 127.0.0.1 that takes `token`, as long as the block lasts;
    gives its base URL."""
    with tempfile.TemporaryFile("w+") as said:
        process, url = _start(token, said.fileno())
        if process is None:
            said.seek(0)
            last = said.read().strip().splitlines()[-1:]
            raise ScimsyncError("the SCIM server of the demo does not start", details=last)
        try:
            yield url
        finally:
            process.communicate()  # closes its stdin, which ends it


def _start(token: str, stderr: int) -> tuple[subprocess.Popen[str] | None, str]:
    """Another process may take the free port first, so a few are tried. None where the server ended
    each time."""
    for _ in range(_TRIES):
        port = _free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "scimsync.cli.demonstration.serve", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        if _is_serving(process, token):
            return process, f"http://127.0.0.1:{port}/v2"
        process.kill()
        process.communicate()
    return None, ""


def _is_serving(process: subprocess.Popen[str], token: str) -> bool:
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(token + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        return False
    return process.stdout.readline().startswith("Serving")  # "" where it has ended


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
