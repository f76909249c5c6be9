"""The keys of `[audit]` in sync.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scimsync.audit.signature import key_id, private_key, public_key
from scimsync.config.models import Config
from scimsync.config.secrets import resolve
from scimsync.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


def signing_key(config: Config) -> Ed25519PrivateKey | None:
    """Return the key that signs reports, or None if there is none.

    Raise ConfigError, including if the public key in sync.toml would not verify what it signs.
    """
    if config.audit.key is None:
        return None
    where = config.where("audit", "key")
    key = private_key(resolve(config.audit.key, config.base_dir, where), where)
    public = None if config.audit.public_key is None else verification_key(config)
    if public is not None and key_id(public) != key_id(key.public_key()):
        raise ConfigError(
            f"{config.where('audit', 'public_key')} is not the public key of audit.key",
            hint="openssl pkey -in audit-key.pem -pubout -out audit-key.pub.pem",
            code="SYNC-0936",
        )
    return key


def verification_key(config: Config) -> Ed25519PublicKey:
    """Return the key that verifies reports. Raise ConfigError, including if there is none."""
    where = config.where("audit", "public_key")
    if config.audit.public_key is None:
        raise ConfigError(
            f"{where} is missing",
            hint="set it, or name the file with --public-key",
            code="SYNC-0936",
        )
    return public_key(config.base_dir / config.audit.public_key, where)
