"""Snapshots: what changed in a source since it was last ingested. `compare` is what a run needs."""

from __future__ import annotations

from scimsync.snapshot.compare import Change, Comparison, compare, looks_unchanged
from scimsync.snapshot.index import IndexFile

__all__ = ["Change", "Comparison", "IndexFile", "compare", "looks_unchanged"]
