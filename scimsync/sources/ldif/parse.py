"""Read the entries of an LDIF file (RFC 2849), a block of lines at a time."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, NoReturn

from scimsync.errors import SourceFormatError, SourceUnavailable

_CHUNK = 1 << 20
_LONGEST_BLOCK = 1 << 28  # bytes: an entry of 256 MB
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")
_DESCRIPTION = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)(?:;[A-Za-z0-9-]+)*")
_NUMBER_OF_ENTRIES = re.compile(rb"^# numEntries: (\d+)\s*$", re.MULTILINE)

ENTRIES, CHANGES, CUT_OFF = "SYNC-0261", "SYNC-0262", "SYNC-0263"


class LdifEntry(NamedTuple):
    """An entry, and the line of the file where it begins."""

    line: int
    dn: str
    attributes: list[tuple[str, list[bytes]]]


class LdifParser:
    """Reads the entries of one file.

    `label` is the name of the file in messages, and `setting` how messages about it begin.
    """

    def __init__(self, stream: BinaryIO, label: str, setting: str) -> None:
        self._stream = stream
        self._label = label
        self._setting = setting
        self._names: dict[bytes, str] = {}
        self._announced: int | None = None

    def entries(self) -> Iterator[LdifEntry]:
        """Yield all entries.

        Raise SourceFormatError for anything that is not LDIF, or is a change instead of an entry,
        and SourceUnavailable for a file that is cut off.
        """
        count = 0
        have_attributes = False
        entry: LdifEntry | None = None
        for line, block in self._blocks():
            found = self._entry(line, block)
            if found is not None:
                entry = found
                count += 1
                have_attributes = have_attributes or bool(entry.attributes)
                yield entry
        if have_attributes and entry is not None and not entry.attributes:
            self._cut_off(f"ends after the DN in line {entry.line}")
        if self._announced is not None and self._announced != count:
            self._cut_off(f"says that it has {self._announced:,} entries, but has {count:,}")

    def _blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the blocks between empty lines, with the number of the first line."""
        rest = b""
        line = 1
        is_first = True
        last = b""
        while chunk := self._stream.read(_CHUNK):
            if is_first:
                is_first = False
                if chunk.startswith(_OTHER_BOMS) or b"\0" in chunk[:100]:
                    raise SourceFormatError(
                        f"{self._setting}: {self._label} is UTF-16, and LDIF is UTF-8",
                        hint="such as: iconv -f UTF-16 -t UTF-8",
                        code="SYNC-0207",
                    )
                chunk = chunk.removeprefix(_BOM)
            last = chunk[-1:]
            if chunk[-1:] == b"\r":  # perhaps the first half of a line break
                chunk += self._stream.read(1)
                last = chunk[-1:]
            if b"\r" in chunk:
                chunk = chunk.replace(b"\r\n", b"\n")
            *blocks, rest = (rest + chunk).split(b"\n\n") if rest else chunk.split(b"\n\n")
            if len(rest) > _LONGEST_BLOCK:
                self._malformed(line, "an entry is longer than 256 MB")
            for block in blocks:
                yield line, block
                line += block.count(b"\n") + 2
        if rest.strip(b"\n"):
            if last != b"\n":
                self._cut_off(f"ends within line {line + rest.count(bytes([10]))}")
            yield line, rest

    def _entry(self, line: int, block: bytes) -> LdifEntry | None:
        """Return the entry of a block, None for one of comments, or of the version."""
        if block.startswith(b"\n"):
            stripped = block.lstrip(b"\n")
            line += len(block) - len(stripped)
            block = stripped
        if b"\n " in block:
            block = block.replace(b"\n ", b"")
        lines = block.split(b"\n")
        if b"#" in block:
            self._note_announced(block)
            lines = [each for each in lines if not each.startswith(b"#")]
        if lines and lines[0].lower().startswith(b"version:"):
            self._check_version(line, lines.pop(0))
        while lines and not lines[-1]:
            lines.pop()
        if not lines:
            return None
        name, _, value = lines[0].partition(b":")
        if name.lower() != b"dn":
            if name in (b"search", b"result", b"ref"):  # how the search ended, says ldapsearch
                self._check_result(lines)
                return None
            self._malformed(line, f'an entry begins with "dn:", not with {_shown(lines[0])}')
        dn = self._text(line, self._value(line, name, value))
        return LdifEntry(line, dn, self._attributes(line, lines))

    def _attributes(self, line: int, lines: list[bytes]) -> list[tuple[str, list[bytes]]]:
        found: dict[bytes, list[bytes]] = {}
        names = self._names
        for at in range(1, len(lines)):
            name, colon, value = lines[at].partition(b":")
            if name not in names:
                self._learn(line, name, colon, value, lines[at])
                if name not in names:
                    continue
            if value[:1] == b" ":
                value = value.lstrip(b" ")
            elif value[:1] in (b":", b"<"):
                value = self._value(line, name, value)
            if name in found:
                found[name].append(value)
            else:
                found[name] = [value]
        return [(names[name], values) for name, values in found.items()]

    def _learn(self, line: int, name: bytes, colon: bytes, value: bytes, whole: bytes) -> None:
        """Note a name that appears for the first time. Raise an error if it is not an attribute."""
        plain = name.lower()
        if plain == b"changetype" and value.strip().lower() == b"add":
            return  # the content of the entry follows, as Microsoft's ldifde exports it
        if plain in (b"changetype", b"control") or whole == b"-":
            raise SourceFormatError(
                f"{self._setting}: {self._label}, line {line}: the file has changes"
                f" ({_shown(whole)}), and a source needs entries",
                hint="export the directory, as with slapcat, ldapsearch -LLL, or ldifde -f",
                code=CHANGES,
            )
        if plain == b"dn":
            self._malformed(line, f"no empty line before {_shown(whole)}")
        if not colon or not _DESCRIPTION.fullmatch(name):
            self._malformed(line, f"{_shown(whole)} is not an attribute with a value")
        self._names[name] = name.decode()

    def _value(self, line: int, name: bytes, value: bytes) -> bytes:
        if value[:1] == b":":
            try:
                return a2b_base64(value[1:].strip(b" "), strict_mode=True)
            except Base64Error:
                self._malformed(line, f"the value of {name.decode(errors='replace')} is not base64")
        if value[:1] == b"<":
            self._malformed(
                line,
                f"the value of {name.decode(errors='replace')} is in another file, which scimsync"
                " does not read",
            )
        return value.lstrip(b" ")

    def _text(self, line: int, value: bytes) -> str:
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise SourceFormatError(
                f"{self._setting}: {self._label}, line {line}: byte"
                f" 0x{value[error.start]:02x} of the DN is not UTF-8",
                code="SYNC-0207",
            ) from None

    def _check_version(self, line: int, text: bytes) -> None:
        if text.partition(b":")[2].strip() != b"1":
            self._malformed(line, f"{_shown(text)} is not version 1")

    def _note_announced(self, block: bytes) -> None:
        for number in _NUMBER_OF_ENTRIES.findall(block):
            self._announced = (self._announced or 0) + int(number)

    def _check_result(self, lines: list[bytes]) -> None:
        for each in lines:
            name, _, value = each.partition(b":")
            if name == b"result" and not value.strip().startswith(b"0 "):
                self._cut_off(f"is not complete according to ldapsearch: {_shown(value.strip())}")

    def _malformed(self, line: int, problem: str) -> NoReturn:
        raise SourceFormatError(
            f"{self._setting}: {self._label}, line {line}: {problem}", code=ENTRIES
        )

    def _cut_off(self, how: str) -> NoReturn:
        raise SourceUnavailable(
            f"{self._label} {how}; is it still being written?",
            hint="a complete file ends with a line break",
            code=CUT_OFF,
        )


def _shown(raw: bytes) -> str:
    text = raw.decode(errors="replace")
    return f'"{text if len(text) <= 40 else text[:39] + "…"}"'
