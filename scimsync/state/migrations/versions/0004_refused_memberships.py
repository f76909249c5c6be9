"""Store the memberships that a plan replaced, until it is accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replaced_membership",
        sa.Column("target", NAME, nullable=False),
        sa.Column("group_key", NAME, nullable=False),
        sa.Column("member_kind", NAME, nullable=False),
        sa.Column("member_key", NAME, nullable=False),
        sa.Column("wanted", sa.Boolean()),
        sa.Column("revoked", sa.Boolean()),
        sa.Column("acknowledged", sa.Boolean()),
        sa.Column("doubtful", sa.Boolean()),
        sa.PrimaryKeyConstraint("target", "group_key", "member_kind", "member_key"),
    )
