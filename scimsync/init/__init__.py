"""Draft a first sync.toml from the columns and some rows of a source (`scimsync init`)."""

from scimsync.init.draft import Draft, draft_sync_toml

__all__ = ["Draft", "draft_sync_toml"]
