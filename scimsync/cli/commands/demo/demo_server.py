"""The SCIM server of the demo: scim2-server in a process of its own.

The process reads the bearer token from the first line of stdin, so that no list of processes shows
it, and ends when stdin is closed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Thread

from scimsync.errors import ConfigError, ScimsyncError

_HOST = "127.0.0.1"
_TRIES = 5


def ensure_installed() -> None:
    """Raise ConfigError where scim2-server is missing."""
    if find_spec("scim2_server") is None:
        raise ConfigError(
            "the demo needs scim2-server, which is not installed",
            hint="pip install 'scimsync[demo]'; from a clone: make demo",
            code="SYNC-0911",
        )


@contextmanager
def running_server(token: str) -> Iterator[str]:
    """Run a SCIM server that takes `token` on a free port, and give its base URL."""
    with tempfile.TemporaryFile("w+") as log:
        process, url = _start(token, log.fileno())
        if process is None:
            log.seek(0)
            last_line = log.read().strip().splitlines()[-1:]
            raise ScimsyncError(
                "the SCIM server of the demo did not start", details=last_line, code="SYNC-0911"
            )
        try:
            yield url
        finally:
            process.communicate()  # closes its stdin, which ends it


def _start(token: str, stderr: int) -> tuple[subprocess.Popen[str] | None, str]:
    """Start the server, on another port where a process was faster to take the first.

    Return None if the server ended each time.
    """
    for _ in range(_TRIES):
        port = _free_port()
        process = subprocess.Popen(
            [sys.executable, "-c", f"import {__name__} as server; server.serve({port})"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        if _is_serving(process, token):
            return process, f"http://{_HOST}:{port}/v2"
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
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def serve(port: int) -> None:
    """Serve until stdin is closed. The server prints a line when it listens."""
    from scim2_server.testserver.cli import main

    token = sys.stdin.readline().strip()
    sys.argv = ["scim2-server", "--hostname", _HOST, "--port", str(port), f"--bearer-token={token}"]
    Thread(target=_exit_with_stdin, daemon=True).start()
    main()


def _exit_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)
