"""Remember for which time the expressions of a target were evaluated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import UTCDateTime

revision = "0035"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("target", sa.Column("evaluated_at", UTCDateTime()))
