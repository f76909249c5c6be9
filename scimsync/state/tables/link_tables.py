"""The tables of links: users, groups, and memberships at each target."""

from datetime import datetime

from sqlalchemy import Index, false

from scimsync.state.column_types import (
    flag_column,
    key_column,
    name_column,
    number_column,
    seq_column,
    text_column,
    time_column,
)
from scimsync.state.tables.table_base import StateRow, partial_index, table_of

IS_OWNER = "status IN ('active', 'inactive') AND NOT shared"
"""The condition under which a link is the only one to its resource."""


MAY_HAVE_ACCESS = "may_have_access_since IS NOT NULL"
"""The condition under which a leaver may still have access."""


IS_FAILING = "failures > 0 OR next_try_at IS NOT NULL"
"""The condition under which a link failed last, or waits for another try."""


HAS_ECHOES = "echoes IS NOT NULL"
"""The condition under which a resource shows attributes differently from what was sent."""


class LinkRow(StateRow, table=True):
    """The known facts about one resource at one target."""

    __tablename__ = "link"
    __table_args__ = (
        Index("ix_link_unique_name", "target", "kind", "unique_name"),
        Index("ix_link_claimed_name", "target", "kind", "claimed_name"),
        Index("ix_link_remote_id", "target", "kind", "remote_id"),
        Index("ix_link_next_try_at", "target", "next_try_at"),
        Index("ix_link_delete_after", "target", "delete_after"),
        Index("ix_link_status", "target", "kind", "status"),
        partial_index("ix_link_owner", "target", "kind", "remote_id", unique=True, where=IS_OWNER),
        partial_index("ix_link_may_have_access", "target", "kind", "key", where=MAY_HAVE_ACCESS),
        partial_index("ix_link_failing", "target", "kind", "key", where=IS_FAILING),
        partial_index("ix_link_echoes", "target", "kind", "key", where=HAS_ECHOES),
    )

    target: str = key_column("Name of the target.")
    kind: str = key_column("`user` or `group`.")
    key: str = key_column("Key of the user or group.")
    remote_id: str | None = name_column("The `id` that the target gave it.", default=None)
    status: str = name_column("`pending`, `active`, `inactive` or `deleted`.")
    document: str | None = text_column(
        "Managed attributes that the target acknowledged: a JSON object.", default=None
    )
    unique_name: str | None = name_column(
        "The acknowledged userName or displayName, in lower case.", default=None
    )
    etag: str | None = name_column("The version that the target gave.", default=None)
    in_doubt: bool = flag_column(
        "Whether the outcome of its last request is unknown.", default=False
    )
    claimed_name: str | None = name_column(
        "The unique name that its last request may have given it.", default=None
    )
    synced_at: datetime | None = time_column("When the target last acknowledged it.", default=None)
    left_at: datetime | None = time_column(
        "When the user left, while a later deletion counts from then.", default=None
    )
    delete_after: datetime | None = time_column("When the account is to be deleted.", default=None)
    deletion_seen_at: datetime | None = time_column(
        "When a run first found its deletion due; a later run confirms it.", default=None
    )
    failures: int = number_column("How many tries in a row failed.", default=0)
    next_try_at: datetime | None = time_column("When it is checked again.", default=None)
    last_error: str | None = text_column("Why the last attempt failed.", default=None)
    shared: bool = flag_column(
        "Whether an earlier version linked other keys to the same resource.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    adopted: bool = flag_column(
        "Whether the resource existed before it was linked.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    may_have_access_since: datetime | None = time_column(
        "When the removal of a leaver's access was planned that no response confirmed yet.",
        default=None,
    )
    left_before: bool = flag_column(
        "Whether the user had left already when the account was found.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    moved_from: str | None = name_column("The key that it was moved from.", default=None)
    confirmed_seq: int | None = seq_column(
        "Version of the record that an administrator confirmed as the same person.", default=None
    )
    echoes: str | None = text_column(
        "What it shows differently from what was sent: a JSON array of [path, sent, shown].",
        default=None,
    )


IS_PROTECTED = "protected IS NOT NULL"
"""The condition under which an account was found that is protected."""


class AbsentUserRow(StateRow, table=True):
    """A user who should have no account at a target, and for whom nothing to remove was found."""

    __tablename__ = "absent_user"
    __table_args__ = (
        partial_index("ix_absent_user_protected", "target", "key", where=IS_PROTECTED),
    )

    target: str = key_column("Name of the target.")
    key: str = key_column("Key of the user.")
    digest: str = name_column("Digest of the record, and of the values that were looked up by.")
    protected: str | None = text_column("Why an account that was found stays.", default=None)


class ReferenceRow(StateRow, table=True):
    """A reference of one resource to another, such as a manager."""

    __tablename__ = "reference"
    __table_args__ = (
        Index("ix_reference_ref_key", "target", "ref_key"),
        Index("ix_reference_ref_name", "target", "ref_name"),
    )

    target: str = key_column("Name of the target.")
    kind: str = key_column("Kind of the resource that refers.")
    key: str = key_column("Key of the resource that refers.")
    path: str = key_column("Attribute path of the reference.")
    ref_key: str = name_column("Key of the user it refers to.")
    remote_id: str | None = name_column("The id that the target acknowledged there.", default=None)
    ref_name: str | None = name_column(
        "The name that it refers to, as in record_name; NULL for a reference by key.", default=None
    )


class MembershipRow(StateRow, table=True):
    """A member of a group at one target."""

    __tablename__ = "membership"
    __table_args__ = (
        Index("ix_membership_member", "target", "member_kind", "member_key"),
        Index("ix_membership_due", "target", "due", "group_key"),
    )

    target: str = key_column("Name of the target.")
    group_key: str = key_column("Key of the group.")
    member_kind: str = key_column("`user` or `group`.")
    member_key: str = key_column("Key of the member.")
    wanted: bool = flag_column("Whether the rules want it in the group.")
    revoked: bool = flag_column("Whether it is taken out because the user left.", default=False)
    acknowledged: bool = flag_column("Whether the target confirmed it.")
    in_doubt: bool = flag_column(
        "Whether the outcome of the last request about it is unknown.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )
    due: bool = flag_column("Whether a request has to be sent about it.")
    pinned: bool = flag_column(
        "Whether a revert keeps it, against the rules.",
        default=False,
        sa_column_kwargs={"server_default": false()},
    )


class ReplacedMembershipRow(StateRow, table=True):
    """A membership as it was before a plan that is not accepted yet.

    A push that a guard stops, or that dies while it plans, puts it back.
    """

    __tablename__ = "replaced_membership"

    target: str = key_column("Name of the target.")
    group_key: str = key_column("Key of the group.")
    member_kind: str = key_column("`user` or `group`.")
    member_key: str = key_column("Key of the member.")
    wanted: bool | None = flag_column("As in membership; NULL where there was none.", default=None)
    revoked: bool | None = flag_column("As in membership.", default=None)
    acknowledged: bool | None = flag_column("As in membership.", default=None)
    in_doubt: bool | None = flag_column("As in membership.", default=None)
    pinned: bool | None = flag_column("As in membership.", default=None)


class HoldRow(StateRow, table=True):
    """A user who stays deprovisioned at every target, whatever the source says, until lifted."""

    __tablename__ = "hold"

    key: str = key_column("Key of the user.")
    since: datetime = time_column("When the user was deprovisioned.")


class PinRow(StateRow, table=True):
    """A user or group that stays as a revert left it, until the sources ask for something else."""

    __tablename__ = "pin"

    target: str = key_column("Name of the target.")
    kind: str = key_column("`user` or `group`.")
    key: str = key_column("Key of the user or group.")
    undone: int = number_column("The run that was reverted.")
    document: str = text_column("The attributes to keep, null where absent: a JSON object.")
    asked: str = name_column("Digest of what the sources asked for then.")
    since: datetime = time_column("When the revert was accepted.")


link = table_of(LinkRow)
absent_user = table_of(AbsentUserRow)
reference = table_of(ReferenceRow)
membership = table_of(MembershipRow)
replaced_membership = table_of(ReplacedMembershipRow)
hold = table_of(HoldRow)
pin = table_of(PinRow)
