"""The tables of alerts, and of messages about them."""

from datetime import datetime

from sqlalchemy import Index

from scimsync.state.column_types import (
    key_column,
    name_column,
    number_column,
    text_column,
    time_column,
)
from scimsync.state.tables.table_base import StateRow, table_of


class AlertRow(StateRow, table=True):
    """A condition that needs an operator, from when it fired until it resolves."""

    __tablename__ = "alert"

    event: str = key_column("A word of `[notify]`.")
    subject: str = key_column("The source or target it is about.")
    since: datetime = time_column("When it fired.")
    text: str = text_column("What it is, without keys of users.")


class NotificationRow(StateRow, table=True):
    """A message for a receiver of `[notify.to]` that is not delivered yet."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_next_try_at", "next_try_at"),)

    id: str = key_column("Grows from one message to the next.")
    receiver: str = name_column("Name of the receiver.")
    body: str = text_column("The message as JSON.")
    created_at: datetime = time_column("When it was written.")
    attempts: int = number_column("How often its delivery failed.", default=0)
    next_try_at: datetime = time_column("When its delivery is tried again.")
    last_error: str | None = text_column("Why its delivery failed, without secrets.", default=None)


class CheckpointRow(StateRow, table=True):
    """When something that happens on a schedule was last done."""

    __tablename__ = "checkpoint"

    name: str = key_column("`summary`.")
    at: datetime = time_column("When it was last done.")


alert = table_of(AlertRow)
notification = table_of(NotificationRow)
checkpoint = table_of(CheckpointRow)
