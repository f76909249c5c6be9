"""Links that a plan noted are found by what they hold now, however often they were noted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.state.noted_links import NotedLinks

IDS = st.sampled_from("123").map(RemoteId)
NAMES = st.sampled_from("ABC")
LINKS = st.builds(
    lambda kind, key, status, remote_id, name, claimed: Link(
        kind,
        key,
        status,
        remote_id,
        {} if name is None else {"userName": name, "displayName": name},
        in_doubt=claimed is not None,
        claimed_name=claimed,
    ),
    st.sampled_from(Kind),
    st.sampled_from("wxyz").map(Key),
    st.sampled_from(LinkStatus),
    st.none() | IDS,
    st.none() | NAMES,
    st.none() | NAMES.map(str.lower),
)


@given(st.lists(LINKS, max_size=12))
def test_the_last_link_of_each_resource_counts(some: list[Link]) -> None:
    noted = NotedLinks()
    last: dict[tuple[Kind, Key], Link] = {}
    for link in some:
        noted.put([link])
        last.pop((link.kind, link.key), None)
        last[link.kind, link.key] = link

    accounts = [link for link in last.values() if link.has_account]
    for kind in Kind:
        of_kind = [link for link in accounts if link.kind is kind]
        owners = {link.remote_id: link.key for link in of_kind if link.remote_id is not None}
        names = {name: link for link in of_kind for name in (link.unique_name, link.claimed_name)}
        assert noted.owners(kind, list(map(RemoteId, "123"))) == owners
        assert noted.name_holders(kind, ["a", "b", "c"]) == {
            name: link for name, link in names.items() if name is not None
        }
        assert noted.get(kind, list(map(Key, "wxyz"))) == {
            key: link for (of, key), link in last.items() if of is kind
        }
    assert list(noted) == list(last.values())
    assert bool(noted) is bool(last)


def test_nothing_is_found_after_clearing() -> None:
    noted = NotedLinks()
    link = Link(Kind.USER, Key("x"), LinkStatus.ACTIVE, RemoteId("1"), {"userName": "A"})
    noted.put([link])
    noted.clear()

    assert not noted
    assert noted.owners(Kind.USER, [RemoteId("1")]) == {}
    assert noted.name_holders(Kind.USER, ["a"]) == {}
    assert noted.get(Kind.USER, [Key("x")]) == {}
