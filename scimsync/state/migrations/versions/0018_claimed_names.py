"""Remember the names that requests with an unknown outcome may have given to resources."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column

from scimsync.state.column_types import NAME

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link", Column("claimed_name", NAME))
    op.create_index("ix_link_claimed_name", "link", ["target", "kind", "claimed_name"])
