"""Draft a sync.toml from sampled records of a source (`scimsync init`).

Recognized settings are set; the rest are given as examples. Explanations begin with `# `. An
example begins with `#` and a key, and takes effect when the `#` is removed.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from scimsync.desired.syntax import column_expression
from scimsync.formatting import plural, printable
from scimsync.init.inference import InferredColumns, infer
from scimsync.scim.profiles import Profile
from scimsync.scim.profiles.coverage import covers
from scimsync.tomltext import toml_key, toml_string, toml_value

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
"""The schema of departments and managers (RFC 7643 section 4.3)."""

NO_LEAVERS = (
    "No column was recognized that says who has left, so everyone gets an account. If people who"
    " have left are among them, add a condition to the scope."
)
"""The note about a source with unrecognized leavers."""

_WIDTH = 100
_BLANK = "' '"
_ROWS_NAMED = 3


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


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a sync.toml, what it was drafted from, and notes about reading the file."""

    text: str
    findings: InferredColumns
    reading: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What to check: sentences, followed by expressions on separate lines."""
        missing = () if self.findings.scope.tells_leavers else (NO_LEAVERS,)
        return (*self.reading, *missing, *self.findings.notes)


def draft_sync_toml(
    columns: Sequence[str],
    samples: Sequence[Mapping[str, object]],
    file_name: str,
    source_name: str,
    encoding: str | None = None,
    profile: Profile | None = None,
    *,
    headers: Sequence[str] | None = None,
    rejected: Sequence[str] = (),
    options: Mapping[str, object] | None = None,
    key: str | None = None,
    has_lists: bool = True,
) -> Draft:
    """Draft a sync.toml that reads `file_name`, or the source with `options` of another kind.

    `columns` are its columns in order, and `samples` some of its rows (text as in CSV, or typed as
    in Parquet). `file_name` is written as given, so it must be absolute or relative to the folder
    of sync.toml. Characters that a name cannot have are replaced in `source_name`. `encoding` is
    that of the file if it is not UTF-8. `profile` is that of the application, if it is known.
    `headers` are the names that the columns get, for a file without a header. `rejected` describes
    malformed rows. `options` holds all options but the key and the lists, `key` is the key column
    if the user named it, and `has_lists` says whether the source takes lists.
    """
    found = infer(columns, samples)
    if key is not None:
        found = replace(found, key=key, key_notes=())
    reading = (*_headers_note(headers), *_rejected_note(rejected, found))
    source = re.sub(r"[^A-Za-z0-9_.-]+", "-", source_name).strip("-.") or "people"
    mapping = [*_stored(_mapping(found), profile), *_password(profile)]
    scope, access = _scope(found), _access(found)
    parts = [
        [
            *_comment(f"Written by scimsync init from {toml_string(file_name)}."),
            *_comment("Review it and set the URL, then run: scimsync check"),
            *_comment(
                "Attributes and conditions are Jinja2 expressions over the columns of a row."
            ),
            *_comment("To use a setting such as #rate = 25, remove the # before it."),
        ],
        ["[state]", '#url = "sqlite:///scimsync.db"'],
        _other_source(found, source, options, has_lists=has_lists)
        if options is not None
        else _source(found, source, file_name, encoding, headers, reading),
        access,
        [
            *_comment("Limits that stop a run before it does damage."),
            "[guard]",
            '#max_removals = "10%"',
            '#max_updates = "50%"',
            '#min_records = "80%"',
        ],
        [
            *_target(profile),
            f"source = {toml_string(source)}",
            *scope,
            *_match(profile),
            *_leave(profile),
            "#rate = 25",
        ],
        *_auth(profile),
        ["[targets.app.user]", *mapping, *_unused(columns, [*mapping, *scope, *access], found)],
    ]
    return Draft("\n\n".join("\n".join(part) for part in parts) + "\n", found, reading)


def _headers_note(headers: Sequence[str] | None) -> tuple[str, ...]:
    if headers is None:
        return ()
    return (
        "The first row looks like a record, so the file has no header. Give the columns better"
        " names in headers, and then use these names below.",
    )


def _rejected_note(rejected: Sequence[str], found: InferredColumns) -> tuple[str, ...]:
    if not rejected:
        return ()
    column = _sql_name(found.user_name or found.key or "id")
    where = toml_string(f"{column} <> ''")
    some = "; ".join(rejected[:_ROWS_NAMED]) + ("; …" if len(rejected) > _ROWS_NAMED else "")
    return (
        f"{plural(len(rejected), 'row')} cannot be read: {some}. Each push reports such rows. If"
        f" they are no records, leave them out with a condition such as:\nwhere = {where}",
    )


def _sql_name(column: str) -> str:
    return column if column.isidentifier() else '"' + column.replace('"', '""') + '"'


def _source(
    found: InferredColumns,
    name: str,
    file_name: str,
    encoding: str | None,
    headers: Sequence[str] | None,
    notes: Sequence[str],
) -> list[str]:
    lines = [f"[sources.{toml_key(name)}]", 'type = "file"', f"path = {toml_string(file_name)}"]
    if found.key is None:
        lines += _comment("The file has no columns. Name the one that identifies a user for good.")
    lines += _comments(notes)
    if headers is not None:
        lines.append(f"headers = {toml_value(headers)}")
    lines += [*_key(found), *_lists(found)]
    name = file_name.lower().removesuffix(".gz")
    if name.endswith(_WORKBOOKS):
        return [*lines, '#sheet = "Sheet1"']
    lines.append(
        '#encoding = "latin-1"' if encoding is None else f"encoding = {toml_string(encoding)}"
    )
    return lines if name.endswith(_DOCUMENTS) else [*lines, '#delimiter = ";"']


def _other_source(
    found: InferredColumns, name: str, options: Mapping[str, object], *, has_lists: bool
) -> list[str]:
    """Return the table of a source that is not a file."""
    lines = [f"{toml_key(option)} = {toml_value(value)}" for option, value in options.items()]
    return [
        f"[sources.{toml_key(name)}]",
        *lines,
        *_key(found),
        *(_lists(found) if has_lists else []),
    ]


def _key(found: InferredColumns) -> list[str]:
    return [*_comments(found.key_notes), f"key = {toml_string(found.key or 'id')}"]


def _lists(found: InferredColumns) -> list[str]:
    return [f"lists = {toml_value(found.lists)}" if found.lists else '#lists = { groups = ";" }']


_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_DOCUMENTS = (".yaml", ".yml", ".toml", ".json")

_AUTH = {
    "bearer": 'auth = { type = "bearer", token = "env:SCIM_TOKEN" }',
    "basic": 'auth = { type = "basic", username = "scimsync", password = "env:SCIM_PASSWORD" }',
    "header": 'auth = { type = "header", name = "Authorization", value = "env:SCIM_TOKEN" }',
    "oauth2": (
        'auth = { type = "oauth2", token_url = "https://login.example.com/token",'
        ' client_id = "scimsync", client_secret = "env:SCIM_SECRET" }'
    ),
}


def _target(profile: Profile | None) -> list[str]:
    """Return the lines that say which application it is, and how to reach it."""
    if profile is None:
        return ["[targets.app]", 'url = "https://app.example.com/scim/v2"', _AUTH["bearer"]]
    notes = [f"{profile.product}: {note}" for note in profile.notes]
    if profile.token_expires is not None:
        life = f"tokens live {profile.token_expires} days: add token_expires to auth"
        notes.append(f"{profile.product}: {life}")
    return [
        *_comments(notes),
        "[targets.app]",
        *([] if profile.type == "scim" else [f"type = {toml_string(profile.type)}"]),
        f"url = {toml_string(profile.url or 'https://app.example.com/scim/v2')}",
        *([f"profile = {toml_string(profile.name)}"] if profile.type == "scim" else []),
        *([] if profile.oauth else [_AUTH[profile.auth[0] if profile.auth else "bearer"]]),
    ]


def _auth(profile: Profile | None) -> list[list[str]]:
    """Return the table for an authentication that takes more than a line."""
    if profile is None or not profile.oauth:
        return []
    settings = {"type": "oauth2", **profile.oauth}
    lines = [f"{name} = {toml_value(value)}" for name, value in settings.items()]
    return [["[targets.app.auth]", *lines]]


def _match(profile: Profile | None) -> list[str]:
    """Return an example of `match`, unless the profile knows it."""
    if profile is not None and profile.match:
        return []
    return ['#match = ["externalId", "userName"]']


def _leave(profile: Profile | None) -> list[str]:
    if profile is not None and profile.deactivate_means == "delete":
        return []
    return ['#leave = { action = "deactivate", delete_after = "30d" }']


def _stored(mapping: Sequence[str], profile: Profile | None) -> list[str]:
    """Return the mapping, with `#` before attributes that the application does not store."""
    if profile is None or not profile.attributes:
        return list(mapping)
    known = profile.attributes
    return [
        line if line.startswith("#") or covers(known, _path_of(line)) else f"#{line}"
        for line in mapping
    ]


def _password(profile: Profile | None) -> list[str]:
    """Return a password for new users, where the application requires one."""
    required = profile is not None and "password" in profile.required
    return ["password = { generate = 32 }"] if required else []


def _path_of(line: str) -> str:
    """Return the attribute path of a mapping line."""
    return next(iter(tomllib.loads(f"{line.partition(' = ')[0]} = 0")), "")


def _access(found: InferredColumns) -> list[str]:
    department = found.roles.get("department")
    column = "department" if department is None else column_expression(department)
    rule = f"{column} == 'IT'"
    return [
        *_comment("Named rules that all targets share, as in: scope = \"'IT' in access\""),
        "[access]",
        f"#IT = {toml_string(rule)}",
    ]


def _scope(found: InferredColumns) -> list[str]:
    """Return the scope, with what it leaves out and what to check."""
    scope = found.scope
    lines = _comments(() if scope.tells_leavers else (NO_LEAVERS,))
    for column, values in scope.left_out.items():
        lines += _comment(f"Out of scope: {column_expression(column)} {', '.join(values)}")
    lines += _comments((*scope.notes, *scope.hints))
    if scope.expression is not None:
        return [*lines, f"scope = {toml_string(scope.expression)}"]
    example = f"{column_expression(scope.candidate or 'status')} == 'active'"
    return [*lines, f"#scope = {toml_string(example)}"]


def _mapping(found: InferredColumns) -> list[str]:
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


def _user_name(found: InferredColumns) -> list[str]:
    column = found.user_name or found.key or "id"
    name = column_expression(column)
    is_email = column == found.roles.get("email")
    entry = _entry("userName", f"{name} | lower" if is_email else name)
    return [*_comments(found.user_notes), entry]


def _display_name(found: InferredColumns) -> list[str]:
    if "display" in found.roles:
        return [_entry("displayName", column_expression(found.roles["display"]))]
    both = "given" in found.roles and "family" in found.roles
    names = [column_expression(found.roles[role]) if both else role for role in ("given", "family")]
    # trimmed, because some people have one name only
    entry = _entry("displayName", f"({names[0]} ~ {_BLANK} ~ {names[1]}) | trim")
    return [entry if both else f"#{entry}"]


def _manager(found: InferredColumns) -> list[str]:
    path = f"{ENTERPRISE}:manager.value"
    manager = found.roles.get("manager")
    if manager is None:
        return [f"#{_entry(path, 'ref(manager_id)')}"]
    entry = _entry(path, f"ref({column_expression(manager)})")
    if found.manager_is_key:
        return [entry]
    return [*_comments(found.manager_notes), f"#{entry}"]


def _entry(path: str, expression: str) -> str:
    return f"{toml_key(path)} = {toml_string(expression)}"


def _unused(columns: Sequence[str], lines: Iterable[str], found: InferredColumns) -> list[str]:
    """Return a comment that lists the unused columns as they are written in expressions."""
    used = "\n".join(line for line in lines if not line.startswith("#"))
    names = [column_expression(column) for column in dict.fromkeys(columns) if column != found.key]
    unused = [
        name
        for name in names
        if not re.search(rf"(?<!\w){re.escape(toml_string(name)[1:-1])}(?!\w)", used)
    ]
    comments = _comments(found.column_notes)
    if unused:
        comments += _comment(f"Columns that are not used: {', '.join(unused)}")
    return ["", *comments] if comments else []


def _comments(notes: Iterable[str]) -> list[str]:
    return [line for note in notes for line in _comment(note)]


def _comment(text: str) -> list[str]:
    """Return a text as lines of comments. Text after a line break stays on separate lines."""
    return [
        wrapped
        for line in text.split("\n")
        for wrapped in textwrap.wrap(
            printable(line),
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
