"""Refuse unknown keys, which are probably typing errors."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.state import link_store

HINT = "keys are values of the source's key column"


def unknown_key(key: Key, hint: str = HINT) -> ConfigError:
    """Return the error for a key that has neither a record nor an account."""
    return ConfigError(
        f'unknown key "{key}": no source record and no linked account',
        hint=hint,
        brief="unknown key: no source record and no linked account",
        code="SYNC-0350",
    )


def check_keys(connection: Connection, keys: Iterable[Key], hint: str = HINT) -> None:
    """Raise ConfigError for the first key that has neither a stored record nor a link."""
    for key in keys:
        if not link_store.is_known_key(connection, key):
            raise unknown_key(key, hint)
