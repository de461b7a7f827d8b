"""A place whose block cannot be asked for."""

import httpx
import pytest

from blocks import open_lake
from blocks.lake import LakeBlock
from esteira.errors import LakeUnavailable
from esteira.giving_up import ended


@pytest.mark.fault(59)
def test_a_prefect_server_that_is_away_is_waited_for_and_no_batch_is_blamed_for_it(monkeypatch: pytest.MonkeyPatch):
    def away(_name: str) -> LakeBlock:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(LakeBlock, "load", away)
    with pytest.raises(LakeUnavailable, match="The Prefect server, which knows where esteira-lake/") as caught:
        open_lake()
    assert "PREFECT_API_URL" in caught.value.hint
    assert ended("note", caught.value).outcome == "excused"
