"""Store what an ingest replaced until it is accepted, quarantines, and memberships in doubt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, TEXT, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replaced",
        sa.Column("source", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("data", TEXT),
        sa.PrimaryKeyConstraint("source", "key"),
    )
    op.add_column("target", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("target", sa.Column("quarantined_until", UTCDateTime()))
    op.add_column("target", sa.Column("last_error", TEXT))
    op.add_column("target", sa.Column("lowered_rate", sa.Float()))
    op.add_column("target", sa.Column("lowered_at", UTCDateTime()))
    op.add_column(
        "membership", sa.Column("doubtful", sa.Boolean(), nullable=False, server_default=sa.false())
    )
