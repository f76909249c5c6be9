"""Keep a secret that a server replaced in the state, encrypted.

The key is derived from the secret that sync.toml refers to, so that the state alone gives nothing
away, and that a new secret in its place makes the kept one unreadable, which is then ignored.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from scimsync.config.models import Config
from scimsync.state import secret_store
from scimsync.state.store import open_state

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def kept_secret(config: Config, target: str, option: str, configured: str) -> str | None:
    """Return the secret that replaced `configured`, or None. Raise StateError."""
    store = open_state(config.state_url, config.base_dir, create=False)
    try:
        with store.read() as connection:
            sealed = secret_store.get(connection, target, option)
    finally:
        store.close()
    return None if sealed is None else _unsealed(sealed, configured)


def keep_secret(config: Config, target: str, option: str, configured: str, value: str) -> None:
    """Store the secret that replaced `configured`. Raise StateError."""
    sealed = _cipher(configured).encrypt(value.encode()).decode()
    store = open_state(config.state_url, config.base_dir, create=True)
    try:
        with store.write() as connection:
            secret_store.put(connection, target, option, sealed)
    finally:
        store.close()


def _unsealed(sealed: str, configured: str) -> str | None:
    from cryptography.fernet import InvalidToken

    try:
        return _cipher(configured).decrypt(sealed).decode()
    except InvalidToken:
        return None


def _cipher(secret: str) -> Fernet:
    """Return a cipher with a key that is derived from `secret` (RFC 5869)."""
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), 32, salt=None, info=b"scimsync replaced secret")
    return Fernet(urlsafe_b64encode(derived.derive(secret.encode())))
