"""Store alerts, their undelivered notifications, and when a target was last pushed to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, TEXT, UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("target", sa.Column("ran_at", UTCDateTime()))
    op.add_column("target", sa.Column("good_run_at", UTCDateTime()))
    op.create_table(
        "trouble",
        sa.Column("event", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("event", "subject"),
    )
    op.create_table(
        "notice",
        sa.Column("id", NAME, nullable=False),
        sa.Column("receiver", NAME, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UTCDateTime(), nullable=False),
        sa.Column("last_error", TEXT),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notice_next_try_at", "notice", ["next_try_at"])
    op.create_table(
        "mark",
        sa.Column("name", NAME, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
