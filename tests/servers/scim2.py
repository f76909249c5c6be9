"""scim2-server, a real SCIM server, in memory and on loopback."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@contextmanager
def running_scim2_server(config: Mapping[str, Any] | None = None) -> Iterator[tuple[str, str]]:
    """Run a server as long as the context lasts. Yields its URL and its bearer token.

    Each `URL/TENANT/v2` is a separate store that the first request creates. `config` is the
    ServiceProviderConfig, which also says how the server works.
    """
    token = secrets.token_hex(16)
    with TemporaryDirectory(prefix="scim2-server-") as folder:
        options = []
        if config is not None:
            file = Path(folder) / "config.json"
            file.write_text(json.dumps(config), "utf-8")
            options = ["--service-provider-config", str(file)]
        process, url = _start(token, options)
        try:
            yield url, token
        finally:
            process.kill()
            process.communicate()


def _start(token: str, options: list[str]) -> tuple[subprocess.Popen[str], str]:
    """Start on a free port. Tries several, as another process may take a port first."""
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "scim2_server.testserver.cli",
            "--hostname",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        process = subprocess.Popen(
            [*command, "--bearer-token", token, "--dynamic-tenants", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        # printed once it listens; "" when it ended
        if process.stdout.readline().startswith("Serving"):
            return process, f"http://127.0.0.1:{port}"
        process.kill()
        process.communicate()
    raise RuntimeError("scim2-server does not start")
