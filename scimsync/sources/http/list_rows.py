"""Turn the records of a list into the rows of the source, and check that the list is complete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from scimsync.formatting import plural
from scimsync.sources.http.api_client import ApiClient
from scimsync.sources.http.calls import Call, ListCall, Probe
from scimsync.sources.http.jmespath_expressions import compiled, is_true
from scimsync.sources.http.list_pages import BadPage, Pages
from scimsync.sources.http.page_reader import Place, evaluated
from scimsync.sources.http.response_columns import Columns, kept
from scimsync.sources.remote import ListFault, spool_file


class Spool:
    """The file at `path` while rows are written to it. Their digest begins with that of `text`."""

    def __init__(self, path: Path, stream: BinaryIO, text: str) -> None:
        self.path = path
        self._stream = stream
        self._total = hashlib.sha256(text.encode())

    def write(self, lines: bytes) -> None:
        """Add rows."""
        self._total.update(lines)
        self._stream.write(lines)

    def flush(self) -> None:
        """Write all rows so far to the file."""
        self._stream.flush()

    def hexdigest(self) -> str:
        """Return the digest of all rows so far, in their order."""
        return self._total.hexdigest()


@contextmanager
def new_spool(path: Path, text: str) -> Iterator[Spool]:
    """Create a file for rows; see `spool_file` and `Spool`."""
    with spool_file(path) as stream:
        yield Spool(path, stream, text)


class RowWriter:
    """Writes the rows of one list as NDJSON, each once, and counts the values of columns.

    `key` is the name of the key column, and `write` gets the lines of a page. `rows` is the number
    of rows so far.
    """

    def __init__(
        self,
        client: ApiClient,
        call: ListCall,
        columns: Columns,
        key: str,
        write: Callable[[bytes], None],
    ) -> None:
        self._client = client
        self._where = call.where
        self._columns = columns
        self._key = key
        self._write = write
        self._seen: dict[str, int] = {}
        self._filled = {name: 0 for name, facts in columns.facts.items() if facts.filled}
        self.rows = 0

    @property
    def keys(self) -> set[str]:
        """The keys of the rows that were checked for repetitions so far."""
        return set(self._seen)

    def wanted(self, records: Sequence[Any]) -> list[Any]:
        """Return those of the records that are rows.

        Raise SourceUnavailable if one of them withholds a field in use.
        """
        wanted = kept(self._where, records)
        if withheld := self._columns.hidden(wanted):
            raise self._client.failure(
                None,
                f"the credentials cannot see {', '.join(sorted(withheld))}",
                hint="grant access to these fields, or do not use their columns",
                code="SYNC-0269",
            )
        return wanted

    def put(
        self, records: Sequence[Any], *, repeats: bool = False, before: set[str] | None = None
    ) -> None:
        """Write the rows of records.

        With `repeats`, a record may come again, and is written once; `before` are the keys of
        earlier reads, if pages are counted. Raise ListFault; see `_new`.
        """
        rows = self._columns.rows(records)
        for name in self._filled:
            self._filled[name] += sum(row[name] not in (None, "", [], {}) for row in rows)
        lines = [orjson.dumps(row) for row in rows]
        if repeats:
            lines = self._new(rows, lines, before)
        self.rows += len(lines)
        if lines:
            lines.append(b"")
            self._write(b"\n".join(lines))

    def check_filled(self) -> None:
        """Raise SourceUnavailable for a column that is empty where it should not be."""
        for name, number in self._filled.items():
            facts = self._columns.facts[name]
            if facts.filled is not None and number < (least := facts.filled.of(self.rows)):
                remedy = facts.hint or "check what the credentials may read"
                raise self._client.failure(
                    None,
                    f'column "{name}" has a value in {number:,} of'
                    f" {plural(self.rows, 'record')}, and at least {least:,} should have one",
                    hint=f"{remedy}; if no record has a value, do not use the column",
                    code="SYNC-0269",
                )

    def _new(
        self, rows: Sequence[Mapping[str, Any]], lines: Sequence[bytes], before: set[str] | None
    ) -> list[bytes]:
        """Return the lines of rows that were not written yet.

        `before` are the keys of earlier reads, if pages are counted: then a row that comes again
        shows that the list moved, and that another one may be missing. Raise ListFault.
        """
        seen = self._seen
        keys = [row.get(self._key) for row in rows]
        if set(map(type, keys)) == {str}:  # as nearly always, and without a step for each row
            page = dict(zip(map(str, keys), map(hash, lines), strict=True))
            if len(page) == len(keys) and "" not in page and seen.keys().isdisjoint(page):
                seen.update(page)
                return list(lines)
        new = []
        for key, line in zip(keys, lines, strict=True):
            if key is None or key == "":
                new.append(line)
                continue
            name, content = str(key), hash(line)
            known = seen.get(name)
            if known is None:
                seen[name] = content
                new.append(line)
            elif before is not None and name not in before:
                raise ListFault("a record was received twice: the list changed while it was read")
            elif known != content:
                raise ListFault("a record was received twice with different values")
        return new


async def check_probe(client: ApiClient, place: Place, probe: Probe, received: int) -> None:
    """Raise ListFault or SourceUnavailable if the credentials cannot see the whole list.

    `received` is the number of different records that came.
    """
    call = Call(params=probe.params)
    pages = Pages(call, place.origin, place.base + probe.path, place.headers)
    request = pages.first()
    response = await client.fetch(request, call)
    expected = compiled(probe.expect or "@")
    if probe.expect is not None and not is_true(evaluated(expected, response.body)):
        what = f"the response does not fulfil {probe.expect}"
        raise client.failure(request, what, hint=probe.hint, code="SYNC-0269")
    if probe.count is not None:
        count = evaluated(compiled(probe.count), response.body)
        if isinstance(count, bool) or not isinstance(count, int | str):
            raise BadPage(f"{request} has no number at {probe.count}")
        try:
            number = int(count)
        except ValueError:
            raise BadPage(f"{request} has no number at {probe.count}") from None
        if received < number:
            what = f"{received} records were received, but {request} counts {number}"
            raise ListFault(what, probe.hint)
