"""xlsx and xlsm: the parts of the package, and what must be known of a sheet before anybody parses it.

A search through the inflated bytes rules out what is not there, at a fraction of a parser's time; only a sheet in which it finds something is read by
expat. https://learn.microsoft.com/openspecs/office_standards/ms-xlsx
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from esteira.contract import SpreadsheetSource
from esteira.spreadsheet.elements import Elements, column_number, is_on
from esteira.spreadsheet.failure import failed, letters
from esteira.spreadsheet.look import Look
from esteira.spreadsheet.strings import raised_texts
from esteira.spreadsheet.unpacking import open_zip
from esteira.spreadsheet.xml import chunks_of, is_plain, local, parse, small_xml

_P = rb"(?:[\w.-]+:)?"
_REFERENCE = re.compile(rb"""\br=["']([A-Z]{1,7}[0-9]{1,10})["']""")
_HIDDEN = re.compile(rb"<" + _P + rb"row\b[^<]*\bhidden=")
_NO_VALUE = rb"\s*(?:</|<" + _P + rb"v\s*/>|<" + _P + rb"v\s*>\s*</)"
_NOT_CALCULATED = re.compile(rb"f\s*>" + _NO_VALUE)
_NOT_REPEATED = re.compile(rb"<" + _P + rb"f\b[^<]*/>" + _NO_VALUE)
_SPACED = re.compile(
    rb"""<(?:[\w.-]+:)?c\b(?![^>]*\bt\s*=\s*["'](?:str|inlineStr|d)["'])[^>]*>\s*(?:<(?:[\w.-]+:)?f\b[^<]*</(?:[\w.-]+:)?f>\s*)?<(?:[\w.-]+:)?v>\s+-?[0-9.]"""
)
"""A stored number with blanks around it: its reader takes it for a text, which the locale would read, and `1.234` is 1234 in Brazil."""
_BLANK_FIRST = (b"v> ", b"v>\n", b"v>\r", b"v>\t")
_LETTERS, _DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_HARMLESS = ("/hyperlink", "/image")
"""Relations to the outside that are never followed, and bring no value: an address behind a text, and a picture."""


@dataclass(frozen=True, slots=True)
class Package:
    """The sheets of a workbook.

    Attributes:
        parts: Sheet's name to the member that holds it.
        is_1904: Whether its days count from 1904.
        raised: Shared texts with raised signs in them, by number.
    """

    parts: dict[str, str]
    is_1904: bool
    raised: Mapping[int, str]


def read_package(path: Path, name: str, source: SpreadsheetSource) -> Package:
    """Check what all sheets share: relations, texts, styles.

    Raises:
        SpreadsheetError: It is no workbook, links to the outside, has an entity, or has too many sheets or texts.
    """
    with open_zip(path, name, source) as archive:
        names = [
            each.filename for each in archive.infolist() if not each.filename.startswith("__MACOSX/")
        ]  # a Mac's own notes
        members = {each.lower(): each for each in names}
        if "xl/workbook.xml" not in members:
            raise failed(
                name,
                "it is a zip file and no workbook: xl/workbook.xml is not in it.",
                "Save it as xlsx, or name it by what it is.",
            )
        _refuse_links(archive, members, name)
        root = small_xml(archive, members["xl/workbook.xml"], name)
        targets = _targets(archive, members, name)
        for member in ("xl/styles.xml", "[content_types].xml"):
            if member in members:
                small_xml(archive, members[member], name)
        raised: Mapping[int, str] = {}
        if "xl/sharedstrings.xml" in members:
            raised = raised_texts(archive, members["xl/sharedstrings.xml"], name, source)
        parts = {
            sheet.get("name", ""): members.get(targets.get(sheet.get(_RELATION) or sheet.get(_STRICT_RELATION) or "", "").lower(), "")
            for sheet in root.iter() if local(sheet.tag) == "sheet"
        }  # fmt: skip
    if len(parts) > source.limits.sheets:
        raise failed(
            name,
            f"{len(parts)} sheets are more than the limit of {source.limits.sheets} (sheets).",
            "Split the workbook, or raise Limits(sheets=...).",
        )
    is_1904 = any(local(each.tag) == "workbookPr" and is_on(each.get("date1904")) for each in root.iter())
    return Package(parts, is_1904, raised)


def look_at(path: Path, name: str, package: Package, sheet: str, source: SpreadsheetSource) -> Look:
    """What a sheet's reader does not tell.

    Raises:
        SpreadsheetError: It is larger than the limits, damaged, has an entity, or numbers that cannot be told from texts.
    """
    member = package.parts.get(sheet)
    if not member:
        raise failed(
            name,
            f"sheet {sheet!r} is listed, and no part of the workbook holds it.",
            "Open it in a spreadsheet program, save it again, and deliver it.",
        )
    with open_zip(path, name, source) as archive:
        screen = _Screen()
        for number, chunk in enumerate(chunks_of(archive, member, name)):
            screen.take(chunk, is_first=number == 0)
            if screen.is_spaced:
                raise failed(
                    name, f"sheet {sheet!r} stores numbers with blanks around them, as no office program does: they could be read as texts.",
                    "Open it in a spreadsheet program, save it again, and deliver it; or have whoever writes it leave the XML without indents.",
                )  # fmt: skip
            if screen.is_suspicious:  # what follows will be read anyway
                break
        elements = Elements(package.raised)
        if screen.is_suspicious or package.raised:
            parse(archive, member, name, elements)
    look = elements.look
    look.is_1904 = package.is_1904
    look.rows = max(look.rows, screen.rows)
    look.columns = max(look.columns, screen.columns)
    return look


class _Screen:
    """The first look, through bytes."""

    def __init__(self) -> None:
        self.is_suspicious = self.is_spaced = False
        self.rows = self.columns = 0
        self._names: set[str] = set()

    def take(self, chunk: bytes, *, is_first: bool) -> None:
        self.is_spaced = any(blank in chunk for blank in _BLANK_FIRST) and _SPACED.search(chunk) is not None
        references = _REFERENCE.findall(chunk)
        cells = sum(map(chunk.count, (b"<c ", b"<c>", b":c ", b":c>")))
        is_cut = cells > len(references) + 1  # one may be cut in two
        self.is_suspicious = is_cut or not is_plain(chunk, is_first=is_first) or _may_hold(chunk)
        joined = b" ".join(references)
        if not joined:
            return
        new = set(joined.translate(None, _DIGITS).decode().split()) - self._names
        self._names |= new
        self.columns = max([self.columns, *map(column_number, new)])
        self.rows = max(self.rows, *map(int, set(joined.translate(None, _LETTERS).split())))


def _may_hold(chunk: bytes) -> bool:
    """Whether there may be an error, a hidden row or a formula without a value: the letters that each needs are looked for first."""
    if (
        b't="e"' in chunk or b"t='e'" in chunk or b"= " in chunk or b" =" in chunk
    ):  # blanks around an attribute's sign are allowed
        return True
    if b"vertAlign" in chunk:
        return True
    if b"hidden" in chunk and _HIDDEN.search(chunk):
        return True
    has_formula = b"<f" in chunk or b":f" in chunk
    return has_formula and any(each.search(chunk) for each in (_NOT_CALCULATED, _NOT_REPEATED))


def _refuse_links(archive: zipfile.ZipFile, members: dict[str, str], name: str) -> None:
    for lowered, member in members.items():
        if lowered.startswith("xl/externallinks/") and lowered.endswith(".xml"):
            raise _linked(name, member)
        if not lowered.endswith(".rels"):
            continue
        for each in small_xml(archive, member, name):
            if each.get("TargetMode") == "External" and not str(each.get("Type", "")).endswith(_HARMLESS):
                raise _linked(name, member)


def _linked(name: str, member: str) -> Exception:
    return failed(
        name, f"it takes values from outside: {member} links to another file.",
        "Break the links in the spreadsheet program (Data, Edit Links, Break Link), save it, and deliver it again.",
    )  # fmt: skip


def _targets(archive: zipfile.ZipFile, members: dict[str, str], name: str) -> dict[str, str]:
    member = members.get("xl/_rels/workbook.xml.rels")
    if member is None:
        raise failed(name, "it is damaged: xl/_rels/workbook.xml.rels is not in it.")
    relations = small_xml(archive, member, name)
    return {
        each.get("Id", ""): posixpath.normpath(posixpath.join("/xl", each.get("Target", ""))).lstrip("/")
        for each in relations
    }


def check_area(look: Look, name: str, sheet: str, source: SpreadsheetSource) -> None:
    """Whether a sheet is within the limits; one cell far away makes readers reserve everything before it.

    Raises:
        SpreadsheetError: It is not.
    """
    limits = source.limits
    for count, limit, what in (
        (look.rows, limits.rows, "rows"), (look.columns, limits.columns, "columns"), (look.rows * look.columns, limits.cells, "cells"),
    ):  # fmt: skip
        if count > limit:
            raise failed(
                name, f"sheet {sheet!r} reaches to {letters(look.columns - 1)}{look.rows}: {count:,} {what} are more than the limit of {limit:,} ({what}).",
                f"Delete what stands far from the table (Ctrl+End shows it), or raise Limits({what}=...) in the contract.",
            )  # fmt: skip
