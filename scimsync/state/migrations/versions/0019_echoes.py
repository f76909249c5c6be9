"""Store the values that targets show differently from what was sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import TEXT

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link", sa.Column("echoes", TEXT))
    op.create_index(
        "ix_link_echoes",
        "link",
        ["target", "kind", "key"],
        sqlite_where=sa.text("echoes IS NOT NULL"),
        postgresql_where=sa.text("echoes IS NOT NULL"),
    )
