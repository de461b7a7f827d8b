"""The reference prints the contract's real signatures."""

import inspect
import re

import pytest

from esteira import contract
from tests.conventions.sources import ROOT

PAGES = [ROOT / f"docs/reference/{name}.md" for name in ("contract", "spreadsheet", "assets")]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
CLASSES = sorted(name for name in contract.__all__ if inspect.isclass(getattr(contract, name)) and name != "Column")


def printed_parameters(name: str) -> list[str]:
    """The parameters that the pages print behind a name, in order; the longest mention counts."""
    text = re.sub(r'"[^"\n]*"', '""', TEXT)
    mentions = re.findall(rf"\b{name}\(((?:[^()]|\([^()]*\))*)\)", text)
    flat = [re.sub(r"\([^()]*\)", "", mention) for mention in mentions]
    lists = [[piece.split("=")[0].strip() for piece in mention.split(",") if piece.strip()] for mention in flat]
    return max(lists, key=len, default=[])


def test_the_contract_exports_classes() -> None:
    assert {"Dataset", "ApiSource", "Upsert"} <= set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_the_reference_prints_the_signature(name: str) -> None:
    real = [item for item in inspect.signature(getattr(contract, name)).parameters if item not in {"args", "kwargs"}]
    assert f"{name}(" in TEXT, f"Fix: describe {name} in docs/reference/."
    printed = printed_parameters(name)
    assert printed == real, f"Fix: print {name}({', '.join(real)}) in docs/reference/; it says {printed}."
