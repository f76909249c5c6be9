"""A schema says what attributes hold; tables do where there is none."""

from __future__ import annotations

import pytest

from scimsync.sources.directory.attribute_types import AttributeTypes, Form, read_schema

SYNTAX = "1.3.6.1.4.1.1466.115.121.1"
SCHEMA = read_schema(
    [
        f"( 2.5.4.41 NAME 'name' EQUALITY caseIgnoreMatch SYNTAX {SYNTAX}.15{{32768}} )",
        "( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'not SINGLE-VALUE (really)' SUP name )",
        "( 2.5.4.6 NAME ( 'c' 'countryName' ) SUP name SINGLE-VALUE )",
        f"(2.5.4.49 NAME 'distinguishedName' SYNTAX {SYNTAX}.12)",
        "( 2.5.4.31 NAME 'member' DESC 'DNs' SUP distinguishedName )",
        f"( 1.1.1 NAME 'badge' SYNTAX '{SYNTAX}.27' SINGLE-VALUE )",  # quoted by some servers
        f"( 1.1.2 NAME 'locked' SYNTAX {SYNTAX}.7 SINGLE-VALUE )",
        f"( 1.1.3 NAME 'until' SYNTAX {SYNTAX}.24 )",
        f"( 1.1.4 NAME 'blob' SYNTAX {SYNTAX}.40 )",
        f"( 1.1.5 NAME 'objectGUID' SYNTAX {SYNTAX}.40 SINGLE-VALUE )",
        f"( 1.1.6 NAME 'jpegPhoto' SYNTAX {SYNTAX}.28 )",
        "( 1.1.7 NAME 'accountExpires' SYNTAX 1.2.840.113556.1.4.906 SINGLE-VALUE )",
        f"( 1.1.8 NAME 'boss' SYNTAX {SYNTAX}.12 SINGLE-VALUE )",
        "( 1.1.9 NAME 'loop' SUP loop )",
        f"( 1.1.10 NAME 'seat' SYNTAX {SYNTAX}.34 )",
    ]
)


@pytest.mark.parametrize(
    ("name", "form", "single"),
    [
        ("sn", Form.TEXT, False),
        ("SURNAME", Form.TEXT, False),
        ("2.5.4.4", Form.TEXT, False),
        ("c", Form.TEXT, True),
        ("member", Form.DN, False),  # inherits its syntax
        ("distinguishedName", Form.TEXT, False),  # the entry itself
        ("badge", Form.TEXT, True),
        ("locked", Form.BOOLEAN, True),
        ("until", Form.TIME, False),
        ("blob", Form.BINARY, False),
        ("blob;binary", Form.BINARY, False),
        ("objectGUID", Form.GUID, True),
        ("jpegPhoto", Form.BINARY, False),
        ("accountExpires", Form.FILETIME, True),
        ("boss", Form.DN, True),
        ("loop", Form.TEXT, False),
        ("seat", Form.DN, False),
    ],
)
def test_what_a_schema_says(name: str, form: Form, *, single: bool) -> None:
    found = SCHEMA.of(name)

    assert (found.form, found.single) == (form, single)
    assert name in SCHEMA


@pytest.mark.parametrize(
    ("name", "form", "single"),
    [
        ("mail", Form.TEXT, False),
        ("cn", Form.TEXT, False),
        ("displayName", Form.TEXT, True),
        ("employeeNumber", Form.TEXT, True),
        ("memberOf", Form.DN, False),
        ("manager", Form.DN, False),
        ("objectSid", Form.SID, True),
        ("pwdLastSet", Form.FILETIME, True),
        ("whenCreated", Form.TIME, True),
        ("userCertificate;binary", Form.BINARY, False),
        ("extensionAttribute15", Form.TEXT, True),
        ("exampleBadge", Form.TEXT, False),
    ],
)
def test_what_is_known_without_a_schema(name: str, form: Form, *, single: bool) -> None:
    found = AttributeTypes().of(name)

    assert (found.form, found.single) == (form, single)
