"""Store the kind of groups of each table in sync.toml, and what to do when it is removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import TEXT

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("target", sa.Column("group_tables", TEXT))
