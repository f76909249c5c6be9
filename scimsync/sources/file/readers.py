"""Formats, and the readers for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from scimsync.sources.base import SourceSpec
from scimsync.sources.file.delimited import DelimitedReader
from scimsync.sources.file.find import File
from scimsync.sources.file.json_files import JsonReader
from scimsync.sources.file.parquet import ParquetReader
from scimsync.sources.file.reader import FileReader
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.file.sheets import SheetReader
from scimsync.sources.file.tabular import TabularReader
from scimsync.sources.file.yaml_and_toml import DocumentsReader
from scimsync.sources.watching import is_glob
from scimsync.sources.workspace import Workspace

Spec = SourceSpec[FileSettings]

READERS: Mapping[str, Callable[[Spec, File, Workspace], FileReader]] = {
    "csv": DelimitedReader,
    "tsv": DelimitedReader,
    "json": JsonReader,
    "ndjson": JsonReader,
    "parquet": ParquetReader,
    "excel": SheetReader,
}
"""Format -> the reader for it."""

READ_TOGETHER = ("yaml", "toml")
"""Formats with a file for each user, of which there may be thousands."""

SETTINGS: Sequence[tuple[Sequence[str], type, str]] = (
    (("skip", "headers", "comment"), TabularReader, "CSV, TSV, and Excel files"),
    (("sheet",), SheetReader, "Excel files"),
)
"""Settings, the readers that use them, and what messages call their files."""


def open_readers(
    spec: Spec, pattern: str, files: Sequence[File], workspace: Workspace
) -> Sequence[FileReader]:
    """Return the readers of the files of a path or pattern, which have the same format."""
    if files[0].format in READ_TOGETHER:
        label = files[0].label if len(files) == 1 else pattern
        is_pattern = is_glob(spec.base_dir, pattern)
        return [DocumentsReader(spec, files, label, workspace, is_pattern=is_pattern)]
    return [READERS[file.format](spec, file, workspace) for file in files]


def is_file_each(readers: Sequence[FileReader]) -> bool:
    """Return whether each file that a pattern matches is one user."""
    return any(isinstance(each, DocumentsReader) and each.is_file_each for each in readers)
