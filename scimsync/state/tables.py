"""The tables of the state database.

JSON is stored in text columns, written by orjson. Times are UTC. A change here needs a migration
under `migrations/versions`; a test compares both. Queries use the `Table` of each class.
"""

from datetime import date, datetime
from typing import ClassVar

from pydantic import ConfigDict
from sqlalchemy import Float, Index, Table, false, text
from sqlmodel import SQLModel

from scimsync.state.column_types import (
    column,
    date_column,
    flag_column,
    key_column,
    name_column,
    number_column,
    seq_column,
    text_column,
    time_column,
)


class _Row(SQLModel):
    # pydantic's validators are never used: rows are read and written by Core statements
    model_config: ClassVar[ConfigDict] = ConfigDict(defer_build=True)  # type: ignore[assignment]


class SourceRow(_Row, table=True):
    """A source as last read."""

    __tablename__ = "source"

    name: str = key_column("Name of the source in sync.toml.")
    head_seq: int = seq_column("Sequence number of its last changed record.", default=0)
    digest: str | None = name_column("Digest of the bytes and settings last read.", default=None)
    records: int = number_column("How many records it has.", default=0)
    ingested_at: datetime | None = time_column("When it was last read.", default=None)
    problems: str | None = text_column("What was wrong in it: a JSON array.", default=None)
    filled: str | None = text_column("Filled cells by column name: a JSON object.", default=None)
    files: str | None = text_column(
        "Files of a pattern, with their records and some keys: a JSON object.", default=None
    )
    replaced: str | None = text_column(
        "What it had before it was last read, until a plan with that is accepted: a JSON object.",
        default=None,
    )
    names: str | None = text_column(
        "Sequence numbers up to which names are in record_name, by expression: a JSON object.",
        default=None,
    )


class RecordRow(_Row, table=True):
    """A record as last read."""

    __tablename__ = "record"
    __table_args__ = (Index("ix_record_source_seq", "source", "seq"),)

    source: str = key_column("Name of its source.")
    key: str = key_column("Key of the record.")
    seq: int = seq_column("Sequence number of its last change.")
    data: str = text_column("The values by column name: a JSON object.")
    removed_at: datetime | None = time_column("When the source no longer had it.", default=None)


class RecordNameRow(_Row, table=True):
    """A name of a record, by which references such as `ref(manager, by="email")` find it.

    It follows from the record, and can be worked out again at any time.
    """

    __tablename__ = "record_name"
    __table_args__ = (
        Index("ix_record_name_key", "source", "key"),
        Index("ix_record_name_seq", "source", "seq"),
    )

    source: str = key_column("Name of its source.")
    name: str = key_column("The expression and its value, such as `email=ann@example.com`.")
    key: str = key_column("Key of the record.")
    holding: str = name_column("`current`, `gone` (with the record), or `former`.")
    seq: int = seq_column("Sequence number of the record at the last change of this row.")


class ReplacedRecordRow(_Row, table=True):
    """A record as it was before it was last read, until a plan made with the new one is accepted.

    A push that a guard stops puts it back: the contents of a refused file have no effect.
    """

    __tablename__ = "replaced_record"

    source: str = key_column("Name of its source.")
    key: str = key_column("Key of the record.")
    data: str | None = text_column("The values; NULL where there was no such record.", default=None)


class IngestRow(_Row, table=True):
    """A reading of a source that found changed records."""

    __tablename__ = "ingest"

    source: str = key_column("Name of the source.")
    head_seq: int = seq_column(
        "Sequence number of the last record that it changed.", primary_key=True
    )
    first_seq: int = seq_column("Sequence number of the first one.")
    read_at: datetime = time_column("When the source was read.")
    modified_at: datetime | None = time_column(
        "When the newest file of the source was last modified.", default=None
    )


class RefusedChangeRow(_Row, table=True):
    """A change of a record that was read and undone, as a guard stopped what it leads to.

    If the source is read again with the same change, it counts from the first time.
    """

    __tablename__ = "refused_change"

    source: str = key_column("Name of the source.")
    key: str = key_column("Key of the record.")
    digest: str = name_column("Digest of the values that were read.")
    read_at: datetime = time_column("When the source was first read with them.")
    modified_at: datetime | None = time_column(
        "When the newest file of the source was last modified by then.", default=None
    )


class TargetRow(_Row, table=True):
    """What one run tells the next about a target."""

    __tablename__ = "target"

    name: str = key_column("Name of the target in sync.toml.")
    url: str | None = name_column("Base URL of the service that its links belong to.", default=None)
    digest: str | None = name_column(
        "Digest of the configuration it was planned under.", default=None
    )
    cursor: int = seq_column("Sequence number up to which records are planned.", default=0)
    failures: int = number_column(
        "How many runs in a row failed as a whole.",
        default=0,
        sa_column_kwargs={"server_default": "0"},
    )
    quarantined_until: datetime | None = time_column(
        "Nothing is sent to it until then.", default=None
    )
    last_error: str | None = text_column("Why it failed last.", default=None)
    lowered_rate: float | None = column(
        Float, "Requests per second that it took when it last answered 429.", default=None
    )
    lowered_at: datetime | None = time_column("When it last answered 429.", default=None)
    ran_at: datetime | None = time_column(
        "When a run that read the sources last started.", default=None
    )
    good_run_at: datetime | None = time_column(
        "When such a run last finished without an error of the target.", default=None
    )
    credentials_expire: date | None = date_column(
        "The day on which the credentials of its last run expire.", default=None
    )
    group_tables: str | None = text_column(
        "The group tables it was last planned with, and removed ones: a JSON object.", default=None
    )
    unusable_filters: str | None = text_column(
        "Attributes whose filters proved nothing, with the reason: a JSON object.", default=None
    )
    bulk_unusable: str | None = text_column("Why it cannot be sent bulk requests.", default=None)
    bulk_unusable_at: datetime | None = time_column("When that was found.", default=None)
    shapes: str | None = text_column(
        "The shapes of requests that are known to work: a JSON object.", default=None
    )
    changes_at: datetime | None = time_column(
        "When an expression that uses the time may next give something else.", default=None
    )


class DiscoveryRow(_Row, table=True):
    """What a target declares about itself. It can be read again at any time."""

    __tablename__ = "discovery"

    target: str = key_column("Name of the target.")
    url: str = name_column("Base URL of the service that declared it.")
    document: str = text_column("What it declared, and when that was read: a JSON object.")


IS_OWNER = "status IN ('active', 'inactive') AND NOT shared"
"""The condition under which a link is the only one to its resource."""


MAY_HAVE_ACCESS = "may_have_access_since IS NOT NULL"
"""The condition under which a leaver may still have access."""


HAS_ECHOES = "echoes IS NOT NULL"
"""The condition under which a resource shows attributes otherwise than they were sent."""


class LinkRow(_Row, table=True):
    """What is known of one resource at one target."""

    __tablename__ = "link"
    __table_args__ = (
        Index("ix_link_unique_name", "target", "kind", "unique_name"),
        Index("ix_link_claimed_name", "target", "kind", "claimed_name"),
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
        Index(
            "ix_link_echoes",
            "target",
            "kind",
            "key",
            sqlite_where=text(HAS_ECHOES),
            postgresql_where=text(HAS_ECHOES),
        ),
    )

    target: str = key_column("Name of the target.")
    kind: str = key_column("`user` or `group`.")
    key: str = key_column("Key of the user or group.")
    remote_id: str | None = name_column("The `id` that the target gave it.", default=None)
    status: str = name_column("`pending`, `active`, `inactive` or `deleted`.")
    document: str | None = text_column(
        "Managed attributes that the target acknowledged: a JSON object.", default=None
    )
    unique_name: str | None = name_column(
        "The acknowledged userName or displayName, in lower case.", default=None
    )
    etag: str | None = name_column("The version that the target gave.", default=None)
    in_doubt: bool = flag_column(
        "Whether the outcome of its last request is unknown.", default=False
    )
    claimed_name: str | None = name_column(
        "The unique name that its last request may have given it.", default=None
    )
    synced_at: datetime | None = time_column("When the target last acknowledged it.", default=None)
    left_at: datetime | None = time_column(
        "When the user left, while a later deletion counts from then.", default=None
    )
    delete_after: datetime | None = time_column("When the account is to be deleted.", default=None)
    deletion_seen_at: datetime | None = time_column(
        "When a run first found its deletion due; a later run confirms it.", default=None
    )
    failures: int = number_column("How many tries in a row failed.", default=0)
    next_try_at: datetime | None = time_column("When it is looked at again.", default=None)
    last_error: str | None = text_column("Why the last try failed.", default=None)
    shared: bool = flag_column(
        "Whether an earlier version linked other keys to the same resource.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    adopted: bool = flag_column(
        "Whether the resource existed before it was linked.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    may_have_access_since: datetime | None = time_column(
        "When the removal of a leaver's access was planned that no response confirmed yet.",
        default=None,
    )
    left_before: bool = flag_column(
        "Whether the user had left already when the account was found.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    moved_from: str | None = name_column("The key that it was moved from.", default=None)
    confirmed_seq: int | None = seq_column(
        "Version of the record that an administrator confirmed as the same person.", default=None
    )
    echoes: str | None = text_column(
        "What it shows otherwise than sent: a JSON array of [path, sent, shown].", default=None
    )


IS_PROTECTED = "protected IS NOT NULL"
"""The condition under which an account was found that is protected."""


class AbsentUserRow(_Row, table=True):
    """A user who should have no account at a target, and for whom nothing to remove was found."""

    __tablename__ = "absent_user"
    __table_args__ = (
        Index(
            "ix_absent_user_protected",
            "target",
            "key",
            sqlite_where=text(IS_PROTECTED),
            postgresql_where=text(IS_PROTECTED),
        ),
    )

    target: str = key_column("Name of the target.")
    key: str = key_column("Key of the user.")
    digest: str = name_column("Digest of the record, and of the values that were looked up by.")
    protected: str | None = text_column("Why an account that was found stays.", default=None)


class ReferenceRow(_Row, table=True):
    """A reference of one resource to another, such as a manager."""

    __tablename__ = "reference"
    __table_args__ = (
        Index("ix_reference_ref_key", "target", "ref_key"),
        Index("ix_reference_ref_name", "target", "ref_name"),
    )

    target: str = key_column("Name of the target.")
    kind: str = key_column("Kind of the resource that refers.")
    key: str = key_column("Key of the resource that refers.")
    path: str = key_column("Attribute path of the reference.")
    ref_key: str = name_column("Key of the user it refers to.")
    remote_id: str | None = name_column("The id that the target acknowledged there.", default=None)
    ref_name: str | None = name_column(
        "The name that it refers to, as in record_name; NULL for a reference by key.", default=None
    )


class MembershipRow(_Row, table=True):
    """A member of a group at one target."""

    __tablename__ = "membership"
    __table_args__ = (
        Index("ix_membership_member", "target", "member_kind", "member_key"),
        Index("ix_membership_due", "target", "due", "group_key"),
    )

    target: str = key_column("Name of the target.")
    group_key: str = key_column("Key of the group.")
    member_kind: str = key_column("`user` or `group`.")
    member_key: str = key_column("Key of the member.")
    wanted: bool = flag_column("Whether the rules want it in the group.")
    revoked: bool = flag_column("Whether it is taken out because the user left.", default=False)
    acknowledged: bool = flag_column("Whether the target confirmed it.")
    in_doubt: bool = flag_column(
        "Whether the outcome of the last request about it is unknown.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    due: bool = flag_column("Whether a request has to be sent about it.")
    pinned: bool = flag_column(
        "Whether a revert keeps it otherwise than the rules want it.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )


class ReplacedMembershipRow(_Row, table=True):
    """A membership as it was before a plan that is not accepted yet.

    A push that a guard stops, or that dies while it plans, puts it back.
    """

    __tablename__ = "replaced_membership"

    target: str = key_column("Name of the target.")
    group_key: str = key_column("Key of the group.")
    member_kind: str = key_column("`user` or `group`.")
    member_key: str = key_column("Key of the member.")
    wanted: bool | None = flag_column("As in membership; NULL where there was none.", default=None)
    revoked: bool | None = flag_column("As in membership.", default=None)
    acknowledged: bool | None = flag_column("As in membership.", default=None)
    in_doubt: bool | None = flag_column("As in membership.", default=None)
    pinned: bool | None = flag_column("As in membership.", default=None)


class RunRow(_Row, table=True):
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


class HoldRow(_Row, table=True):
    """A user who stays deprovisioned at every target, whatever the source says, until lifted."""

    __tablename__ = "hold"

    key: str = key_column("Key of the user.")
    since: datetime = time_column("When the user was deprovisioned.")


class PinRow(_Row, table=True):
    """A user or group that stays as a revert left it, until the sources ask for something else."""

    __tablename__ = "pin"

    target: str = key_column("Name of the target.")
    kind: str = key_column("`user` or `group`.")
    key: str = key_column("Key of the user or group.")
    undone: int = number_column("The run that was reverted.")
    document: str = text_column("The attributes to keep, null where absent: a JSON object.")
    asked: str = name_column("Digest of what the sources asked for then.")
    since: datetime = time_column("When the revert was accepted.")


class ReconciliationRow(_Row, table=True):
    """The last reconciliation that could read a target."""

    __tablename__ = "reconciliation"

    target: str = key_column("Name of the target.")
    at: datetime = time_column("When it was read.")
    findings: int = number_column("How many findings there were.")
    complete: bool = flag_column("Whether all accounts and groups could be compared.")


class LeaseRow(_Row, table=True):
    """The right to work on a source, a target or a receiver."""

    __tablename__ = "lease"

    name: str = key_column("`source NAME`, `target NAME` or `receiver NAME`.")
    holder: str = name_column("Who has it: host, process and random characters. Empty: no run.")
    fence: int = seq_column("Grows each time that the lease is taken.")
    expires_at: datetime = time_column("When it ends unless it is renewed.")


class AlertRow(_Row, table=True):
    """A condition that needs an operator, from when it fired until it resolves."""

    __tablename__ = "alert"

    event: str = key_column("A word of `[notify]`.")
    subject: str = key_column("The source or target it is about.")
    since: datetime = time_column("When it fired.")
    text: str = text_column("What it is, without keys of users.")


class NotificationRow(_Row, table=True):
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


class PendingEventRow(_Row, table=True):
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


class EventDestinationRow(_Row, table=True):
    """A destination of `[audit.events]` that did not take events when they were last sent."""

    __tablename__ = "event_destination"

    name: str = key_column("`file` or `url`.")
    failures: int = number_column("How many tries in a row failed.")
    next_try_at: datetime = time_column("When it is tried again.")
    last_error: str = text_column("Why the last try failed, without secrets.")


class ReplacedSecretRow(_Row, table=True):
    """A secret that a server replaced, encrypted under the one that sync.toml refers to."""

    __tablename__ = "replaced_secret"

    target: str = key_column("Name of the target.")
    option: str = key_column("The key of `auth`, such as `refresh_token`.")
    sealed: str = text_column("The encrypted secret.")


class CheckpointRow(_Row, table=True):
    """When something that happens on a schedule was last done."""

    __tablename__ = "checkpoint"

    name: str = key_column("`summary`.")
    at: datetime = time_column("When it was last done.")


def _table(row: type[SQLModel]) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table


metadata = SQLModel.metadata
source = _table(SourceRow)
record = _table(RecordRow)
record_name = _table(RecordNameRow)
replaced_record = _table(ReplacedRecordRow)
ingest = _table(IngestRow)
refused_change = _table(RefusedChangeRow)
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
pin = _table(PinRow)
reconciliation = _table(ReconciliationRow)
lease = _table(LeaseRow)
alert = _table(AlertRow)
notification = _table(NotificationRow)
pending_event = _table(PendingEventRow)
event_destination = _table(EventDestinationRow)
replaced_secret = _table(ReplacedSecretRow)
checkpoint = _table(CheckpointRow)
