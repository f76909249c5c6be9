"""Sensitive values when they are sent: worked out from the record again, since neither journal nor
links hold them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from scimsync.desired.program import Program
from scimsync.errors import ScimsyncError
from scimsync.model.ids import Key, Value
from scimsync.plan.diff import veil
from scimsync.plan.model import SECRET
from scimsync.snapshot.view import SnapshotView


class SecretValues:
    """Sensitive values of the people of one target."""

    def __init__(
        self, view: SnapshotView, sources: Sequence[str], program: Program, today: date
    ) -> None:
        self._view = view
        self._sources = tuple(sources)
        self._program = program
        self._today = today

    def get(self, key: Key, digest: str) -> Value:
        """The value of `key` that a plan knows by `digest`. Raises ScimsyncError where the record
        holds another one now."""
        record = self._view.get(self._sources, [key]).get(key)
        if record is not None:
            desired = self._program.desire(record, self._today)
            for path, value in {**desired.document, **desired.once}.items():
                if veil(path, value) == {SECRET: digest}:
                    return value
        raise ScimsyncError(f"{key}: a secret value has changed since it was planned")
