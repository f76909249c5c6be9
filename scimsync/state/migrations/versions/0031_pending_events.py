"""Keep which operations are to be exported as Security Event Tokens, and where that failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, TEXT, UTCDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pending_event",
        sa.Column("destination", NAME, primary_key=True, nullable=False),
        sa.Column("operation_id", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("noted_at", UTCDateTime(), nullable=False),
        sa.Column("remote_id", NAME),
        sa.Column("external_id", NAME),
        sa.Column("version", NAME),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UTCDateTime()),
    )
    op.create_table(
        "event_destination",
        sa.Column("name", NAME, primary_key=True, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UTCDateTime(), nullable=False),
        sa.Column("last_error", TEXT, nullable=False),
    )
