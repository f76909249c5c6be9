"""Allow one owner of each account and group; remember which groups existed before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_IS_OWNER = sa.text("status IN ('active', 'inactive') AND NOT shared")


def upgrade() -> None:
    for name in ("shared", "adopted"):
        op.add_column(
            "link", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    _keep_duplicates_apart()
    _mark_adopted_groups()
    op.create_index(
        "ix_link_owner",
        "link",
        ["target", "kind", "remote_id"],
        unique=True,
        sqlite_where=_IS_OWNER,
        postgresql_where=_IS_OWNER,
    )


def _keep_duplicates_apart() -> None:
    """Mark links that several keys have to one resource, and let each run report them."""
    op.execute(
        """
        UPDATE link SET shared = true, failures = failures + 1,
          next_try_at = '2000-01-01 00:00:00',
          last_error = 'another key is linked to the same resource [SYNC-0371]'
        WHERE status IN ('active', 'inactive') AND EXISTS (
          SELECT 1 FROM link AS other
          WHERE other.target = link.target AND other.kind = link.kind
            AND other.remote_id = link.remote_id AND other.key <> link.key
            AND other.status IN ('active', 'inactive')
        )
        """
    )


def _mark_adopted_groups() -> None:
    """Count a group as adopted unless the journal shows that a request of ours created it.

    The last creation that was sent counts, unless the group was deleted or adopted after it. A
    resource from a creation without a response is acknowledged by an `adopt` with one of the
    reasons below.
    """
    op.execute(
        """
        UPDATE link SET adopted = true
        WHERE kind = 'group' AND status IN ('active', 'inactive') AND NOT EXISTS (
          SELECT 1 FROM operation
          WHERE operation.target = link.target AND operation.kind = 'group'
            AND operation.key = link.key AND operation.action = 'create'
            AND operation.sent_at IS NOT NULL
            AND NOT EXISTS (
              SELECT 1 FROM operation AS later
              WHERE later.target = link.target AND later.kind = 'group'
                AND later.key = link.key AND later.status = 'applied' AND later.id > operation.id
                AND later.action IN ('adopt', 'delete') AND later.reason NOT IN (
                  'an earlier run created it without receiving the response',
                  'an earlier run made it, and no answer said so'
                )
            )
        )
        """
    )
