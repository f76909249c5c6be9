"""Remember when the credentials of a target expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("target", sa.Column("credentials_expire", sa.Date()))
