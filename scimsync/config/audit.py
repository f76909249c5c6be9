"""`[audit]` of sync.toml: reports about access."""

from __future__ import annotations

from pydantic import Field

from scimsync.settings import SecretText, Span, Table, Text


class Audit(Table):
    """`[audit]`: the limit and the signature of `scimsync audit`."""

    sla: Span | None = Field(
        None,
        description=(
            "The longest time from the source to the end of access; reports mark users over it"
        ),
        examples=["24h"],
    )
    key: SecretText | None = Field(
        None,
        description="An Ed25519 private key (PEM) that signs the files of audit --out",
        examples=["file:audit-key.pem"],
    )
    public_key: Text | None = Field(
        None,
        description="The file of the public key (PEM) that audit --verify uses",
        examples=["audit-key.pub.pem"],
    )
