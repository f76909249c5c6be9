"""Store names by which references find records, and when expressions give new results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, TEXT, UTCDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "record_name",
        sa.Column("source", NAME, primary_key=True, nullable=False),
        sa.Column("name", NAME, primary_key=True, nullable=False),
        sa.Column("key", NAME, primary_key=True, nullable=False),
        sa.Column("holding", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_record_name_key", "record_name", ["source", "key"])
    op.create_index("ix_record_name_seq", "record_name", ["source", "seq"])
    op.add_column("source", sa.Column("names", TEXT))
    op.add_column("reference", sa.Column("ref_name", NAME))
    op.create_index("ix_reference_ref_name", "reference", ["target", "ref_name"])
    op.add_column("target", sa.Column("changes_at", UTCDateTime()))
