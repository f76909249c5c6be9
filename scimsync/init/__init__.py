"""Draft a first sync.toml from the columns and some rows of a source (`scimsync init`)."""

from scimsync.init.draft import draft_sync_toml

__all__ = ["draft_sync_toml"]
