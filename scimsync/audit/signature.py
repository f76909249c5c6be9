"""Sign a report with an Ed25519 key, and verify it (RFC 8032).

A signature is a text file beside the report. Its last line holds the signature of all lines above
it, byte for byte, so that `openssl pkeyutl -verify -rawin` checks it as well:

    scimsync-signature: 1
    file: report.html
    bytes: 12345
    sha256: <of the report, in hexadecimal digits>
    signed-at: 2026-11-24T08:00:03Z
    key-id: <SHA-256 of the public key as DER (SubjectPublicKeyInfo), in hexadecimal digits>
    signature: <Base64>
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scimsync.errors import ConfigError
from scimsync.formatting import one_line

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SUFFIX = ".sig"
_LONGEST = 64 * 1024
"""The longest file, in bytes, that is read for a signature or a key."""

_STATEMENT = re.compile(
    rb"scimsync-signature: 1\n"
    rb"file: (?P<file>[^\n]+)\n"
    rb"bytes: (?P<bytes>[0-9]{1,15})\n"
    rb"sha256: (?P<sha256>[0-9a-f]{64})\n"
    rb"signed-at: (?P<signed_at>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\n"
    rb"key-id: (?P<key_id>[0-9a-f]{64})\n"
)
_LAST_LINE = re.compile(rb"signature: (?P<signature>[A-Za-z0-9+/]{86}==)\n")


@dataclass(frozen=True, slots=True)
class Verified:
    """The content of a signature: when the file was signed, with which key, and its name then.

    `name` is None if the file still has that name.
    """

    signed_at: str
    key_id: str
    name: str | None


class SignatureMismatch(Exception):
    """A signature that does not prove a file. The text says why."""


def private_key(pem: str, where: str) -> Ed25519PrivateKey:
    """Return the Ed25519 key in `pem`. `where` opens messages. Raise ConfigError."""
    _require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), None)
    except TypeError:
        raise _no_key(where, "an encrypted private key") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(where, "no private key in PEM format") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(where, "a private key of another kind")
    return key


def public_key(path: Path, where: str) -> Ed25519PublicKey:
    """Return the Ed25519 public key in the file `path`. `where` opens messages.

    Raise ConfigError.
    """
    _require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _read(path, where)
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{where}: {path} contains no public key in PEM format",
            hint="openssl pkey -in audit-key.pem -pubout -out audit-key.pub.pem",
            code="SYNC-0936",
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(
            f"{where}: {path} contains a public key that is not Ed25519",
            hint="openssl pkey -in audit-key.pem -pubout -out audit-key.pub.pem",
            code="SYNC-0936",
        )
    return key


def sign(key: Ed25519PrivateKey, name: str, chunks: Iterable[bytes], now: datetime) -> bytes:
    """Return the signature file of a file called `name` that consists of `chunks`."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    statement = (
        "scimsync-signature: 1\n"
        f"file: {one_line(name)}\n"
        f"bytes: {size}\n"
        f"sha256: {digest.hexdigest()}\n"
        f"signed-at: {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
        f"key-id: {key_id(key.public_key())}\n"
    ).encode()
    return statement + b"signature: " + b64encode(key.sign(statement)) + b"\n"


def verify(key: Ed25519PublicKey, file: Path, signature: Path) -> Verified:
    """Return what the signature file says of `file`.

    Raise SignatureMismatch if it does not prove that this is the file that the owner of `key`
    signed, and ConfigError if one of the files cannot be read.
    """
    from cryptography.exceptions import InvalidSignature

    text = _read(signature, "audit --verify")
    statement = _STATEMENT.match(text)
    last = None if statement is None else _LAST_LINE.fullmatch(text, statement.end())
    if statement is None or last is None:
        raise SignatureMismatch(f"{signature} is not a signature of this version of scimsync")
    signed_with = statement["key_id"].decode()
    if signed_with != key_id(key):
        raise SignatureMismatch(f"it was signed with another key: {signed_with}")
    try:
        key.verify(b64decode(last["signature"]), text[: statement.end()])
    except InvalidSignature:
        raise SignatureMismatch(f"{signature} was changed after it was signed") from None
    digest, size = _digest(file)
    if digest != statement["sha256"].decode() or size != int(statement["bytes"]):
        raise SignatureMismatch(f"{file} was changed after it was signed")
    name = statement["file"].decode()
    signed_as = None if name == one_line(file.name) else name
    return Verified(statement["signed_at"].decode(), signed_with, signed_as)


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key, in hexadecimal digits."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise _unreadable(path, "audit --verify", error) from None
    return digest.hexdigest(), size


def _read(path: Path, where: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LONGEST)
    except OSError as error:
        raise _unreadable(path, where, error) from None


def _unreadable(path: Path, where: str, error: OSError) -> ConfigError:
    return ConfigError(
        f"{where}: {path} cannot be read: {error.strerror}",
        hint=f"the signature of a report is beside it, with the suffix {SUFFIX}"
        if path.suffix == SUFFIX
        else None,
        code="SYNC-0937",
    )


def _no_key(where: str, found: str) -> ConfigError:
    return ConfigError(
        f"{where}: this is {found}; an Ed25519 key without a passphrase is needed",
        hint="openssl genpkey -algorithm ed25519 -out audit-key.pem",
        code="SYNC-0936",
    )


def _require_cryptography() -> None:
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        raise ConfigError(
            "cryptography is not installed",
            hint="install it with: pip install 'scimsync[audit]'",
            code="SYNC-0913",
        )
