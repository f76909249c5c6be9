"""Keep what a source contained until a plan made with its new contents is accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import TEXT

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("replaced", TEXT))
