"""Remember users out of scope whose account is protected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import TEXT

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("absent_user", sa.Column("protected", TEXT))
    op.create_index(
        "ix_absent_user_protected",
        "absent_user",
        ["target", "key"],
        sqlite_where=sa.text("protected IS NOT NULL"),
        postgresql_where=sa.text("protected IS NOT NULL"),
    )
