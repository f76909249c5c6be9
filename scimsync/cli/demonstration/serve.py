"""The server of the demo, as a process: scim2-server, until whoever started it closes this
process's stdin or dies.

Run as `python -m scimsync.cli.demonstration.serve PORT`; the first line of stdin is the bearer
token, so that it is in no list of processes.
"""

from __future__ import annotations

import os
import sys
from threading import Thread


def main() -> None:
    """Serves; prints a line when it listens."""
    from scim2_server.testserver.cli import main as serve

    token = sys.stdin.readline().strip()
    sys.argv = [
        "scim2-server",
        "--hostname",
        "127.0.0.1",
        "--port",
        sys.argv[1],
        f"--bearer-token={token}",
    ]
    Thread(target=_end_with_stdin, daemon=True).start()
    serve()


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
