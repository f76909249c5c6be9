"""Remember which users were looked up and have no account, and who had left before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "link", sa.Column("left_before", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "absent_user",
        sa.Column("target", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.PrimaryKeyConstraint("target", "key"),
    )
