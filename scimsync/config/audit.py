"""`[audit]` of sync.toml: reports about access, and the export of events."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from scimsync.settings import (
    EndpointUrl,
    SecretText,
    Span,
    Table,
    Text,
    TextOrTexts,
    invalid,
)
from scimsync.settings.registered import registered_table, schema_mark
from scimsync.transport.auth import AuthenticatorSettings


class AuditEvents(Table):
    """`[audit.events]`: applied operations as Security Event Tokens (RFC 8417, RFC 9967)."""

    file: Text | None = Field(
        None,
        description="The file that scimsync appends tokens to, one a line",
        examples=["events.ndjson"],
    )
    url: EndpointUrl | None = Field(
        None,
        description="The endpoint that scimsync posts tokens to, one in a request (RFC 8935)",
        examples=["https://siem.example.com/events"],
    )
    auth: (
        Annotated[
            AuthenticatorSettings,
            registered_table("authenticators", show=False),
            schema_mark("authenticators"),
        ]
        | None
    ) = Field(None, description="How scimsync proves its identity to url; nothing if omitted")
    issuer: Text = Field(
        description="The iss claim of the tokens, such as a URL of your organization",
        examples=["https://scimsync.example.com"],
    )
    audience: TextOrTexts = Field(
        (),
        description="The aud claim of the tokens: the intended receivers",
        examples=["https://siem.example.com"],
    )

    @property
    def destinations(self) -> tuple[str, ...]:
        """The keys of this table that name a destination."""
        named = (("file", self.file), ("url", self.url))
        return tuple(name for name, value in named if value is not None)

    @model_validator(mode="after")
    def _has_destination(self) -> Self:
        if not self.destinations:
            raise invalid(
                "needs file or url", hint='write file = "events.ndjson"', code="SYNC-0107"
            )
        if self.auth is not None and self.url is None:
            raise invalid(
                "auth needs url",
                hint='write url = "https://siem.example.com/events"',
                code="SYNC-0107",
            )
        return self


class Audit(Table):
    """`[audit]`: reports of `scimsync audit`, and the export of events."""

    sla: Span | None = Field(
        None,
        description=(
            "The longest time from the source to the end of access; reports mark users over it"
        ),
        examples=["24h"],
    )
    key: SecretText | None = Field(
        None,
        description="An Ed25519 private key (PEM) that signs the files of audit --out, and events",
        examples=["file:audit-key.pem"],
    )
    public_key: Text | None = Field(
        None,
        description="The file of the public key (PEM) that audit --verify uses",
        examples=["audit-key.pub.pem"],
    )
    events: AuditEvents | None = Field(
        None, description="Export applied operations as Security Event Tokens"
    )

    @property
    def event_destinations(self) -> tuple[str, ...]:
        """The keys of `[audit.events]` that name a destination; none without this table."""
        return () if self.events is None else self.events.destinations

    @model_validator(mode="after")
    def _events_are_signed(self) -> Self:
        if self.events is not None and self.key is None:
            raise invalid(
                "events needs key in [audit] to sign the tokens",
                hint='write key = "file:audit-key.pem"',
                code="SYNC-0107",
            )
        return self
