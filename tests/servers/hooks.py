"""A receiver of webhooks on loopback that keeps the requests, and fails on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four bytes").decode()


@dataclass(frozen=True)
class Got:
    """One request. Names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.document["data"]

    def is_signed_with(self, key: bytes) -> bool:
        """Return whether the signature is valid by Standard Webhooks 1.0, whatever its time."""
        signed = b".".join(
            [
                self.headers["webhook-id"].encode(),
                self.headers["webhook-timestamp"].encode(),
                self.body,
            ]
        )
        version, _, signature = self.headers["webhook-signature"].partition(",")
        return version == "v1" and hmac.compare_digest(
            base64.b64decode(signature), hmac.new(key, signed, hashlib.sha256).digest()
        )


@dataclass
class Hooks:
    """What a receiver got and how it responds.

    `got` are the requests with a 2xx response, `refused` all others. The next requests get one of
    `answers` each, and all further ones `status`: a status, `hang` (no response until the end) or
    `cut` (the connection ends). `body` is that of responses, by status.
    """

    url: str = ""
    port: int = 0
    got: list[Got] = field(default_factory=list)
    refused: list[Got] = field(default_factory=list)
    status: int | str = 204
    answers: list[int | str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[int, bytes] = field(default_factory=lambda: {200: b"ok"})
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def titles(self) -> list[str]:
        return [one.data["title"] for one in self.got]

    @property
    def bodies(self) -> str:
        """All bodies, without ids and signatures, which may contain any number."""
        return "\n".join(one.body.decode() for one in [*self.got, *self.refused])

    @property
    def everything(self) -> str:
        """All requests as text."""
        return "\n".join(
            f"{one.path}\n{dict(one.headers)}\n{one.body.decode()}"
            for one in [*self.got, *self.refused]
        )


@contextmanager
def running_hooks() -> Iterator[Hooks]:
    """Run a receiver as long as the context lasts."""
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got = Got(
                self.path, {name.lower(): value for name, value in self.headers.items()}, body
            )
            answer = hooks.answers.pop(0) if hooks.answers else hooks.status
            taken = isinstance(answer, int) and 200 <= answer < 300
            (hooks.got if taken else hooks.refused).append(got)
            if not isinstance(answer, int):
                if answer == "hang":
                    hooks.ended.wait()
                self.close_connection = True
                return
            self.send_response(answer)
            for name, value in hooks.headers.items():
                self.send_header(name, value)
            response = hooks.body.get(answer, b"")
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        hooks.port = server.server_address[1]
        hooks.url = f"http://127.0.0.1:{hooks.port}"
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        thread.start()
        try:
            yield hooks
        finally:
            hooks.ended.set()
            server.shutdown()
            thread.join()
