"""Keep when a run first found a deletion due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link", sa.Column("deletion_seen_at", UTCDateTime()))
