"""The tables of security events that a destination does not have yet."""

from datetime import datetime

from scimsync.state.column_types import (
    key_column,
    name_column,
    number_column,
    text_column,
    time_column,
)
from scimsync.state.tables.table_base import StateRow, table_of


class PendingEventRow(StateRow, table=True):
    """A Security Event Token about an operation that one destination does not have yet."""

    __tablename__ = "pending_event"

    destination: str = key_column("`file` or `url`: the key of `[audit.events]`.")
    operation_id: int = number_column("The operation that had an effect.", primary_key=True)
    noted_at: datetime = time_column("When that was known: the time at which it is issued.")
    remote_id: str | None = name_column("The id of the resource at the target.", default=None)
    external_id: str | None = name_column("The externalId of the resource.", default=None)
    version: str | None = name_column("Its version after the operation.", default=None)
    refusals: int = number_column("How often the destination refused it.", default=0)
    next_try_at: datetime | None = time_column(
        "When a refused one is sent again; NULL for one that was not refused.", default=None
    )


class EventDestinationRow(StateRow, table=True):
    """A destination of `[audit.events]` that did not take events when they were last sent."""

    __tablename__ = "event_destination"

    name: str = key_column("`file` or `url`.")
    failures: int = number_column("How many tries in a row failed.")
    next_try_at: datetime = time_column("When it is tried again.")
    last_error: str = text_column("Why the last attempt failed, without secrets.")


pending_event = table_of(PendingEventRow)
event_destination = table_of(EventDestinationRow)
