"""What reading an Excel file costs, in passes of python-calamine over the same file.

Run: python -m benchmarks.bench_excel [--rows N]. A pass gives all cells to Python and does nothing
with them. Reading opens the workbook, finds the sheet and its header, makes text of the cells, and
compares the records with a snapshot. Each task is a process of its own, so that peaks of memory are
its own too.
"""

from __future__ import annotations

import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.common import (
    COLUMNS,
    fastest,
    rows_wanted,
    run,
    scratch_folder,
    write_people,
)

TASKS = ("calamine", "first ingest", "no change")
_TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\
<Default Extension="rels" \
ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Override PartName="/xl/workbook.xml" ContentType=\
"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>\
<Override PartName="/xl/worksheets/sheet1.xml" ContentType=\
"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>\
<Override PartName="/xl/sharedStrings.xml" ContentType=\
"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>"""
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def write_workbook(path: Path, table: Path) -> None:
    """Writes the rows of a CSV file without quotes as the only sheet of a workbook: texts are
    shared, as Excel has them, and the level is a number."""
    texts: dict[str, int] = {}

    def cells(line: str, number: int) -> Iterator[str]:
        for at, text in enumerate(line.rstrip("\n").split(",")):
            place = f"{chr(65 + at)}{number}"
            if text.isdigit():
                yield f'<c r="{place}"><v>{text}</v></c>'
            else:
                index = texts.setdefault(text, len(texts))
                yield f'<c r="{place}" t="s"><v>{index}</v></c>'

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        package.writestr("[Content_Types].xml", _TYPES)
        package.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_OFFICE}/'
            'officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        package.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="Staff"'
            ' sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        package.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_OFFICE}/worksheet"'
            f' Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{_OFFICE}/'
            'sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        )
        with (
            package.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet,
            table.open(encoding="utf-8") as lines,
        ):
            sheet.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for number, line in enumerate(lines, 1):
                row = "".join(cells(line, number))
                sheet.write(f'<row r="{number}">{row}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")
        with package.open("xl/sharedStrings.xml", "w", force_zip64=True) as strings:
            strings.write(f'<sst xmlns="{_MAIN}">'.encode())
            for text in texts:
                strings.write(f"<si><t>{escape(text)}</t></si>".encode())
            strings.write(b"</sst>")


def measure(task: str, folder: Path) -> float:
    """Seconds of one task."""
    import python_calamine

    from scimsync.snapshot import compare
    from scimsync.snapshot.index import StoredSnapshot
    from scimsync.sources import SourceSpec
    from scimsync.sources.file import FileSettings

    start = time.perf_counter()
    if task == "calamine":
        with python_calamine.load_workbook(folder / "hr.xlsx") as workbook:
            for _ in workbook.get_sheet_by_index(0).iter_rows():
                pass
        return time.perf_counter() - start
    settings = FileSettings(type="file", path="hr.xlsx", key="employee_id", lists={"groups": ";"})
    spec = SourceSpec("hr", settings, folder)
    index = folder / "hr.index.duckdb"
    if task == "first ingest":
        index.unlink(missing_ok=True)
    # the index is as new as the snapshot, so that no stored record is read
    snapshot = StoredSnapshot(index, lambda: (), int(task == "no change"), None)
    with compare(spec, COLUMNS, snapshot) as comparison:
        found = sum(len(batch) for batch in comparison.changes())
        seconds = time.perf_counter() - start
        if task == "first ingest":
            comparison.commit_index(1)
        elif found:
            raise SystemExit(f"{found} records differ from their snapshot")
        return seconds


def main() -> None:
    """Prints the figures."""
    if len(sys.argv) == 4 and sys.argv[1] == "task":
        print(measure(sys.argv[2], Path(sys.argv[3])))
        return
    rows, figures = rows_wanted(100_000, __doc__)
    with scratch_folder() as folder:
        write_people(folder / "hr.csv", rows)
        write_workbook(folder / "hr.xlsx", folder / "hr.csv")
        floor, first, second = (
            fastest(
                lambda task=task: run(  # type: ignore[misc]
                    [sys.executable, "-m", "benchmarks.bench_excel", "task", task, str(folder)]
                )
            )
            for task in TASKS
        )
    for task, taken, at_most in (("first ingest", first, None), ("no change", second, 2)):
        ratio = float(taken.out) / float(floor.out)
        figures.show(f"excel, {task}", ratio, "calamine passes", at_most=at_most)
        figures.show(f"excel, {task}, memory", taken.peak_mb, "MB")
    figures.show("excel, calamine, memory", floor.peak_mb, "MB")
    figures.end()


if __name__ == "__main__":
    main()
