"""Record when a source was first read with a change, and what confirms an operation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, UTCDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ingest",
        sa.Column("source", NAME, primary_key=True, nullable=False),
        sa.Column("head_seq", sa.BigInteger(), primary_key=True, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("read_at", UTCDateTime(), nullable=False),
        sa.Column("modified_at", UTCDateTime()),
    )
    op.create_table(
        "refused_change",
        sa.Column("source", NAME, primary_key=True, nullable=False),
        sa.Column("key", NAME, primary_key=True, nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.Column("read_at", UTCDateTime(), nullable=False),
        sa.Column("modified_at", UTCDateTime()),
    )
    for name in ("source_read_at", "source_modified_at", "confirmed_at"):
        op.add_column("operation", sa.Column(name, UTCDateTime()))
    op.add_column("operation", sa.Column("confirmed_by", NAME))
