"""Keep which filters of a target prove nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import TEXT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("target", sa.Column("unusable_filters", TEXT))
