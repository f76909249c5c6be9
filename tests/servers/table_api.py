"""An HTTP API whose answers are in a table, and its records as `type = "http"` reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from scimsync.sources.http.source import HttpSource
from scimsync.sources.workspace import Workspace
from tests.http_sources import FakeTime, records, spec_of
from tests.servers.faulty_http import FaultyHttpServer, Reply, Seen

Answer = Callable[[Seen], Reply] | Any


class TableApi(FaultyHttpServer):
    """Answers each path with a JSON body, or with what a function of the request returns."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        super().__init__()
        self.answers = answers

    def answer(self, seen: Seen) -> Reply:
        if seen.path not in self.answers:
            return Reply(404, {"error": "not found"})
        answer = self.answers[seen.path]
        return answer(seen) if callable(answer) else Reply(200, answer)


@contextmanager
def api(**answers: Answer) -> Iterator[TableApi]:
    """Serve answers by path; `_` stands for a slash."""
    server = TableApi({f"/{name.replace('_', '/')}": answer for name, answer in answers.items()})
    with server.running():
        yield server


def table(server: TableApi, more: str, path: str = "/people") -> str:
    return f'type = "http"\nurl = "{server.url}{path}"\nkey = "id"\n{more}'


def read(
    server: TableApi, more: str, *columns: str, path: str = "/people", time: FakeTime | None = None
) -> list[dict[str, Any]]:
    with Workspace() as workspace:
        spec = replace(spec_of(table(server, more, path)), used=columns)
        source = HttpSource(spec, workspace, (time or FakeTime()).source)
        return records(source, workspace, *columns)
