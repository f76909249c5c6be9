"""Snapshots: find what changed in a source since it was last ingested, and store it."""

from scimsync.snapshot.compare import Comparison, RecordChange, compare, looks_unchanged

__all__ = ["Comparison", "RecordChange", "compare", "looks_unchanged"]
