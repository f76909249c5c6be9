"""Draft a sync.toml from a sample of a file (`scimsync init FILE`).

What was recognized is set; the rest is given as examples. Explanations begin with `# `. An example
begins with `#` and a key, and takes effect when the `#` is removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scimsync.desired.syntax import column_expression, text_literal
from scimsync.init.inference import Findings, StatusColumn, infer
from scimsync.tomltext import toml_key, toml_string

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
"""The schema of departments and managers (RFC 7643 section 4.3)."""

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class _Line:
    """One mapping line; `example` is the expression to show if no column was recognized."""

    path: str
    role: str
    example: str
    form: str = "{}"


_LINES = (
    _Line("name.givenName", "given", "given"),
    _Line("name.familyName", "family", "family"),
    _Line("title", "title", "job_title"),
    _Line('emails[type eq "work"].value', "email", "email | lower", "{} | lower"),
    _Line('phoneNumbers[type eq "work"].value', "phone", "phone"),
    _Line('phoneNumbers[type eq "mobile"].value', "mobile", "mobile"),
    _Line('addresses[type eq "work"].locality', "city", "city"),
    _Line('addresses[type eq "work"].country', "country", "country_code"),
    _Line("preferredLanguage", "language", "language"),
    _Line("timezone", "timezone", "timezone"),
    _Line("userType", "user_type", "employment_type"),
    _Line(f"{ENTERPRISE}:department", "department", "department"),
    _Line(f"{ENTERPRISE}:division", "division", "division"),
    _Line(f"{ENTERPRISE}:organization", "company", "company"),
    _Line(f"{ENTERPRISE}:costCenter", "cost_center", "cost_center"),
)


def draft_sync_toml(
    columns: Sequence[str],
    samples: Sequence[Mapping[str, object]],
    file_name: str,
    source_name: str,
    encoding: str | None = None,
) -> str:
    """Return the text of a sync.toml that reads `file_name`.

    `columns` are its columns in order, and `samples` a few hundred of its rows (text as in CSV, or
    typed as in Parquet). `file_name` is written as given, so it must be absolute or relative to the
    folder of sync.toml. Characters that a name cannot have are replaced in `source_name`.
    `encoding` is that of the file if it is not UTF-8.
    """
    found = infer(columns, samples)
    source = re.sub(r"[^A-Za-z0-9_.-]+", "-", source_name).strip("-.") or "people"
    mapping = _mapping(found)
    scope = _scope(found)
    parts = [
        [
            (
                f"# Written by scimsync init after a look at {toml_string(file_name)}. Read it"
                " through, then: scimsync check"
            ),
            (
                "# The right side of an attribute or a condition is a Jinja2 expression over the"
                " columns of a record."
            ),
            "# A line such as #rate = 25 is an example: take the # away to use it.",
        ],
        ["[state]", '#url = "sqlite:///scimsync.db"'],
        _source(found, source, file_name, encoding),
        _access(found),
        [
            "# Limits that stop a run before it does damage.",
            "[guard]",
            '#max_removals = "10%"',
            '#max_updates = "50%"',
            '#min_records = "80%"',
        ],
        [
            "[targets.app]",
            'url = "https://app.example.com/scim/v2"',
            'auth = { type = "bearer", token = "env:SCIM_TOKEN" }',
            f"source = {toml_string(source)}",
            *scope,
            '#match = ["externalId", "userName"]',
            '#leave = { action = "deactivate", delete_after = "30d" }',
            "#rate = 25",
        ],
        [
            "[targets.app.user]",
            *mapping,
            *_unused(columns, [*mapping, *scope, *_access(found)], found),
        ],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _source(found: Findings, name: str, file_name: str, encoding: str | None) -> list[str]:
    lines = [f"[sources.{toml_key(name)}]", 'type = "file"', f"path = {toml_string(file_name)}"]
    if found.key is None:
        lines.append("# No columns were found: name the one that names a record and never changes.")
    elif not found.sure:
        lines.append(
            "# Not sure: this column was empty or repeated in some rows. A key names one record and"
            " never changes."
        )
    lines.append(f"key = {toml_string(found.key or 'id')}")
    if found.lists:
        entries = ", ".join(
            f"{toml_key(column)} = {toml_string(sep)}" for column, sep in found.lists.items()
        )
        lines.append(f"lists = {{ {entries} }}")
    else:
        lines.append('#lists = { groups = ";" }')
    lines.append(
        '#encoding = "latin-1"' if encoding is None else f"encoding = {toml_string(encoding)}"
    )
    return [*lines, '#delimiter = ";"']


def _access(found: Findings) -> list[str]:
    lines = [
        "# Rules with a name, for any target: scope = \"'IT' in access\".",
        "[access]",
    ]
    department = found.roles.get("department")
    column = "department" if department is None else column_expression(department)
    rule = f"{column} == 'IT'"
    return [*lines, f"#IT = {toml_string(rule)}"]


def _scope(found: Findings) -> list[str]:
    """Return the scope: records whose status says so, from their first day on."""
    conditions, lines = [], []
    if found.status is not None:
        conditions.append(_is_active(found.status))
        if found.status.others:
            seen = ", ".join(_shortened(value) for value in found.status.others)
            lines.append(f"# Seen too, and out of scope: {seen}")
    if found.starts:
        conditions.append(f"{column_expression(found.roles['start'])} | date <= today")
    if conditions:
        scope = f"scope = {toml_string(' and '.join(conditions))}"
    else:
        example = column_expression(found.roles["status"]) if "status" in found.roles else "status"
        rule = f"{example} == 'active'"
        scope = f"#scope = {toml_string(rule)}"
    end = found.roles.get("end")
    if end is not None:
        column = column_expression(end)
        last_day = f"(not {column} or {column} | date >= today)"
        lines.append(f"# To end accounts after the last day, add to scope: {last_day}")
    return [*lines, scope]


def _is_active(status: StatusColumn) -> str:
    column = column_expression(status.column)
    if all(value is True for value in status.values):
        return column
    constants = [
        text_literal(value) if isinstance(value, str) else str(value) for value in status.values
    ]
    return (
        f"{column} == {constants[0]}"
        if len(constants) == 1
        else f"{column} in [{', '.join(constants)}]"
    )


def _mapping(found: Findings) -> list[str]:
    roles = found.roles
    lines = [
        _entry("externalId", column_expression(found.key or "id")),
        *_user_name(found),
        *_display_name(found),
    ]
    for line in _LINES:
        column = roles.get(line.role)
        if column is None:
            lines.append(f"#{_entry(line.path, line.example)}")
        else:
            lines.append(_entry(line.path, line.form.format(column_expression(column))))
        if line.role == "email":
            primary = f"{toml_key(line.path.replace('.value', '.primary'))} = true"
            lines.append(primary if column is not None else f"#{primary}")
    return [*lines, *_manager(found), "active = true"]


def _user_name(found: Findings) -> list[str]:
    if "login" in found.roles:
        return [_entry("userName", column_expression(found.roles["login"]))]
    if "email" in found.roles:
        return [_entry("userName", f"{column_expression(found.roles['email'])} | lower")]
    return [
        (
            "# No column with e-mail addresses or user names was found: most applications want one"
            " of these here."
        ),
        _entry("userName", column_expression(found.key or "id")),
    ]


def _display_name(found: Findings) -> list[str]:
    if "display" in found.roles:
        return [_entry("displayName", column_expression(found.roles["display"]))]
    both = "given" in found.roles and "family" in found.roles
    names = [column_expression(found.roles[role]) if both else role for role in ("given", "family")]
    entry = _entry("displayName", " ~ ' ' ~ ".join(names))
    return [entry if both else f"#{entry}"]


def _manager(found: Findings) -> list[str]:
    path = f"{ENTERPRISE}:manager.value"
    manager = found.roles.get("manager")
    if manager is None:
        return [f"#{_entry(path, 'ref(manager_id)')}"]
    entry = _entry(path, f"ref({column_expression(manager)})")
    if found.manager_is_key:
        return [entry]
    return [
        (
            f"# ref() wants the key of the manager's record; {column_expression(manager)} does not"
            " seem to hold it."
        ),
        f"#{entry}",
    ]


def _entry(path: str, expression: str) -> str:
    return f"{toml_key(path)} = {toml_string(expression)}"


def _unused(columns: Sequence[str], lines: Iterable[str], found: Findings) -> list[str]:
    """Return a comment that lists the unused columns as they are written in expressions."""
    used = "\n".join(line for line in lines if not line.startswith("#"))
    names = [column_expression(column) for column in dict.fromkeys(columns) if column != found.key]
    unused = [
        name
        for name in names
        if not re.search(rf"(?<!\w){re.escape(toml_string(name)[1:-1])}(?!\w)", used)
    ]
    if not unused:
        return []
    rows = ["# Columns that nothing uses yet:"]
    for name in [*(f"{name}," for name in unused[:-1]), unused[-1]]:
        if len(rows[-1]) + len(name) > _WIDTH:
            rows.append("#")
        rows[-1] += f" {name}"
    return ["", *rows]


def _shortened(text: str) -> str:
    return text_literal(text if len(text) <= 30 else text[:29] + "…")
