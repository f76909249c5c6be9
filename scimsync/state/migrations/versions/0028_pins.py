"""Keep what a revert has restored until the sources ask for something else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, TEXT, UTCDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pin",
        sa.Column("target", NAME, primary_key=True, nullable=False),
        sa.Column("kind", NAME, primary_key=True, nullable=False),
        sa.Column("key", NAME, primary_key=True, nullable=False),
        sa.Column("undone", sa.Integer(), nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("asked", NAME, nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
    )
    op.add_column(
        "membership", sa.Column("pinned", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("replaced_membership", sa.Column("pinned", sa.Boolean()))
