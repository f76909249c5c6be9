"""A server of one's own on loopback, in a thread of its own: takes connections, and one request
after the other from each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class LoopbackServer:
    """`url` is where it listens while `running`, with `path` behind it. What it answers says `one`;
    what has not one answer for each request says `connection`."""

    def __init__(self, path: str = "") -> None:
        self.url = ""
        self.loop = asyncio.new_event_loop()
        self._path = path
        self._connections: set[asyncio.Task[None]] = set()

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Reads a request and answers it; False: the connection is over."""
        raise NotImplementedError

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a connection to its end."""
        while await self.one(reader, writer):
            pass

    async def until_all_hung_up(self) -> None:
        """Returns once nobody is connected any more."""
        await asyncio.sleep(0)
        while self._connections:
            await asyncio.wait(set(self._connections))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs as long as the context lasts."""
        ready, stop = threading.Event(), asyncio.Event()

        async def run() -> None:
            listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}{self._path}"
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
