"""Erasing a person where it is easily forgotten: in the deletions beside the table, and under a dataset's former name."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from esteira.contract import Upsert
from esteira.curate import curate
from esteira.erasure import Places, Request, erase, read_key
from esteira.lake import Layout, PagePointer, Seal
from esteira.lake.sweep import SweptLake, Version
from esteira.renaming import rename_everywhere
from esteira.warehouse.erasures import Erasure
from esteira.warehouse.reads import history
from esteira.warehouse.states import Act
from tests.warehouse.conftest import FIRST_DAY

ERASED, KEPT = 1, 2


def dated(number: int, label: str = "a", day: int = 1) -> dict[str, Any]:
    return {"id": number, "label": label, "amount": 1, "changed_at": FIRST_DAY + timedelta(days=day)}


def erasure(name: str) -> Erasure:
    return Erasure(name, "lgpd-17", ("id",), "0" * 64, "rows", 1, 1, 0, "erase lgpd-17", "0", {"id": ERASED})


def test_the_deletion_of_an_erased_key_is_forgotten_though_its_batch_is_lost(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id", newest_by="changed_at", deleted_when=("label", "gone")))
    bench.load(dataset, [dated(ERASED), dated(KEPT)])
    bench.load(dataset, [dated(ERASED, "gone", 2), dated(KEPT, "gone", 2)], day=2)
    graves = f"SELECT DISTINCT id FROM esteira_deleted.{dataset.name} ORDER BY id"
    assert bench.query(graves) == [(ERASED,), (KEPT,)]
    again = bench.request(dataset, [dated(KEPT)], generation=2)
    loader = bench.loader()
    loader._history = lambda *_: None
    loader.rebuild([again], accept_loss=True, erasure=erasure(dataset.name))
    assert bench.query(graves) == [(KEPT,)]


def extracted(bench: Any, dataset: Any, rows: list[dict[str, Any]]) -> Any:
    """A batch as extract and curate leave it: one page, one part; returns what to load."""
    request = bench.request(dataset, batch_id="unused")
    batch = replace(request.batch, id="2014-01-01-0123abcd")
    body = json.dumps(rows, default=str).encode()
    content = pa.Codec("zstd").compress(body, asbytes=True)
    key = Layout(dataset.name, batch.id).part("raw", "a1", 1)
    part = bench.lake.put_part(key, content, rows=len(rows), pages=(PagePointer(1, len(body), len(rows)),))
    seal = curate(
        dataset, bench.lake.put_seal("raw", Seal(dataset.name, batch.id, "a1", (part,), len(rows))), lake=bench.lake
    )
    return replace(request, batch=batch, seal=seal, manifest=bench.lake.put_manifest(seal))


def readable(swept: SweptLake, name: str) -> list[Version]:
    """Versions of a name's objects that may hold rows."""
    return [each for each in swept.versions(name) if not each.is_kept_for_ever and "/part-" in each.key]


def test_a_person_is_erased_from_the_objects_under_a_datasets_former_name(bench: Any, make_dataset: Any, stack: Any):
    old = make_dataset(Upsert(key="id"))
    new = replace(old, name=f"{old.name}_new", formerly=(old.name,))
    bench.loader().load(extracted(bench, old, [dated(ERASED), dated(KEPT)]))
    rename_everywhere(bench.warehouse, bench.lake, (old.name, new.name), Act("ana@laptop", ""))
    swept = SweptLake.under(bench.lake.bucket, stack.env["ESTEIRA_UPKEEP_PROFILE"])
    assert len(readable(swept, old.name)) == 2
    request = Request(new, read_key(new, [f"id={ERASED}"]), "lgpd-17", "0", FIRST_DAY)
    report = erase(request, Places(bench.lake, swept, bench.warehouse, bench.loader()))
    assert (sum(report.rows.values()), report.objects) == (1, 4)
    assert bench.rows(new, "id, label AS amount, label") == [(KEPT, "a", "a")]
    assert readable(swept, old.name) == []
    assert len(readable(swept, new.name)) == 2
    assert [(entry.generation, entry.curated) for entry in history(bench.warehouse, new.name)] == [(1, 2), (2, 1)]
