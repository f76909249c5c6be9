"""Recognize lines below the table of a report: totals, dates, page numbers, end marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from scimsync.sources.duckdb_sql import WHITE_SPACE
from scimsync.sources.file.delimited_rows import read_rows

_TAIL = 1 << 13
_ROWS = 10
_LONGEST = 200

_COUNTED = (
    "records?|rows?|lines?|entries|items|employees|users|people|persons|members|headcount|count"
    "|workers|students|datensätze|zeilen|einträge|mitarbeiter|personen|benutzer|lignes"
    "|enregistrements|employés|registros|empleados|filas|righe|dipendenti|rijen|medewerkers"
)
_TOTAL = (
    r"(?:grand\ |sub[ -]?)?totals?|sum|summe|gesamt(?:summe|anzahl)?|anzahl|insgesamt|count|number"
    "|nombre|totale|totaal|aantal|número|numero|suma|somme"
)
_NUMBER = r"[\d.,']*\d"
_WITH_NUMBERS = re.compile(
    rf"""
    (?:{_TOTAL})(?:\ (?:of\ |number\ of\ |de\ |der\ |di\ )?(?:{_COUNTED}))?
    \ *[:=]?\ *(?:{_NUMBER})?
    | (?:{_COUNTED})(?:\ count)?\ *[:=]\ *{_NUMBER}
    | \(?{_NUMBER}\ +(?:{_COUNTED})\b.*
    | (?:report|export(?:ed)?|generated|created|printed|downloaded|extracted|run\ (?:on|date)|as\ of
      |erstellt|exportiert|gedruckt|stand|bericht|généré|exporté|creado|generado|gegenereerd
      )\b.*\d.*
    | (?:page|seite|pagina|página)\ *\d+.*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ALONE = re.compile(
    r"""
    (?:end|ende|eof)\.?
    | [*=_-]+\ *(?:end|ende|eof|fin|fine)\ *[*=_-]+
    | [*=_-]*\ *(?:end|ende|fin|fine)\ (?:of|des|der|du|de|del)\ [\w ]+[ .*=_-]*
    | [*=_-]{3,}
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_footer(fields: Sequence[str]) -> bool:
    """Return whether a row is a remark on the table, to judge by its few filled cells."""
    cells = [cell for field in fields if (cell := field.strip(WHITE_SPACE))]
    if not cells or len(cells) > max(2, len(fields) // 2) or len(cells[0]) > _LONGEST:
        return False
    if len(cells) == 1 and _ALONE.fullmatch(cells[0]):
        return True
    return _WITH_NUMBERS.fullmatch(cells[0]) is not None


def ends_with_footer(path: Path, delimiter: str) -> bool:
    """Return whether one of the last rows of a UTF-8 file may be a footer."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _TAIL))
        tail = stream.read().decode("utf-8", "replace")
    rows = list(read_rows(tail.splitlines(keepends=True), delimiter))
    return any(is_footer(row.fields) for row in rows[-_ROWS:])
