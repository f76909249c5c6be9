"""Keep secrets that a server replaced, encrypted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, TEXT

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replaced_secret",
        sa.Column("target", NAME, primary_key=True, nullable=False),
        sa.Column("option", NAME, primary_key=True, nullable=False),
        sa.Column("sealed", TEXT, nullable=False),
    )
