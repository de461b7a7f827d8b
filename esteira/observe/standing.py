"""How far each dataset is loaded, as small objects of the lake: whoever asks for its age wakes no warehouse and needs no Prefect.

`infra/handlers/age.py` reads them once an hour. A hold is an object of its own, so that a batch that is asked for by name while a
dataset is paused does not end the pause.
"""

from __future__ import annotations

import json
from datetime import datetime

from esteira.contract import Dataset
from esteira.lake import Lake
from esteira.lake.layout import hold_note, standing_note

JSON = "application/json"


def put_standing(lake: Lake, dataset: Dataset, watermark: datetime, committed_at: datetime | None = None) -> None:
    """Write up to when a dataset is loaded, and how old that may become.

    Raises:
        AuthError, LakeUnavailable: As everywhere.
    """
    limit = dataset.quality.freshness
    facts = {
        "dataset": dataset.name,
        "watermark": watermark.isoformat(),
        "committed_at": committed_at.isoformat() if committed_at else None,
        "limit_hours": limit.total_seconds() / 3600 if limit else None,
    }
    lake.put(standing_note(dataset.name), json.dumps(facts).encode(), content_type=JSON)


def put_hold(lake: Lake, dataset: str, hold: str) -> None:
    """Write why a dataset is old on purpose: paused, retired, renamed. An empty text ends that.

    Raises:
        AuthError, LakeUnavailable: As everywhere.
    """
    lake.put(hold_note(dataset), json.dumps({"dataset": dataset, "hold": hold}).encode(), content_type=JSON)
