"""The tables of sync.toml that are about running scimsync, not about people: `[schedule]`,
`[health]`, `[notify]`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator

from scimsync.config.faults import fault
from scimsync.config.limits import AtMost, Span
from scimsync.config.secrets import token_reference
from scimsync.config.table import Table
from scimsync.config.timing import Timing, Timings, TimingsOrNever, Zone
from scimsync.config.urls import webhook_url
from scimsync.config.values import Name, shown, toml_type
from scimsync.model.limits import Limit
from scimsync.model.suggestions import did_you_mean

DEFAULT_PORT = 9787


class Schedule(Table):
    """`[schedule]`: when the daemon pushes by itself."""

    push: TimingsOrNever = Field(
        (Timing("1h", every=timedelta(hours=1)),),
        description=(
            "When all targets are pushed to: an interval, a cron expression, or several; false:"
            " never by itself"
        ),
        json_schema_extra={"default": "1h"},
    )
    timezone: Zone | None = Field(
        None, description="The time zone of cron expressions; without it, that of the system"
    )
    jitter: Span = Field(
        timedelta(),
        description="Up to so much later, by chance, so that many do not ask at once",
        json_schema_extra={"default": "0s"},
    )
    catch_up: bool = Field(
        True,
        description=(
            "Whether a push that was missed, by a stop or a sleep, is done when that is over"
        ),
    )
    watch: bool = Field(
        True,
        description=(
            "Whether a file of a source that has changed is pushed as soon as it is complete"
        ),
    )
    quiet: Span = Field(
        timedelta(seconds=2),
        description="How long a file has to stay as it is before it counts as complete",
        json_schema_extra={"default": "2s"},
    )
    targets: Mapping[Name, TimingsOrNever] = Field(
        default_factory=dict,
        description="Targets with times of their own, instead of those of push",
    )

    @property
    def zone(self) -> tzinfo:
        """The time zone in which cron expressions are meant."""
        if self.timezone is not None:
            return self.timezone
        from scimsync.config.localtime import system_zone

        return system_zone()


class Health(Table):
    """`[health]`: where the daemon says how it is: /healthz, /readyz, /metrics."""

    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        DEFAULT_PORT, description="The port; 0: none"
    )
    host: str = Field(
        "127.0.0.1", description="The address on which to listen; only this machine by default"
    )


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
        raise fault("must be a list of events", hint=f"known: {', '.join(words)}")
    for item in value:
        if item not in words:
            what = shown(item) if isinstance(item, str) else toml_type(item)
            hint = did_you_mean(item, words) if isinstance(item, str) else None
            raise fault(f"{what} is not one of {', '.join(words)}", hint=hint)
    return tuple(dict.fromkeys(Event(item) for item in value))


_SECRET = WithJsonSchema({"type": "string", "pattern": r"^(env|file|keyring|cmd|literal):.+"})


class Receiver(Table):
    """`[notify.to.NAME]`: somebody who is told, over a service that Apprise knows or by a signed
    webhook."""

    apprise: Annotated[SecretStr, BeforeValidator(token_reference), _SECRET] | None = Field(
        None,
        description=(
            "Where the URL of a service is found, as Apprise writes it (mailto://…, slack://…):"
            " env:OPS_URL"
        ),
    )
    webhook: (
        Annotated[SecretStr, BeforeValidator(webhook_url), WithJsonSchema({"type": "string"})]
        | None
    ) = Field(
        None,
        description=(
            "URL that gets each event as JSON in a POST, signed; or where it is found: env:HOOK_URL"
        ),
    )
    secret: Annotated[SecretStr, BeforeValidator(token_reference), _SECRET] | None = Field(
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
            raise fault("needs one of apprise and webhook", hint='write apprise = "env:OPS_URL"')
        if self.webhook is not None and self.secret is None:
            raise fault(
                "a webhook needs secret: who gets it must know that it comes from here",
                hint='write secret = "env:HOOK_SECRET"',
            )
        if self.apprise is not None and self.secret is not None:
            raise fault("secret goes with webhook")
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
