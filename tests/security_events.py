"""Security Event Tokens as a receiver reads them, with a library that scimsync does not use."""

from __future__ import annotations

import json
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey

from tests.servers.hooks import Hooks

PREFIX = "urn:ietf:params:scim:event:prov:"
ISSUER = "https://scimsync.example.com"
AUDIENCE = "https://siem.example.com"

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
_X = urlsafe_b64encode(KEY.public_key().public_bytes_raw()).rstrip(b"=").decode()
PUBLIC_JWK: dict[str, Any] = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": _X}

Claims = dict[str, Any]


def audit_table(folder: Path, *lines: str) -> str:
    """Write the key, and return `[audit.events]` with the given lines."""
    key = folder / "audit-key.pem"
    key.write_text(KEY_PEM, "utf-8")
    key.chmod(0o600)
    more = "\n".join(lines)
    return f"""
[audit]
key = "file:audit-key.pem"
[audit.events]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
{more}
"""


def verified(token: bytes | str) -> Claims:
    """Return the claims of a token, after its signature and header were verified."""
    key = OKPKey.import_key(PUBLIC_JWK)
    with warnings.catch_warnings():  # RFC 9864 has a new name, which few receivers know yet
        warnings.simplefilter("ignore", SecurityWarning)
        found = jws.deserialize_compact(token, key, algorithms=["EdDSA"])
    assert found.headers()["typ"] == "secevent+jwt"
    claims: Claims = json.loads(found.payload)
    return claims


def in_file(path: Path) -> list[Claims]:
    """Return the claims of the tokens in a file, one a line."""
    text = path.read_bytes()
    assert text == b"" or text.endswith(b"\n")
    return [verified(line) for line in text.splitlines()]


def received(hooks: Hooks) -> list[Claims]:
    """Return the claims of the tokens that a receiver has accepted."""
    for got in hooks.got:
        assert got.headers["content-type"] == "application/secevent+jwt"
        assert got.headers["accept"] == "application/json"
    return [verified(got.body) for got in hooks.got]


def short(claims: Iterable[Claims]) -> list[tuple[str, dict[str, Any]]]:
    """Return the externalId and the events of tokens, without the prefix of the latter."""
    return [
        (
            one["sub_id"].get("externalId", one["sub_id"]["uri"]),
            {uri.removeprefix(PREFIX): payload for uri, payload in one["events"].items()},
        )
        for one in claims
    ]
