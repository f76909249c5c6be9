"""Sign claims as a compact JWS (RFC 7515 section 7.1) with Ed25519 (RFC 8037 section 3.1)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from scimsync.audit.signature import key_id
from scimsync.jsontext import received_object

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TYPE = "secevent+jwt"
"""The `typ` of the header (RFC 8417 section 2.3)."""


class Signer:
    """Signs tokens with `key`. `kid` is the id of its public key, as in signatures of reports."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        header = {"alg": "EdDSA", "typ": TYPE, "kid": key_id(key.public_key())}
        self._header = _encoded(orjson.dumps(header))

    def sign(self, claims: Mapping[str, Any]) -> bytes:
        """Return the token. The same claims give the same token."""
        signed = self._header + b"." + _encoded(orjson.dumps(claims))
        return signed + b"." + _encoded(self._key.sign(signed))


def jti_of(token: bytes) -> str | None:
    """Return the `jti` of a token without verifying it, or None if `token` is not a token."""
    _, _, rest = token.partition(b".")
    payload, _, _ = rest.partition(b".")
    try:
        claims = received_object(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except ValueError:
        return None
    jti = None if claims is None else claims.get("jti")
    return jti if isinstance(jti, str) else None


def _encoded(value: bytes) -> bytes:
    return urlsafe_b64encode(value).rstrip(b"=")
