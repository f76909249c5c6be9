"""`[schedule]`: when the daemon pushes and reconciles, as cron expressions and intervals.

A cron expression has the five fields of crontab(5) and is evaluated as Debian's cron does. This
includes changes to and from summer time: jobs in the skipped hour run right after it, and nothing
runs twice in the repeated hour.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from scimsync.settings import Name, Span, Table, invalid
from scimsync.settings.quantities import read_span
from scimsync.settings.text_types import quoted, toml_type

SHORTEST = timedelta(seconds=10)
"""The shortest allowed interval."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """One entry of a schedule: either a cron expression or an interval; the other is None.

    `text` is the entry as written.
    """

    text: str
    cron: str | None = None
    every: timedelta | None = None

    def after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """Return the first time after `moment` (aware), in UTC.

        Cron expressions are evaluated in `zone`. Intervals count from a fixed time, so that they do
        not depend on when a process started. Return None for a cron expression that never matches.
        """
        if self.every is not None:
            return _EPOCH + ((moment - _EPOCH) // self.every + 1) * self.every
        from cronsim import CronSim

        found = next(CronSim(self.cron or "", moment.astimezone(zone)), None)
        return None if found is None else found.astimezone(UTC)

    def __str__(self) -> str:
        return self.text


def first_after(timings: Sequence[Timing], moment: datetime, zone: tzinfo) -> datetime | None:
    """Return the first time after `moment` (aware) that one of `timings` gives, in UTC.

    Return None if there is none.
    """
    times = [found for timing in timings if (found := timing.after(moment, zone)) is not None]
    return min(times, default=None)


def _timing(value: object) -> Timing:
    hint = 'write an interval ("15m", "1h") or a cron expression ("0 2 * * *")'
    if isinstance(value, Timing):
        return value
    if not isinstance(value, str):
        raise invalid(
            f"must be a time in quotes, not {toml_type(value)}", hint=hint, code="SYNC-0116"
        )
    text = " ".join(value.split())
    if len(text.split()) != 5:
        if " " in text or not text[:1].isdigit():
            raise invalid(
                f"{quoted(value)} is neither an interval nor a cron expression of five fields",
                hint=hint,
                code="SYNC-0116",
            )
        every = read_span(text)
        if every < SHORTEST:
            raise invalid(
                f"{quoted(value)} is shorter than {SHORTEST.seconds} seconds",
                hint=hint,
                code="SYNC-0116",
            )
        return Timing(text, every=every)
    from cronsim import CronSim, CronSimError

    try:
        comes = next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise invalid(
            f"{quoted(value)} is not a cron expression: {str(error).lower()}",
            hint=hint,
            code="SYNC-0116",
        ) from None
    if comes is None:
        raise invalid(f"{quoted(value)} never occurs", hint=hint, code="SYNC-0116")
    return Timing(text, cron=text)


def _timings(value: object) -> tuple[Timing, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise invalid("must not be an empty list", code="SYNC-0111")
    return tuple(_timing(item) for item in items)


_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
}
Timings = Annotated[
    tuple[Timing, ...],
    BeforeValidator(_timings),
    PlainSerializer(lambda timings: [str(timing) for timing in timings], return_type=list[str]),
    WithJsonSchema(_SCHEMA),
]
"""One interval or cron expression, or several."""


def _timings_or_never(value: object) -> tuple[Timing, ...]:
    if value is True:
        raise invalid(
            "true is not a schedule",
            hint="false turns the schedule off; otherwise write an interval or a cron expression",
            code="SYNC-0116",
        )
    return () if value is False else _timings(value)


TimingsOrNever = Annotated[
    tuple[Timing, ...],
    BeforeValidator(_timings_or_never),
    WithJsonSchema({"anyOf": [{"const": False}, *_SCHEMA["anyOf"]]}),
]
"""The same, or false for never: an empty tuple."""


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str):
        raise invalid(
            f"must be the name of a time zone, not {toml_type(value)}",
            hint='such as "Europe/Berlin"',
            code="SYNC-0117",
        )
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise invalid(
            f"{quoted(value)} is not a time zone that this system knows",
            hint='such as "Europe/Berlin" or "UTC"',
            code="SYNC-0117",
        ) from None


Zone = Annotated[ZoneInfo, BeforeValidator(_zone), WithJsonSchema({"type": "string"})]


class Schedule(Table):
    """`[schedule]`: when the daemon pushes, and reconciles."""

    push: TimingsOrNever = Field(
        (Timing("1h", every=timedelta(hours=1)),),
        description=(
            "When to push to all targets: an interval, a cron expression, or a list of them; false:"
            " never"
        ),
        json_schema_extra={"default": "1h"},
    )
    reconcile: TimingsOrNever = Field(
        (),
        description=(
            "When to read all targets back and find drift: an interval, a cron expression, or a"
            " list of them; false: never"
        ),
        json_schema_extra={"default": False},
    )
    timezone: Zone | None = Field(
        None, description="The time zone of cron expressions; that of the system if omitted"
    )
    jitter: Span = Field(
        timedelta(),
        description="Maximum random delay, so that many installations do not push at once",
        json_schema_extra={"default": "0s"},
    )
    catch_up: bool = Field(
        True,
        description=(
            "Whether to run a missed push once the daemon or the machine is running again"
        ),
    )
    watch: bool = Field(
        True,
        description=("Whether to push as soon as a changed source file is complete"),
    )
    quiet: Span = Field(
        timedelta(seconds=2),
        description="How long a file must stay unchanged before it counts as complete",
        json_schema_extra={"default": "2s"},
    )
    targets: Mapping[Name, TimingsOrNever] = Field(
        default_factory=dict,
        description="Targets with their own times, which replace those of push",
    )

    @property
    def zone(self) -> tzinfo:
        """The time zone of cron expressions."""
        if self.timezone is not None:
            return self.timezone
        return system_zone()


def system_zone(localtime: Path = Path("/etc/localtime")) -> tzinfo:
    """Return the zone that `TZ` names, or else that of /etc/localtime, or else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":")
    if name:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            pass
    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError):
        return UTC
