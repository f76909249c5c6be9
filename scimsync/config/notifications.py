"""`[notify]`: who is told what, over which channel."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from scimsync.config.schedule import Timings
from scimsync.model.limits import Limit
from scimsync.model.suggestions import did_you_mean
from scimsync.settings import AtMost, Name, SecretReference, Span, Table, WebhookUrl, invalid
from scimsync.settings.text import quoted, toml_type


class Event(StrEnum):
    """What somebody can be told of. All but the summary are troubles: told once when they begin and
    once when they end."""

    GUARD = "guard"  # a guard stops pushes
    TARGET = "target"  # a target is in quarantine
    FAILURES = "failures"  # so many people fail at a target
    SOURCE = "source"  # a source cannot be read
    STALE = "stale"  # a source has brought nothing new for too long
    CONFIG = "config"  # sync.toml has changed and cannot be used
    ERROR = "error"  # a run ended by an error that nobody foresaw, or the state cannot be used
    SUMMARY = "summary"  # what has happened since the last one


def _events(value: object) -> tuple[Event, ...]:
    words = [event.value for event in Event]
    if not isinstance(value, list | tuple) or not value:
        raise invalid(
            "must be a list of events", hint=f"known: {', '.join(words)}", code="SYNC-0127"
        )
    for item in value:
        if item not in words:
            what = quoted(item) if isinstance(item, str) else toml_type(item)
            hint = did_you_mean(item, words) if isinstance(item, str) else None
            raise invalid(f"{what} is not one of {', '.join(words)}", hint=hint, code="SYNC-0127")
    return tuple(dict.fromkeys(Event(item) for item in value))


class Receiver(Table):
    """`[notify.to.NAME]`: somebody who is told, over a service that Apprise knows or by a signed
    webhook."""

    apprise: SecretReference | None = Field(
        None,
        description=(
            "Where the URL of a service is found, as Apprise writes it (mailto://…, slack://…):"
            " env:OPS_URL"
        ),
    )
    webhook: WebhookUrl | None = Field(
        None,
        description=(
            "URL that gets each event as JSON in a POST, signed; or where it is found: env:HOOK_URL"
        ),
    )
    secret: SecretReference | None = Field(
        None,
        description=(
            "With webhook: where the key is found with which requests are signed (Standard"
            " Webhooks)"
        ),
    )
    events: Annotated[
        tuple[Event, ...],
        BeforeValidator(_events),
        WithJsonSchema(
            {"type": "array", "items": {"enum": [event.value for event in Event]}, "minItems": 1}
        ),
    ] = Field(
        tuple(Event),
        description="What this one is told of",
        json_schema_extra={"default": [event.value for event in Event]},
    )
    personal: bool = Field(
        False, description="Whether messages may name people: keys, values of their records"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.apprise is None) == (self.webhook is None):
            raise invalid(
                "needs one of apprise and webhook",
                hint='write apprise = "env:OPS_URL"',
                code="SYNC-0127",
            )
        if self.webhook is not None and self.secret is None:
            raise invalid(
                "a webhook needs secret: who gets it must know that it comes from here",
                hint='write secret = "env:HOOK_SECRET"',
                code="SYNC-0127",
            )
        if self.apprise is not None and self.secret is not None:
            raise invalid("secret goes with webhook", code="SYNC-0127")
        return self


class Notify(Table):
    """`[notify]`: who is told when something needs a person, and when it is over."""

    failures: AtMost = Field(
        Limit(Decimal(5)),
        description=(
            "More people than that who fail at a target are told: a number, or a share of its"
            " accounts"
        ),
        json_schema_extra={"default": 5},
    )
    stale: Span | None = Field(
        None,
        description="A source whose files have not changed for so long is told; without it, never",
    )
    summary: Timings | None = Field(
        None, description="When what has happened is told in sum; without it, never"
    )
    to: Mapping[Name, Receiver] = Field(
        default_factory=dict, description="Who is told, by names of your own"
    )
