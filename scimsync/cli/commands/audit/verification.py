"""`scimsync audit --verify`."""

from __future__ import annotations

from pathlib import Path

import click

from scimsync.audit.keys import verification_key
from scimsync.audit.signature import SUFFIX, SignatureMismatch, public_key, verify
from scimsync.builtin import load
from scimsync.cli.ui.common_options import CommonOptions
from scimsync.cli.ui.output import write_json
from scimsync.errors import ScimsyncError
from scimsync.formatting import printable


def verify_file(options: CommonOptions, file: Path, key_file: Path | None) -> None:
    """Print when a report was signed. With a public key, no sync.toml is needed.

    Raise ScimsyncError (exit 1) if its signature does not prove it, and ConfigError.
    """
    if key_file is not None:
        key = public_key(key_file, "--public-key")
    else:
        key = verification_key(load(options.config))
    try:
        verified = verify(key, file, file.with_name(file.name + SUFFIX))
    except SignatureMismatch as error:
        raise ScimsyncError(
            f"{file}: the signature does not match this file: {error}", code="SYNC-0938"
        ) from None
    if options.as_json:
        document = {
            "file": str(file),
            "valid": True,
            "signed_at": verified.signed_at,
            "key_id": verified.key_id,
        }
        write_json(document | ({} if verified.name is None else {"signed_as": verified.name}))
    else:
        renamed = "" if verified.name is None else f"; signed under the name {verified.name}"
        text = f"{file}: valid, signed {verified.signed_at} with key {verified.key_id}{renamed}"
        click.echo(printable(text))
