"""Remember from which key an account was moved, and which renamed persons were confirmed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link", sa.Column("moved_from", NAME))
    op.add_column("link", sa.Column("confirmed_seq", sa.BigInteger()))
