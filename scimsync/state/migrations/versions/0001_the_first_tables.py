"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, TEXT, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hold",
        sa.Column("key", NAME, nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "lease",
        sa.Column("name", NAME, nullable=False),
        sa.Column("holder", NAME, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "link",
        sa.Column("target", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("remote_id", NAME, nullable=True),
        sa.Column("status", NAME, nullable=False),
        sa.Column("document", TEXT, nullable=True),
        sa.Column("unique_name", NAME, nullable=True),
        sa.Column("etag", NAME, nullable=True),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("synced_at", UTCDateTime(), nullable=True),
        sa.Column("left_at", UTCDateTime(), nullable=True),
        sa.Column("delete_after", UTCDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UTCDateTime(), nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("target", "kind", "key"),
    )
    op.create_index("ix_link_delete_after", "link", ["target", "delete_after"], unique=False)
    op.create_index("ix_link_next_try_at", "link", ["target", "next_try_at"], unique=False)
    op.create_index("ix_link_remote_id", "link", ["target", "kind", "remote_id"], unique=False)
    op.create_index("ix_link_status", "link", ["target", "kind", "status"], unique=False)
    op.create_index("ix_link_unique_name", "link", ["target", "kind", "unique_name"], unique=False)

    op.create_table(
        "membership",
        sa.Column("target", NAME, nullable=False),
        sa.Column("group_key", NAME, nullable=False),
        sa.Column("member_kind", NAME, nullable=False),
        sa.Column("member_key", NAME, nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("target", "group_key", "member_kind", "member_key"),
    )
    op.create_index("ix_membership_due", "membership", ["target", "due", "group_key"], unique=False)
    op.create_index(
        "ix_membership_member", "membership", ["target", "member_kind", "member_key"], unique=False
    )

    op.create_table(
        "operation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("remote_id", NAME, nullable=True),
        sa.Column("unique_name", NAME, nullable=True),
        sa.Column("waits_for", NAME, nullable=True),
        sa.Column("delete_after", UTCDateTime(), nullable=True),
        sa.Column("base", TEXT, nullable=True),
        sa.Column("changes", TEXT, nullable=False),
        sa.Column("request", TEXT, nullable=True),
        sa.Column("status", NAME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("scim_type", NAME, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("planned_at", UTCDateTime(), nullable=False),
        sa.Column("sent_at", UTCDateTime(), nullable=True),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_operation_key", "operation", ["key", "target"], unique=False)
    op.create_index("ix_operation_open", "operation", ["target", "status"], unique=False)
    op.create_index(
        "ix_operation_unique_name", "operation", ["run_id", "target", "unique_name"], unique=False
    )
    op.create_index(
        "ix_operation_work",
        "operation",
        ["run_id", "target", "status", "phase", "id"],
        unique=False,
    )

    op.create_table(
        "record",
        sa.Column("source", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("removed_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("source", "key"),
    )
    op.create_index("ix_record_source_seq", "record", ["source", "seq"], unique=False)

    op.create_table(
        "reference",
        sa.Column("target", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("path", NAME, nullable=False),
        sa.Column("ref_key", NAME, nullable=False),
        sa.Column("remote_id", NAME, nullable=True),
        sa.PrimaryKeyConstraint("target", "kind", "key", "path"),
    )
    op.create_index("ix_reference_ref_key", "reference", ["target", "ref_key"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("command", NAME, nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.Column("outcome", NAME, nullable=False),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("counts", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "source",
        sa.Column("name", NAME, nullable=False),
        sa.Column("head_seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", NAME, nullable=True),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("ingested_at", UTCDateTime(), nullable=True),
        sa.Column("problems", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "target",
        sa.Column("name", NAME, nullable=False),
        sa.Column("url", NAME, nullable=True),
        sa.Column("digest", NAME, nullable=True),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
