"""Spreadsheets and CSV: each row with the names of its columns."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from trivium.adapters.extract.outcome import Problem, Read
from trivium.adapters.extract.plain import decode
from trivium.core.model.json import JSONObject
from trivium.core.ports.knowledge import ExtractedPart

_ROWS_MAX = 100_000
_COLUMNS_MAX = 500
_CELL_CHARACTERS_MAX = 20_000


def read_csv(data: bytes, pages_max: int) -> Read:
    """Return one part per row; the separator is found out, the first row names the columns."""
    text = decode(data)
    csv.field_size_limit(10_000_000)
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), dialect)]
    except csv.Error as error:
        raise Problem("unreadable", f"This is not a table that could be read: {error}.") from error
    return Read(rows_of([row for row in rows if any(row)], ""))


def read_sheets(data: bytes, pages_max: int) -> Read:
    """Return one part per row of every sheet, under the sheet's name."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except python_calamine.PasswordError as error:
        raise Problem("encrypted", "The workbook is protected by a password; upload a copy without it.") from error
    except (python_calamine.CalamineError, OSError) as error:
        raise Problem("unreadable", "The workbook is damaged and cannot be read.") from error
    return Read(_sheets(book), page_count=len(book.sheet_names))


def _sheets(book: object) -> Iterator[ExtractedPart]:
    for number, name in enumerate(book.sheet_names, 1):  # type: ignore[attr-defined]
        sheet = book.get_sheet_by_name(name)  # type: ignore[attr-defined]
        if sheet.height > _ROWS_MAX or sheet.width > _COLUMNS_MAX * 10:
            raise Problem("too_large", f"Sheet {name} has more than 100,000 rows or 5,000 columns.")
        rows = [[_cell(cell) for cell in row] for row in sheet.to_python(skip_empty_area=True)]
        yield from rows_of([row for row in rows if any(row)], name, page=number)


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()[:_CELL_CHARACTERS_MAX]


def rows_of(rows: Sequence[Sequence[str]], heading: str, page: int | None = None) -> Iterable[ExtractedPart]:
    """Yield rows as records; a table without a row of names keeps its cells in a line."""
    if len(rows) > _ROWS_MAX:
        raise Problem("too_large", "The table has more than 100,000 rows; split it.")
    # Titles above a table fill fewer cells than the table does; they are text of their own.
    width = max((sum(map(bool, row)) for row in rows[:50]), default=0)
    start = next((n for n, row in enumerate(rows[:20]) if sum(map(bool, row)) >= max(2, width - 1)), 0)
    for row in rows[:start]:
        yield ExtractedPart(text=" ".join(filter(None, row)), heading=heading, page=page)
    if width < 2:
        yield ExtractedPart(text="\n".join(" ".join(row) for row in rows[start:]), heading=heading, page=page)
        return
    names = _names(rows[start]) if rows else []
    for row in rows[start + 1 :]:
        data: JSONObject = {name: cell for name, cell in zip(names, row[:_COLUMNS_MAX], strict=False) if cell}
        text = "; ".join(f"{name}: {cell}" for name, cell in data.items())
        yield ExtractedPart(text=text, heading=heading, page=page, kind="row", data=data)


def _names(row: Sequence[str]) -> list[str]:
    names: list[str] = []
    for number, cell in enumerate(row, 1):
        name = cell.replace("\n", " ") or f"column {number}"
        names.append(name if name not in names else f"{name} {number}")
    return names
