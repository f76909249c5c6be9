"""Stands between scimsync and a real server, passes everything on, and keeps what went over the wire."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit


class Wire:
    """`seen` holds method, path with query, and body of each request, in order. While `is_down` says so nobody gets through."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.url = ""
        self.seen: list[tuple[str, str, Any]] = []
        self.is_down: Callable[[], bool] = lambda: False
        self._host, self._port, self.path = parts.hostname or "", parts.port or 0, parts.path
        self._tasks: set[asyncio.Task[None]] = set()

    def written(self) -> list[tuple[str, str, Any]]:
        """The requests that change something; paths relative to the base URL."""
        return [one for one in self.seen if one[0] != "GET"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        back: asyncio.Task[None] | None = None
        try:
            server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
            back = asyncio.create_task(_pump(server_reader, writer))
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").strip().split("\r\n")
                method, target, _ = first.split(" ")
                lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0])) if lengths else b""
                if self.is_down():
                    writer.transport.abort()
                    return
                self.seen.append((method, target.removeprefix(self.path), json.loads(body) if body else None))
                server_writer.write(head + body)
                await server_writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            if back is not None:
                back.cancel()
                server_writer.close()
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.CancelledError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()


@contextmanager
def watched(upstream: str) -> Iterator[Wire]:
    """A way to the base URL `upstream` on which everything is seen."""
    wire = Wire(upstream)
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def run() -> None:
        listener = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
        wire.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}{wire.path}"
        ready.set()
        await stop.wait()
        listener.close()
        for task in list(wire._tasks):
            task.cancel()
        await asyncio.gather(*wire._tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield wire
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
