"""Distinguished names are compared as RFC 4514 and RFC 4517 say."""

from __future__ import annotations

import pytest

from scimsync.sources.directory import dn


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ann,dc=example,dc=com", "UID=Ann,DC=Example,DC=Com"),
        ("uid=ann,dc=example,dc=com", "uid = ann , dc = example , dc=com"),
        ("uid=ann;dc=example", "uid=ann,dc=example"),  # RFC 2253, section 4
        ("cn=Abel\\, Ann,dc=example", 'cn="Abel, Ann",dc=example'),
        ("cn=Abel\\, Ann,dc=example", "cn=Abel\\2c Ann,dc=example"),
        ("cn=Z\\c3\\bcrich,dc=example", "cn=Zürich,dc=example"),
        ("cn=ZÜRICH,dc=example", "cn=zürich,dc=example"),
        ("cn=a+uid=1,dc=example", "uid=1+cn=a,dc=example"),  # a set of attributes
        ("cn=Ann  Abel,dc=example", "cn=ann abel,dc=example"),
        ("OID.2.5.4.3=a,dc=example", "2.5.4.3=a,dc=example"),
        ("cn=a\\=b,dc=example", "cn=a=b,dc=example"),
    ],
)
def test_names_of_one_entry_are_equal(one: str, other: str) -> None:
    assert dn.normalized(one) == dn.normalized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ann,dc=example", "uid=anna,dc=example"),
        ("uid=ann,ou=a,dc=example", "uid=ann,ou=b,dc=example"),
        ("cn=a\\,ou=b,dc=example", "cn=a,ou=b,dc=example"),  # the comma belongs to the value
        ("cn=a\\+b=c,dc=example", "cn=a+b=c,dc=example"),
        ("cn=a,dc=example", "sn=a,dc=example"),
        ("", "dc=example"),
    ],
)
def test_names_of_two_entries_differ(one: str, other: str) -> None:
    assert dn.normalized(one) != dn.normalized(other)


@pytest.mark.parametrize("text", ["ann", "=ann", "uid", "uid=a,", 'cn="a', "cn=a\\", 'cn="a"b'])
def test_a_text_that_is_no_name_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        dn.parse(text)


@pytest.mark.parametrize(
    ("name", "attribute", "values"),
    [
        ("uid=Ann,dc=example", "UID", ["Ann"]),
        ("cn=Abel\\, Ann+uid=7,dc=example", "cn", ["Abel, Ann"]),
        ("cn=Ann,uid=7,dc=example", "uid", []),  # not of the entry itself
        ("no name", "uid", []),
    ],
)
def test_the_values_that_name_an_entry(name: str, attribute: str, values: list[str]) -> None:
    assert dn.rdn_values(name, attribute) == values


@pytest.mark.parametrize(
    ("names", "suffix"),
    [
        (["uid=a,ou=p,dc=x,dc=com", "cn=g,ou=q,dc=X,dc=com"], "dc=x,dc=com"),
        (["uid=a,ou=p,dc=x", "uid=b,ou=p,dc=x"], "ou=p,dc=x"),
        (["uid=a,dc=x", "uid=b,dc=y"], ""),
        (["uid=a,dc=x", "no name"], ""),
        ([], ""),
    ],
)
def test_the_tree_that_holds_several_entries(names: list[str], suffix: str) -> None:
    assert dn.common_suffix(names) == suffix


def test_a_bit_string_after_a_name_is_no_part_of_it() -> None:
    assert dn.without_bit_string("uid=ann,dc=example#'0101'B") == "uid=ann,dc=example"
    assert dn.without_bit_string("uid=ann#1,dc=example") == "uid=ann#1,dc=example"


@pytest.mark.parametrize(
    ("name", "suffix", "below"),
    [
        ("uid=a,dc=x,dc=com", "DC=x,dc=com", True),
        ("dc=x,dc=com", "dc=x,dc=com", True),
        ("uid=a,dc=y,dc=com", "dc=x,dc=com", False),
        ("dc=com", "dc=x,dc=com", False),
        ("uid=a,dc=com", "", True),
    ],
)
def test_whether_an_entry_is_in_a_tree(name: str, suffix: str, *, below: bool) -> None:
    assert dn.is_below(name, suffix) is below
