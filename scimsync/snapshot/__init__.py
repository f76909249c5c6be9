"""Snapshots: what changed in a source since it was last ingested. `compare` is all that the rest of the program needs."""

from __future__ import annotations

from scimsync.snapshot.compare import Change, Comparison, compare
from scimsync.snapshot.index import IndexFile

__all__ = ["Change", "Comparison", "IndexFile", "compare"]
