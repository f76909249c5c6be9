"""Compute sensitive values from the record again, since neither journal nor links hold them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from scimsync.desired.program import Program
from scimsync.errors import ScimsyncError
from scimsync.model.ids import Key, Value
from scimsync.model.placeholders import SecretValue
from scimsync.plan.document_diff import hide_sensitive
from scimsync.plan.protocols import Records


class SecretValues:
    """The sensitive values of the users of one target."""

    def __init__(
        self, records: Records, sources: Sequence[str], program: Program, today: date
    ) -> None:
        self._records = records
        self._sources = tuple(sources)
        self._program = program
        self._today = today

    def get(self, key: Key, digest: str) -> Value:
        """Return the value of `key` with this digest.

        Raise ScimsyncError if the record now holds another value.
        """
        record = self._records.get(self._sources, [key]).get(key)
        if record is not None:
            desired = self._program.desire(record, self._today)
            for path, value in {**desired.document, **desired.once}.items():
                if hide_sensitive(path, value) == SecretValue(digest):
                    return value
        raise ScimsyncError(
            f"{key}: a secret value has changed since it was planned", code="SYNC-0352"
        )
