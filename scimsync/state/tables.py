"""The tables of the state database.

JSON is stored in text columns, written by orjson. Times are UTC. A change here needs a migration
under `migrations/versions`; a test compares both. Queries use the `Table` of each class.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import ConfigDict
from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel


class UTCDateTime(TypeDecorator[datetime]):
    """Aware datetimes in Python, naive UTC in the database (SQLite keeps no time zone)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


class TextWithoutNul(TypeDecorator[str]):
    """Text for PostgreSQL, which cannot store NUL: it becomes U+FFFD."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return value if value is None or "\0" not in value else value.replace("\0", "\ufffd")


NAME = String().with_variant(TextWithoutNul(collation="C"), "postgresql")
"""Short text, ordered by code points whatever the locale of the server is."""

TEXT = Text().with_variant(TextWithoutNul(), "postgresql")


class _Row(SQLModel):
    # pydantic's validators are never used: rows are read and written by Core statements
    model_config: ClassVar[ConfigDict] = ConfigDict(defer_build=True)  # type: ignore[assignment]


def _column(kind: Any, description: str, **options: Any) -> Any:
    return Field(sa_type=kind, description=description, **options)


def _key(description: str) -> Any:
    """Return a column that is part of the primary key."""
    return _column(NAME, description, primary_key=True)


def _name(description: str, **options: Any) -> Any:
    return _column(NAME, description, **options)


def _text(description: str, **options: Any) -> Any:
    return _column(TEXT, description, **options)


def _time(description: str, **options: Any) -> Any:
    return _column(UTCDateTime, description, **options)


def _flag(description: str, **options: Any) -> Any:
    return _column(Boolean, description, **options)


def _number(description: str, **options: Any) -> Any:
    return _column(Integer, description, **options)


def _seq(description: str, **options: Any) -> Any:
    return _column(BigInteger, description, **options)


class SourceRow(_Row, table=True):
    """A source as last read."""

    __tablename__ = "source"

    name: str = _key("Name of the source in sync.toml.")
    head_seq: int = _seq("Sequence number of its last changed record.", default=0)
    digest: str | None = _name("Digest of the bytes and settings last read.", default=None)
    records: int = _number("How many records it has.", default=0)
    ingested_at: datetime | None = _time("When it was last read.", default=None)
    problems: str | None = _text("What was wrong in it: a JSON array.", default=None)
    filled: str | None = _text("Filled cells by column name: a JSON object.", default=None)
    files: str | None = _text(
        "Files of a pattern, with their records and some keys: a JSON object.", default=None
    )


class RecordRow(_Row, table=True):
    """A record as last read."""

    __tablename__ = "record"
    __table_args__ = (Index("ix_record_source_seq", "source", "seq"),)

    source: str = _key("Name of its source.")
    key: str = _key("Key of the record.")
    seq: int = _seq("Sequence number of its last change.")
    data: str = _text("The values by column name: a JSON object.")
    removed_at: datetime | None = _time("When the source no longer had it.", default=None)


class ReplacedRecordRow(_Row, table=True):
    """A record as it was before it was last read, until a plan made with the new one is accepted.

    A push that a guard stops puts it back: the contents of a refused file have no effect.
    """

    __tablename__ = "replaced_record"

    source: str = _key("Name of its source.")
    key: str = _key("Key of the record.")
    data: str | None = _text("The values; NULL where there was no such record.", default=None)


class TargetRow(_Row, table=True):
    """What one run tells the next about a target."""

    __tablename__ = "target"

    name: str = _key("Name of the target in sync.toml.")
    url: str | None = _name("Base URL of the service that its links belong to.", default=None)
    digest: str | None = _name("Digest of the configuration it was planned under.", default=None)
    cursor: int = _seq("Sequence number up to which records are planned.", default=0)
    failures: int = _number(
        "How many runs in a row failed as a whole.",
        default=0,
        sa_column_kwargs={"server_default": "0"},
    )
    quarantined_until: datetime | None = _time("Nothing is sent to it until then.", default=None)
    last_error: str | None = _text("Why it failed last.", default=None)
    lowered_rate: float | None = _column(
        Float, "Requests per second that it took when it last answered 429.", default=None
    )
    lowered_at: datetime | None = _time("When it last answered 429.", default=None)
    ran_at: datetime | None = _time("When a run that read the sources last started.", default=None)
    good_run_at: datetime | None = _time(
        "When such a run last finished without an error of the target.", default=None
    )
    group_tables: str | None = _text(
        "The group tables it was last planned with, and removed ones: a JSON object.", default=None
    )
    unusable_filters: str | None = _text(
        "Attributes whose filters proved nothing, with the reason: a JSON object.", default=None
    )


class DiscoveryRow(_Row, table=True):
    """What a target declares about itself. It can be read again at any time."""

    __tablename__ = "discovery"

    target: str = _key("Name of the target.")
    url: str = _name("Base URL of the service that declared it.")
    document: str = _text("What it declared, and when that was read: a JSON object.")


IS_OWNER = "status IN ('active', 'inactive') AND NOT shared"
"""The condition under which a link is the only one to its resource."""


MAY_HAVE_ACCESS = "may_have_access_since IS NOT NULL"
"""The condition under which a leaver may still have access."""


class LinkRow(_Row, table=True):
    """What is known of one resource at one target."""

    __tablename__ = "link"
    __table_args__ = (
        Index("ix_link_unique_name", "target", "kind", "unique_name"),
        Index("ix_link_remote_id", "target", "kind", "remote_id"),
        Index("ix_link_next_try_at", "target", "next_try_at"),
        Index("ix_link_delete_after", "target", "delete_after"),
        Index("ix_link_status", "target", "kind", "status"),
        Index(
            "ix_link_owner",
            "target",
            "kind",
            "remote_id",
            unique=True,
            sqlite_where=text(IS_OWNER),
            postgresql_where=text(IS_OWNER),
        ),
        Index(
            "ix_link_may_have_access",
            "target",
            "kind",
            "key",
            sqlite_where=text(MAY_HAVE_ACCESS),
            postgresql_where=text(MAY_HAVE_ACCESS),
        ),
    )

    target: str = _key("Name of the target.")
    kind: str = _key("`user` or `group`.")
    key: str = _key("Key of the user or group.")
    remote_id: str | None = _name("The `id` that the target gave it.", default=None)
    status: str = _name("`pending`, `active`, `inactive` or `deleted`.")
    document: str | None = _text(
        "Managed attributes that the target acknowledged: a JSON object.", default=None
    )
    unique_name: str | None = _name(
        "The acknowledged userName or displayName, in lower case.", default=None
    )
    etag: str | None = _name("The version that the target gave.", default=None)
    in_doubt: bool = _flag("Whether the outcome of its last request is unknown.", default=False)
    synced_at: datetime | None = _time("When the target last acknowledged it.", default=None)
    left_at: datetime | None = _time(
        "When the user left, while a later deletion counts from then.", default=None
    )
    delete_after: datetime | None = _time("When the account is to be deleted.", default=None)
    deletion_seen_at: datetime | None = _time(
        "When a run first found its deletion due; a later run confirms it.", default=None
    )
    failures: int = _number("How many tries in a row failed.", default=0)
    next_try_at: datetime | None = _time("When it is looked at again.", default=None)
    last_error: str | None = _text("Why the last try failed.", default=None)
    shared: bool = _flag(
        "Whether an earlier version linked other keys to the same resource.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    adopted: bool = _flag(
        "Whether the resource existed before it was linked.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    may_have_access_since: datetime | None = _time(
        "When the removal of a leaver's access was planned that no response confirmed yet.",
        default=None,
    )
    left_before: bool = _flag(
        "Whether the user had left already when the account was found.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    moved_from: str | None = _name("The key that it was moved from.", default=None)
    confirmed_seq: int | None = _seq(
        "Version of the record that an administrator confirmed as the same person.", default=None
    )


class AbsentUserRow(_Row, table=True):
    """A user who should have no account at a target, and for whom nothing to remove was found."""

    __tablename__ = "absent_user"

    target: str = _key("Name of the target.")
    key: str = _key("Key of the user.")
    digest: str = _name("Digest of the record, and of the values that were looked up by.")


class ReferenceRow(_Row, table=True):
    """A reference of one resource to another, such as a manager."""

    __tablename__ = "reference"
    __table_args__ = (Index("ix_reference_ref_key", "target", "ref_key"),)

    target: str = _key("Name of the target.")
    kind: str = _key("Kind of the resource that refers.")
    key: str = _key("Key of the resource that refers.")
    path: str = _key("Attribute path of the reference.")
    ref_key: str = _name("Key of the user it refers to.")
    remote_id: str | None = _name("The id that the target acknowledged there.", default=None)


class MembershipRow(_Row, table=True):
    """A member of a group at one target."""

    __tablename__ = "membership"
    __table_args__ = (
        Index("ix_membership_member", "target", "member_kind", "member_key"),
        Index("ix_membership_due", "target", "due", "group_key"),
    )

    target: str = _key("Name of the target.")
    group_key: str = _key("Key of the group.")
    member_kind: str = _key("`user` or `group`.")
    member_key: str = _key("Key of the member.")
    wanted: bool = _flag("Whether the rules want it in the group.")
    revoked: bool = _flag("Whether it is taken out because the user left.", default=False)
    acknowledged: bool = _flag("Whether the target confirmed it.")
    in_doubt: bool = _flag(
        "Whether the outcome of the last request about it is unknown.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    due: bool = _flag("Whether a request has to be sent about it.")


class ReplacedMembershipRow(_Row, table=True):
    """A membership as it was before a plan that is not accepted yet.

    A push that a guard stops, or that dies while it plans, puts it back.
    """

    __tablename__ = "replaced_membership"

    target: str = _key("Name of the target.")
    group_key: str = _key("Key of the group.")
    member_kind: str = _key("`user` or `group`.")
    member_key: str = _key("Key of the member.")
    wanted: bool | None = _flag("As in membership; NULL where there was none.", default=None)
    revoked: bool | None = _flag("As in membership.", default=None)
    acknowledged: bool | None = _flag("As in membership.", default=None)
    in_doubt: bool | None = _flag("As in membership.", default=None)


class RunRow(_Row, table=True):
    """A run."""

    __tablename__ = "run"

    id: int | None = _number("Counts up.", default=None, primary_key=True)
    command: str = _name("The command, or what the daemon started it for.")
    started_at: datetime = _time("When it started.")
    finished_at: datetime | None = _time("When it ended.", default=None)
    outcome: str = _name("`running`, `done`, `failed`, `stopped`, `interrupted` or `error`.")
    detail: str | None = _text("Why it stopped.", default=None)
    counts: str | None = _text("The object `targets` of `push --json`.", default=None)


class OperationRow(_Row, table=True):
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

    id: int | None = _number("Counts up.", default=None, primary_key=True)
    run_id: int = _number("The run that planned it.")
    target: str = _name("Name of the target.")
    phase: int = _number("Its place in the order of requests.")
    kind: str = _name("`user` or `group`.")
    key: str = _name("Key of the user or group.")
    action: str = _name("`create`, `adopt`, `update`, …")
    reason: str = _text("Why it is planned.")
    remote_id: str | None = _name("The id of the resource at the target.", default=None)
    unique_name: str | None = _name("The folded name that it claims.", default=None)
    waits_for: str | None = _name("Key whose operation frees that name.", default=None)
    delete_after: datetime | None = _time(
        "When an account that it deactivates is to be deleted.", default=None
    )
    base: str | None = _text(
        "The document that the changes start from, where that is not the link's.", default=None
    )
    matched: str | None = _text(
        "The attributes by which an account that is adopted matches: a JSON array.", default=None
    )
    changes: str = _text("A JSON array of [path, before, after].")
    request: str | None = _text(
        "The requests as sent, without secrets: a JSON array.", default=None
    )
    status: str = _name("`planned`, `sent`, `applied`, `failed` or `skipped`.")
    attempts: int = _number("How many requests were sent.", default=0)
    http_status: int | None = _number("Status of the last response.", default=None)
    scim_type: str | None = _name("scimType of the last error (RFC 7644).", default=None)
    detail: str | None = _text("What the target or scimsync said.", default=None)
    planned_at: datetime = _time("When it was planned.")
    sent_at: datetime | None = _time("When it may have reached the target.", default=None)
    done_at: datetime | None = _time("When its outcome was known.", default=None)


class HoldRow(_Row, table=True):
    """A user who stays deprovisioned at every target, whatever the source says, until lifted."""

    __tablename__ = "hold"

    key: str = _key("Key of the user.")
    since: datetime = _time("When the user was deprovisioned.")


class LeaseRow(_Row, table=True):
    """The right to work on a source, a target or a receiver."""

    __tablename__ = "lease"

    name: str = _key("`source NAME`, `target NAME` or `receiver NAME`.")
    holder: str = _name("Who has it: host, process and random characters. Empty: no run.")
    fence: int = _seq("Grows each time that the lease is taken.")
    expires_at: datetime = _time("When it ends unless it is renewed.")


class AlertRow(_Row, table=True):
    """A condition that needs an operator, from when it fired until it resolves."""

    __tablename__ = "alert"

    event: str = _key("A word of `[notify]`.")
    subject: str = _key("The source or target it is about.")
    since: datetime = _time("When it fired.")
    text: str = _text("What it is, without keys of users.")


class NotificationRow(_Row, table=True):
    """A message for a receiver of `[notify.to]` that is not delivered yet."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_next_try_at", "next_try_at"),)

    id: str = _key("Grows from one message to the next.")
    receiver: str = _name("Name of the receiver.")
    body: str = _text("The message as JSON.")
    created_at: datetime = _time("When it was written.")
    attempts: int = _number("How often its delivery failed.", default=0)
    next_try_at: datetime = _time("When its delivery is tried again.")
    last_error: str | None = _text("Why its delivery failed, without secrets.", default=None)


class CheckpointRow(_Row, table=True):
    """When something that happens on a schedule was last done."""

    __tablename__ = "checkpoint"

    name: str = _key("`summary`.")
    at: datetime = _time("When it was last done.")


def _table(row: type[SQLModel]) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table


metadata = SQLModel.metadata
source = _table(SourceRow)
record = _table(RecordRow)
replaced_record = _table(ReplacedRecordRow)
target = _table(TargetRow)
discovery = _table(DiscoveryRow)
link = _table(LinkRow)
absent_user = _table(AbsentUserRow)
reference = _table(ReferenceRow)
membership = _table(MembershipRow)
replaced_membership = _table(ReplacedMembershipRow)
run = _table(RunRow)
operation = _table(OperationRow)
hold = _table(HoldRow)
lease = _table(LeaseRow)
alert = _table(AlertRow)
notification = _table(NotificationRow)
checkpoint = _table(CheckpointRow)
