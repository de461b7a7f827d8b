"""The cell formats of a workbook, by number: `styles.xml`."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from esteira.export.conventions import Conventions

WHOLE, HEADER, TEXT, DATE, MOMENT = range(5)
_FIRST_DECIMAL = 5
_OWN_FORMAT = 164
"""The first number that a workbook may give to a format of its own."""
_GENERAL, _AS_TEXT = 0, 49
"""Built in: as it is, and `@`, which keeps a text a text also when somebody edits it."""


class Styles:
    """Numbers of formats; those of decimals are made when a column needs them.

    Args:
        conventions: How the locale writes days and moments.
    """

    def __init__(self, conventions: Conventions) -> None:
        self._formats = [conventions.sheet_date, conventions.sheet_moment]
        self._scales: list[int] = []

    def decimal(self, scale: int) -> int:
        """The number of the format with so many digits behind the decimal sign, which Excel shows as the locale has it."""
        if scale not in self._scales:
            self._scales.append(scale)
        return _FIRST_DECIMAL + self._scales.index(scale)

    def xml(self) -> str:
        """The document."""
        formats = [*self._formats, *("0." + "0" * scale if scale else "0" for scale in self._scales)]
        own = "".join(
            f'<numFmt numFmtId="{_OWN_FORMAT + at}" formatCode={quoteattr(code)}/>' for at, code in enumerate(formats)
        )
        cells = [
            _cell(_GENERAL), _cell(_AS_TEXT, font=1, fill=2, wrap=True), _cell(_AS_TEXT), _cell(_OWN_FORMAT), _cell(_OWN_FORMAT + 1),
            *(_cell(_OWN_FORMAT + 2 + at) for at in range(len(self._scales))),
        ]  # fmt: skip
        return (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            f'<numFmts count="{len(formats)}">{own}</numFmts>'
            '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
            '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
            '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
            '<fill><patternFill patternType="solid"><fgColor rgb="FFE8EDF3"/></patternFill></fill></fills>'
            '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
            f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs>'
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
        )


def _cell(number: int, *, font: int = 0, fill: int = 0, wrap: bool = False) -> str:
    painted = ' applyFont="1" applyFill="1"' if font else ""
    head = (
        f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="0" xfId="0" applyNumberFormat="1"{painted}'
    )
    return f'{head} applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>' if wrap else f"{head}/>"
