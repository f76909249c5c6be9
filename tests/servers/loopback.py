"""A base class for servers on loopback that run in a thread."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class LoopbackServer:
    """Accepts connections, and requests from each, one after the other.

    `url`, which ends with `path`, is its base URL while it is `running`. A subclass overrides
    `respond`, or `connection` if it does not send one response to each request. With a
    `context`, it accepts https only.
    """

    def __init__(self, path: str = "", context: ssl.SSLContext | None = None) -> None:
        self.url = ""
        self.loop = asyncio.new_event_loop()
        self._path = path
        self._context = context
        self._connections: set[asyncio.Task[None]] = set()

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read a request and respond. Return False where the connection has ended."""
        raise NotImplementedError

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection to its end."""
        while await self.respond(reader, writer):
            pass

    async def until_disconnected(self) -> None:
        """Return once no client is connected."""
        await asyncio.sleep(0)
        while self._connections:
            await asyncio.wait(set(self._connections))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run as long as the context lasts."""
        ready, stop = threading.Event(), asyncio.Event()

        async def run() -> None:
            listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
            scheme = "http" if self._context is None else "https"
            self.url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}{self._path}"
            ready.set()
            await stop.wait()
            listener.close()
            for task in list(self._connections):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*self._connections)

        thread = threading.Thread(target=lambda: self.loop.run_until_complete(run()), daemon=True)
        thread.start()
        ready.wait()
        try:
            yield
        finally:
            self.loop.call_soon_threadsafe(stop.set)
            thread.join()
            self.loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self.connection(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
