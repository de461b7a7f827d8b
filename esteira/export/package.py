"""The parts of a workbook beside its sheets: what names them, and what leads from one to the other (ECMA-376 part 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_FORBIDDEN = str.maketrans(dict.fromkeys(r"[]:*?/\'", " "))
MAX_NAME = 31
"""Signs of a sheet's name."""


def parts_of(sheets: Sequence[str], title: str, styles: str) -> Iterator[tuple[str, str]]:
    """Name and text of each part.

    Args:
        sheets: Names of the sheets, in order.
        title: Of the document's properties.
        styles: The style sheet.
    """
    numbers = range(1, len(sheets) + 1)
    yield "[Content_Types].xml", _types(numbers)
    yield "_rels/.rels", _relations(
        [("rId1", f"{_OFFICE}/officeDocument", "xl/workbook.xml"),
         ("rId2", f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml")]
    )  # fmt: skip
    listed = "".join(
        f'<sheet name={quoteattr(sheet_name(name))} sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, sheets, strict=True)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    yield "xl/workbook.xml", f'{_HEAD}<workbook xmlns="{main}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
    own = [(f"rId{number}", f"{_OFFICE}/worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
    yield "xl/_rels/workbook.xml.rels", _relations([*own, (f"rId{len(sheets) + 1}", f"{_OFFICE}/styles", "styles.xml")])
    yield "xl/styles.xml", styles
    yield (
        "docProps/core.xml",
        (
            f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<dc:title>{escape(title)}</dc:title><dc:creator>Esteira</dc:creator></cp:coreProperties>"
        ),
    )


def sheet_name(name: str) -> str:
    """A name that Excel takes for a sheet."""
    return name.translate(_FORBIDDEN).strip()[:MAX_NAME] or "-"


def _types(numbers: range) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_KIND}.worksheet+xml"/>'
        for number in numbers
    )
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>{sheets}'
        f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
        '<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
    )


def _relations(relations: Sequence[tuple[str, str, str]]) -> str:
    listed = "".join(f'<Relationship Id="{name}" Type="{kind}" Target="{target}"/>' for name, kind, target in relations)
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'
