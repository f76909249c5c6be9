"""The tables of runs: their journal, and the leases that they hold."""

from datetime import datetime

from sqlalchemy import Index

from scimsync.state.column_types import (
    key_column,
    name_column,
    number_column,
    seq_column,
    text_column,
    time_column,
)
from scimsync.state.tables.table_base import StateRow, table_of


class RunRow(StateRow, table=True):
    """A run."""

    __tablename__ = "run"

    id: int | None = number_column("Counts up.", default=None, primary_key=True)
    command: str = name_column("The command, or what the daemon started it for.")
    started_at: datetime = time_column("When it started.")
    finished_at: datetime | None = time_column("When it ended.", default=None)
    outcome: str = name_column("`running`, `done`, `failed`, `stopped`, `interrupted` or `error`.")
    detail: str | None = text_column("Why it stopped.", default=None)
    counts: str | None = text_column("The object `targets` of `push --json`.", default=None)
    user: str | None = name_column("User of the operating system who started it.", default=None)
    host: str | None = name_column("Name of the machine it ran on.", default=None)
    options: str | None = text_column("Its options: a JSON array.", default=None)
    version: str | None = name_column("Version of scimsync.", default=None)
    config_digest: str | None = name_column("SHA-256 of sync.toml.", default=None)


class OperationRow(StateRow, table=True):
    """The journal: an intended change of one resource at one target, and its outcome."""

    __tablename__ = "operation"
    __table_args__ = (
        Index("ix_operation_work", "run_id", "target", "status", "phase", "id"),
        Index("ix_operation_key", "key", "target"),
        Index("ix_operation_open", "target", "status", "kind", "key"),
        # SQLite has no statistics: unless an index has all columns that a query compares, it may
        # scan all operations of the run for each batch
        Index("ix_operation_planned", "run_id", "target", "kind", "key"),
        Index("ix_operation_remote_id", "run_id", "target", "kind", "remote_id"),
        Index("ix_operation_unique_name", "run_id", "target", "kind", "unique_name"),
    )

    id: int | None = number_column("Counts up.", default=None, primary_key=True)
    run_id: int = number_column("The run that planned it.")
    target: str = name_column("Name of the target.")
    phase: int = number_column("Its place in the order of requests.")
    kind: str = name_column("`user` or `group`.")
    key: str = name_column("Key of the user or group.")
    action: str = name_column("`create`, `adopt`, `update`, …")
    reason: str = text_column("Why it is planned.")
    remote_id: str | None = name_column("The id of the resource at the target.", default=None)
    unique_name: str | None = name_column("The folded name that it claims.", default=None)
    waits_for: str | None = name_column("Key whose operation frees that name.", default=None)
    delete_after: datetime | None = time_column(
        "When an account that it deactivates is to be deleted.", default=None
    )
    base: str | None = text_column(
        "The document that the changes start from, where that is not the link's.", default=None
    )
    matched: str | None = text_column(
        "The attributes by which an account that is adopted matches: a JSON array.", default=None
    )
    changes: str = text_column("A JSON array of [path, before, after].")
    request: str | None = text_column(
        "The requests as sent, without secrets: a JSON array.", default=None
    )
    status: str = name_column("`planned`, `sent`, `applied`, `failed` or `skipped`.")
    attempts: int = number_column("How many requests were sent.", default=0)
    http_status: int | None = number_column("Status of the last response.", default=None)
    scim_type: str | None = name_column("scimType of the last error (RFC 7644).", default=None)
    detail: str | None = text_column("What the target or scimsync said.", default=None)
    planned_at: datetime = time_column("When it was planned.")
    sent_at: datetime | None = time_column("When it may have reached the target.", default=None)
    done_at: datetime | None = time_column("When its outcome was known.", default=None)
    source_read_at: datetime | None = time_column(
        "When the source was first read with the change of the record that it follows from.",
        default=None,
    )
    source_modified_at: datetime | None = time_column(
        "When the newest file of the source was last modified by then.", default=None
    )
    confirmed_by: str | None = name_column(
        "What shows that it is done: `read`, `search`, `response` or `status`.", default=None
    )
    confirmed_at: datetime | None = time_column("When that was known.", default=None)


class LeaseRow(StateRow, table=True):
    """The right to work on a source, a target or a receiver."""

    __tablename__ = "lease"

    name: str = key_column("`source NAME`, `target NAME` or `receiver NAME`.")
    holder: str = name_column("Who has it: host, process and random characters. Empty: no run.")
    fence: int = seq_column("Grows each time that the lease is taken.")
    expires_at: datetime = time_column("When it ends unless it is renewed.")


run = table_of(RunRow)
operation = table_of(OperationRow)
lease = table_of(LeaseRow)
