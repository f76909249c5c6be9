"""Keys of accounts that no user is linked to are not those of any user."""

from __future__ import annotations

from scimsync.model.ids import Key, RemoteId
from scimsync.model.repairs import is_unlinked, unlinked_key


def test_no_key_of_a_source_is_that_of_an_unmanaged_account() -> None:
    key = unlinked_key(RemoteId("7f3c"))

    assert is_unlinked(key)
    assert key != key.strip()  # the key of a record has no white space at its ends
    assert not is_unlinked(Key(key.strip()))
