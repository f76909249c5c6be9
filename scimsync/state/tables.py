"""The tables of the state database: what each holds, and how they are indexed.

JSON stands in text columns (written by orjson), times are UTC. A change here needs a migration
under `migrations/versions`; a test compares both.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.engine import Dialect


class UTCDateTime(TypeDecorator[datetime]):
    """Aware datetimes in Python, naive UTC in the database (SQLite keeps no time zone)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


class _Without0(TypeDecorator[str]):
    """Text for PostgreSQL, which has no place for NUL, in the order of code points whatever the
    server's language is."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return value if value is None or "\0" not in value else value.replace("\0", "\ufffd")


NAME = String().with_variant(_Without0(collation="C"), "postgresql")
TEXT = Text().with_variant(_Without0(), "postgresql")
metadata = MetaData()

# A source: the sequence of its last change, the digest of the bytes and settings last ingested,
# what was wrong in them.
source = Table(
    "source",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("head_seq", BigInteger, nullable=False, default=0),
    Column("digest", NAME),
    Column("records", Integer, nullable=False, default=0),
    Column("ingested_at", UTCDateTime),
    Column("problems", TEXT),
)

# A record as last ingested; removed_at is set when the source no longer has it.
record = Table(
    "record",
    metadata,
    Column("source", NAME, primary_key=True),
    Column("key", NAME, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("data", TEXT, nullable=False),
    Column("removed_at", UTCDateTime),
    Index("ix_record_source_seq", "source", "seq"),
)

# What a record held before an ingest that no plan has been accepted for yet; data is NULL where the
# source had no such record. A push that a guard stops puts it back: what was in a refused file
# counts for nobody.
replaced = Table(
    "replaced",
    metadata,
    Column("source", NAME, primary_key=True),
    Column("key", NAME, primary_key=True),
    Column("data", TEXT),
)

# A target: the URL that its links belong to, the digest of its configuration, and up to which
# sequence number it was planned under that. failures: how many runs in a row it failed as a whole;
# quarantined_until: when it is tried again; lowered_rate: the requests a second that it was seen to
# take when it last answered 429, and when that was; ran_at: when a run last began that read its
# sources, however it ended; good_run_at: when one last came to its end without an error of the
# target; group_tables: the tables of groups that it was last planned with, and those before that
# are gone, as JSON.
target = Table(
    "target",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("url", NAME),
    Column("digest", NAME),
    Column("cursor", BigInteger, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0, server_default="0"),
    Column("quarantined_until", UTCDateTime),
    Column("last_error", TEXT),
    Column("lowered_rate", Float),
    Column("lowered_at", UTCDateTime),
    Column("ran_at", UTCDateTime),
    Column("good_run_at", UTCDateTime),
    Column("group_tables", TEXT),
)

# What is known of one resource at one target. document: acknowledged values of managed attributes;
# unique_name: the acknowledged userName or displayName, case-folded; doubtful: a request was sent
# whose outcome is unknown, so the resource is read before it is compared; left_at: when the person
# left, where the account is to be deleted later.
link = Table(
    "link",
    metadata,
    Column("target", NAME, primary_key=True),
    Column("kind", NAME, primary_key=True),
    Column("key", NAME, primary_key=True),
    Column("remote_id", NAME),
    Column("status", NAME, nullable=False),
    Column("document", TEXT),
    Column("unique_name", NAME),
    Column("etag", NAME),
    Column("doubtful", Boolean, nullable=False, default=False),
    Column("synced_at", UTCDateTime),
    Column("left_at", UTCDateTime),
    Column("delete_after", UTCDateTime),
    Column("failures", Integer, nullable=False, default=0),
    Column("next_try_at", UTCDateTime),
    Column("last_error", TEXT),
    Index("ix_link_unique_name", "target", "kind", "unique_name"),
    Index("ix_link_remote_id", "target", "kind", "remote_id"),
    Index("ix_link_next_try_at", "target", "next_try_at"),
    Index("ix_link_delete_after", "target", "delete_after"),
    Index("ix_link_status", "target", "kind", "status"),
)

# A reference of one resource to another (manager): whom it wants, and the remote id that the target
# acknowledged.
reference = Table(
    "reference",
    metadata,
    Column("target", NAME, primary_key=True),
    Column("kind", NAME, primary_key=True),
    Column("key", NAME, primary_key=True),
    Column("path", NAME, primary_key=True),
    Column("ref_key", NAME, nullable=False),
    Column("remote_id", NAME),
    Index("ix_reference_ref_key", "target", "ref_key"),
)

# A member of a group: whether the rules want it there, whether that is taken back because it left,
# whether the target has acknowledged it; doubtful: a request about it was sent whose outcome is
# unknown; due: the target has to be told.
membership = Table(
    "membership",
    metadata,
    Column("target", NAME, primary_key=True),
    Column("group_key", NAME, primary_key=True),
    Column("member_kind", NAME, primary_key=True),
    Column("member_key", NAME, primary_key=True),
    Column("wanted", Boolean, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("doubtful", Boolean, nullable=False, default=False, server_default=false()),
    Column("due", Boolean, nullable=False),
    Index("ix_membership_member", "target", "member_kind", "member_key"),
    Index("ix_membership_due", "target", "due", "group_key"),
)

# What a membership was before a plan that has not been accepted yet; wanted is NULL where there was
# none. A push that a guard stops, or that dies while it plans, puts it back.
replaced_membership = Table(
    "replaced_membership",
    metadata,
    Column("target", NAME, primary_key=True),
    Column("group_key", NAME, primary_key=True),
    Column("member_kind", NAME, primary_key=True),
    Column("member_key", NAME, primary_key=True),
    Column("wanted", Boolean),
    Column("revoked", Boolean),
    Column("acknowledged", Boolean),
    Column("doubtful", Boolean),
)

# A run: what started it, when, how it ended.
run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("command", NAME, nullable=False),
    Column("started_at", UTCDateTime, nullable=False),
    Column("finished_at", UTCDateTime),
    Column("outcome", NAME, nullable=False),
    Column("detail", TEXT),
    Column("counts", TEXT),
)

# The journal: an intended change of one resource at one target, and what became of it. base: the
# document that changes start from where that is not the link's; waits_for: the key whose operation
# frees the userName that this one takes; delete_after: when an account that this deactivates is to
# be deleted.
operation = Table(
    "operation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, nullable=False),
    Column("target", NAME, nullable=False),
    Column("phase", Integer, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("key", NAME, nullable=False),
    Column("action", NAME, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("remote_id", NAME),
    Column("unique_name", NAME),
    Column("waits_for", NAME),
    Column("delete_after", UTCDateTime),
    Column("base", TEXT),
    Column("changes", TEXT, nullable=False),
    Column("request", TEXT),
    Column("status", NAME, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("http_status", Integer),
    Column("scim_type", NAME),
    Column("detail", TEXT),
    Column("planned_at", UTCDateTime, nullable=False),
    Column("sent_at", UTCDateTime),
    Column("done_at", UTCDateTime),
    Index("ix_operation_work", "run_id", "target", "status", "phase", "id"),
    Index("ix_operation_key", "key", "target"),
    Index("ix_operation_open", "target", "status"),
    Index("ix_operation_unique_name", "run_id", "target", "unique_name"),
)

# Somebody who is deprovisioned everywhere, whatever the source says, until this is lifted.
hold = Table(
    "hold",
    metadata,
    Column("key", NAME, primary_key=True),
    Column("since", UTCDateTime, nullable=False),
)

# Who works on a source or a target now; fence grows with every change of hands.
lease = Table(
    "lease",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("holder", NAME, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
)

# What needs a person and has been told: open from `since` on, until it is over. `text` says what it
# is without naming people.
trouble = Table(
    "trouble",
    metadata,
    Column("event", NAME, primary_key=True),
    Column("subject", NAME, primary_key=True),
    Column("since", UTCDateTime, nullable=False),
    Column("text", TEXT, nullable=False),
)

# A message on its way to a receiver of [notify.to], kept until it has arrived or is given up. body:
# the message as JSON.
notice = Table(
    "notice",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("receiver", NAME, nullable=False),
    Column("body", TEXT, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", UTCDateTime, nullable=False),
    Column("last_error", TEXT),
    Index("ix_notice_next_try_at", "next_try_at"),
)

# When something that is done by the clock was done last.
mark = Table(
    "mark",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("at", UTCDateTime, nullable=False),
)
