"""The events that receivers can be notified about, and the settings common to all channels."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from scimsync.model.did_you_mean import did_you_mean
from scimsync.settings import Table, invalid
from scimsync.settings.text_types import quoted, toml_type


class Event(StrEnum):
    """What receivers can be notified about.

    All events except the summary are alerts: notified once when they fire and once when they
    resolve.
    """

    GUARD = "guard"  # a guard stops pushes
    TARGET = "target"  # a target is in quarantine
    ACCESS = "access"  # a leaver may still have access at a target
    FAILURES = "failures"  # so many people fail at a target
    CREDENTIALS = "credentials"  # the credentials of a target expire soon
    DRIFT = "drift"  # others changed something at a target
    SOURCE = "source"  # a source cannot be read
    STALE = "stale"  # a source has brought nothing new for too long
    CONFIG = "config"  # sync.toml has changed and cannot be used
    ERROR = "error"  # an unexpected error ended a run, or the state cannot be used
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
    """The options of `[notify.to.NAME]` that all channels have in common."""

    events: Annotated[
        tuple[Event, ...],
        BeforeValidator(_events),
        WithJsonSchema(
            {"type": "array", "items": {"enum": [event.value for event in Event]}, "minItems": 1}
        ),
    ] = Field(
        tuple(Event),
        description="The events that this receiver gets",
        json_schema_extra={"default": [event.value for event in Event]},
    )
    personal: bool = Field(
        False, description="Whether messages may name people: keys, values of their records"
    )
