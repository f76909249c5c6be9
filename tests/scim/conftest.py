"""Servers on loopback for the tests of the protocol: a real SCIM server, and one that answers what
it is told to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.servers.scim2 import running_scim2_server


@pytest.fixture(scope="session")
def scim2_server() -> Iterator[tuple[str, str]]:
    """URL and bearer token of a scim2-server; tenants at URL/TENANT/v2."""
    with running_scim2_server() as server:
        yield server


@dataclass
class Loopback:
    """Answers each request with the next of its raw answers (the last one again and again) and
    keeps the requests."""

    answers: list[bytes]
    url: str = ""
    requests: list[str] = field(default_factory=list)
    connections: list[asyncio.Task[None] | None] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length.group(1))) if length else b""
                self.requests.append((head + body).decode())
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                writer.write(answer)
                await writer.drain()
                if not _is_whole(answer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _is_whole(answer: bytes) -> bool:
    """Whether the answer has all the bytes that it announces, so that the connection can be used
    again."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return length is not None and int(length.group(1)) == len(body)


@pytest.fixture
def loopback() -> Callable[..., AbstractAsyncContextManager[Loopback]]:
    """`async with loopback(answer, …) as server`: raw HTTP answers; b"" hangs up without one."""

    @asynccontextmanager
    async def running(*answers: bytes) -> AsyncIterator[Loopback]:
        state = Loopback(list(answers))
        server = await asyncio.start_server(state.serve, "127.0.0.1", 0)
        state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
        try:
            yield state
        finally:
            server.close()
            await asyncio.gather(*filter(None, state.connections))

    return running
