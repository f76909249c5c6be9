"""A source whose records arrive one by one: they are written to a file and compared in bulk."""

from __future__ import annotations

import hashlib
from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Lock
from time import monotonic
from weakref import finalize

from scimsync.errors import SourceFormatError
from scimsync.jsontext import json_text
from scimsync.sources.base import RejectedRows, S, SourceSpec, missing_column
from scimsync.sources.duckdb_sql import reason
from scimsync.sources.json_rows import member_types, objects, select_members
from scimsync.sources.one_part import OnePartSource
from scimsync.sources.relation import Part, Relation, build_relation
from scimsync.sources.workspace import Workspace, new_private_file

_FRESH_S = 300.0
"""How long records may wait between `columns` and the comparison, in seconds."""


class _Handover:
    """Spooled records in a private folder of their own, which is removed with this value.

    `at` is when they were read, in seconds of a steady clock.
    """

    def __init__(self, spooled: Path, digest: str, at: float) -> None:
        folder = mkdtemp(prefix="scimsync-")
        self.remove = finalize(self, rmtree, folder, ignore_errors=True)
        self.path = Path(folder, spooled.name)
        self.path.hardlink_to(spooled)
        self.digest = digest
        self.at = at


class SpooledSource(OnePartSource[S], ABC):
    """Spools what `rows` gives to NDJSON (mode 0600) when the records are first needed.

    Subclasses implement `rows` (or `write` and `first_records`), and override `columns` if they
    know the columns without reading all records. `lists` maps columns that hold several values to
    their separator.
    """

    def __init__(
        self,
        spec: SourceSpec[S],
        workspace: Workspace,
        label: str,
        lists: Mapping[str, str] | None = None,
        selection: str | None = None,
    ) -> None:
        super().__init__(spec, label, selection)
        self._workspace = workspace
        self._lists = lists or {}
        self._spooled: tuple[Path, str] | None = None
        self._lock = Lock()

    def rows(self) -> Iterable[Mapping[str, object]]:
        """Read all records. Raise SourceUnavailable if any of them cannot be read."""
        raise NotImplementedError

    def write(self, path: Path) -> str:
        """Write all records to the new file `path`, and return the digest for `checksum`.

        A subclass that gets many records at once overrides this instead of `rows`.
        """
        settings = self.spec.settings.model_dump_json()
        total = hashlib.blake2b(settings.encode(), digest_size=20)
        with new_private_file(path) as stream:
            for row in self.rows():
                line = f"{json_text(row)}\n"
                total.update(line.encode())
                stream.write(line)
        return total.hexdigest()

    def columns(self) -> list[str]:
        """Return the names of the values of all records."""
        path, _ = self._spool()
        found = list(member_types(self._workspace.connection, _objects(path)))
        if self.spec.key not in found:
            raise missing_column(self.spec, "key", self.spec.key, found, self.label)
        self._hand_over()
        return found

    def checksum(self) -> str:
        """Return a digest of the settings and the records in their order."""
        return self._spool()[1]

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """Return the first records without reading the others."""
        return list(islice(self.rows(), limit))

    def scan(self, used: Sequence[str], rejected: RejectedRows | None = None) -> Relation:
        """Return the records as JSON values. No row is rejected here."""
        path, _ = self._spool()
        names = [self.spec.key, *used]
        careful = rejected is not None
        sql = select_members(_objects(path), names, numbered=careful)
        return build_relation(
            [Part(sql, ("JSON",) * len(names))], used, self._lists, careful=careful
        )

    def explain(self, error: Exception) -> SourceFormatError:
        """Return DuckDB's message."""
        return SourceFormatError(
            f"{self.spec.setting('type')}: {self.label}: {reason(error)}", code="SYNC-0208"
        )

    def _spool(self) -> tuple[Path, str]:
        with self._lock:
            if self._spooled is None:
                path = self._workspace.new(".ndjson")
                digest = self._take_over(path) or self.write(path)
                if not path.stat().st_size:
                    raise self.empty()
                self._spooled = path, digest
            return self._spooled

    def _hand_over(self) -> None:
        """Leave the spooled records to the next opening of the source in this run."""
        path, digest = self._spool()
        self.spec.handover[:] = [_Handover(path, digest, monotonic())]

    def _take_over(self, path: Path) -> str | None:
        """Take the records that `columns` read for `path`, and return their digest, if any."""
        while self.spec.handover:
            found = self.spec.handover.pop()
            if isinstance(found, _Handover) and monotonic() - found.at < _FRESH_S:
                path.hardlink_to(found.path)
                found.remove()
                return found.digest
        return None


def _objects(path: Path) -> str:
    return objects(path, "newline_delimited")
