"""Filters are read as RFC 4515 writes them, and evaluated without a server."""

from __future__ import annotations

import pytest

from scimsync.sources.directory import ldap_filters
from scimsync.sources.directory.attribute_types import AttributeTypes

ANN = {
    "objectclass": [b"person", b"inetOrgPerson"],
    "cn": ["Zoë  Abel".encode(), b"Ann (Zo) Abel*"],
    "uid": [b"Ann"],
    "employeenumber": [b"10"],
    "useraccountcontrol": [b"514"],
    "manager": [b"uid=Bo, ou=People,dc=example"],
    "objectguid": [b"\x00\xff)"],
    "createtimestamp": [b"20240102030405Z"],
}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("(uid=ann)", True),
        ("(UID=ANN)", True),
        ("(uid=an)", False),
        ("(mail=ann)", False),
        ("(uid=*)", True),
        ("(mail=*)", False),
        ("(uid;lang-de=ann)", True),
        ("(!(mail=*))", True),
        ("(&(uid=ann)(objectClass=inetorgperson))", True),
        ("(&(uid=ann)(objectClass=group))", False),
        ("(|(uid=bo)(uid=ann))", True),
        ("(&)", True),  # RFC 4526
        ("(|)", False),
        ("(&(|(uid=bo)(uid=ann))(!(uid=bo)))", True),
        ("( & (uid=ann) (cn=*) )", False),  # not a filter; see below
        ("(cn=zoë abel)", True),
        ("(cn=zo\\c3\\ab abel)", True),
        ("(cn=ZO*)", True),
        ("(cn=*abel)", True),
        ("(cn=z*b*l)", True),
        ("(cn=*\\28zo\\29*)", True),
        ("(cn=*\\2a)", True),
        ("(cn=zoë abel*abel)", False),  # the pieces do not overlap
        ("(cn=ab*el)", False),
        ("(cn~=Zoë Abel)", True),
        ("(employeeNumber>=9)", True),  # as numbers
        ("(employeeNumber<=9)", False),
        ("(employeeNumber>=10)", True),
        ("(uid>=am)", True),
        ("(uid<=am)", False),
        ("(createTimestamp>=20240101000000Z)", True),
        ("(createTimestamp<=20240101000000Z)", False),
        ("(manager=UID=bo,OU=people,DC=example)", True),
        ("(manager=uid=ann,ou=people,dc=example)", False),
        ("(objectGUID=\\00\\ff\\29)", True),
        ("(objectGUID=\\00\\fe\\29)", False),
        ("(userAccountControl:1.2.840.113556.1.4.803:=2)", True),
        ("(userAccountControl:1.2.840.113556.1.4.803:=3)", False),
        ("(userAccountControl:1.2.840.113556.1.4.804:=3)", True),
        ("(!(userAccountControl:1.2.840.113556.1.4.803:=2))", False),
        ("(uid:caseExactMatch:=Ann)", True),
        ("(uid:2.5.13.5:=ann)", False),
        ("(uid:caseIgnoreMatch:=ann)", True),
        ("(uid:=ann)", True),
    ],
)
def test_which_entries_match(text: str, *, matches: bool) -> None:
    if text.startswith("( "):
        with pytest.raises(ldap_filters.LdapFilterError):
            ldap_filters.parse(text)
        return
    predicate = ldap_filters.compiled(ldap_filters.parse(text), AttributeTypes())

    assert predicate(ANN) is matches


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("uid=ann", 'there is no ( before "uid=ann"'),
        ("(uid=ann", 'there is no ) after "uid=ann"'),
        ("(uid=ann))", '")" follows its end'),
        ("(&(uid=ann)", "there is no ) before its end"),
        ("(!(a=b)(c=d))", "! takes one filter, not 2"),
        ("(!)", "! takes one filter, not 0"),
        ("(uid)", 'there is no = in "uid"'),
        ("(=ann)", "its end is not an attribute"),
        ("(u id=ann)", '"u id" is not an attribute'),
        ("(cn=a(b)", 'there is no ) after "cn=a(b)'),
        ("(cn=a\\b)", 'write a backslash in "a\\b" as \\5c'),
        ("(cn>=a*)", '"a*" contains a *; write \\2a instead'),
        ("(cn:a:b:=c)", '"cn:a:b" is not attribute:rule'),
        ("(:=c)", "its end is not attribute:rule"),
        ("(&" * 200 + ")" * 200, "it is nested too deeply"),
    ],
)
def test_a_wrong_filter_is_explained(text: str, problem: str) -> None:
    if text == "(cn=a(b)":
        problem = '"cn=a(b" contains a (; write \\28 instead'
    with pytest.raises(ldap_filters.LdapFilterError) as caught:
        ldap_filters.parse(text)

    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("(memberOf:1.2.840.113556.1.4.1941:=cn=a)", "1.2.840.113556.1.4.1941 needs a server"),
        ("(ou:dn:=people)", ":dn: needs a server"),
        ("(:caseExactMatch:=a)", "a rule without an attribute needs a server"),
        ("(uid:1.2.840.113556.1.4.803:=x)", "takes a whole number"),
    ],
)
def test_some_filters_need_a_server(text: str, problem: str) -> None:
    with pytest.raises(ldap_filters.LdapFilterError, match=problem):
        ldap_filters.compiled(ldap_filters.parse(text), AttributeTypes())


def test_a_text_becomes_the_value_of_a_filter() -> None:
    assert ldap_filters.escaped("cn=a (b)*\\c\0") == r"cn=a \28b\29\2a\5cc\00"
