"""Text in the encoding that the contract declares, and bytes that are no text in it (fault 23)."""

import codecs
from pathlib import Path

import pytest

from esteira.errors import SpreadsheetError
from tests.spreadsheet.offices import GOOD, PRINTED, contract, read, rows_of, write_csv


@pytest.mark.fault(23)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_read_in_its_declared_encoding(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "a.csv", PRINTED, encoding)
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    assert rows_of(read(path, contract(encoding=declared))) == GOOD


@pytest.mark.fault(23)
def test_a_mark_is_passed_over_where_the_encoding_names_its_order(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", PRINTED, "utf-16-le")
    path.write_bytes(codecs.BOM_UTF16_LE + path.read_bytes())
    assert rows_of(read(path, contract(encoding="utf-16-le"))) == GOOD


@pytest.mark.fault(23)
def test_a_byte_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Código;Dia;Valor (R$)\n".encode() + b"A\xe7o;19/05/2017;1\n")
    with pytest.raises(SpreadsheetError, match=r"a\.csv: byte 24 \(line 2\) is 0xe7"):
        read(path)


# Arrow tells of a row that it cannot even show, before it gives up.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.fault(23)
def test_a_byte_far_behind_the_first_block_is_named(tmp_path: Path) -> None:
    line = b"001;19/05/2017;1\n"
    path = tmp_path / "a.csv"
    head = "Código;Dia;Valor (R$)\n".encode()
    path.write_bytes(head + line * 400_000 + b"\xff\n")
    with pytest.raises(SpreadsheetError, match=f"byte {len(head) + len(line) * 400_000:,}"):
        read(path)


@pytest.mark.fault(23)
def test_a_byte_in_a_column_that_nobody_asked_for_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    head = "Código;Dia;Valor (R$);Nota\n".encode()
    path.write_bytes(head + "001;19/05/2017;1;é\n".encode() + b"002;20/05/2017;2;caf\xe9\n")
    with pytest.raises(SpreadsheetError, match=r"line 3\) is 0xe9"):
        read(path)


@pytest.mark.fault(23)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_that_contradicts_the_declared_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "a.csv", PRINTED, encoding)
    with pytest.raises(SpreadsheetError, match="byte 0: its mark says utf-"):
        read(path, contract(encoding="cp1252"))


@pytest.mark.fault(23)
def test_utf_16_without_a_mark_under_another_encoding_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", PRINTED, "utf-16-le")
    with pytest.raises(SpreadsheetError, match="a zero byte"):
        read(path)
