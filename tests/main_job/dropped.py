"""Files that people drop, and what becomes of them: contracts, contents, and a look at the inbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.main_job.world import Result, World, as_root

CONTRACT = '''"""A dataset of files, for one scenario."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import *  # noqa: F403


class Sale(pa.DataFrameModel):
    """Sales by code."""

    code: pd.StringDtype = pa.Field(description="Code")
    amount: pd.Float64Dtype = pa.Field(ge=0, description="Amount")


DATASET = Dataset(  # noqa: F405
    name="{name}",
    source=SpreadsheetSource({source}),  # noqa: F405
    schema=Sale,
    write={write},
    quality=Quality(max_quarantine_ratio={ratio}),  # noqa: F405
    owner="office",
)
'''
_FLOW = """
import json, sys
from cli.environment import load_environment
load_environment()
from cli.environment import require_prefect
require_prefect()
from flows.inbox import inbox
state = inbox(*sys.argv[1:4], return_state=True)
outcome = state.result(raise_on_failure=False)
print(json.dumps({"state": state.type.value, "message": state.message, "kind": type(outcome).__name__, "is_new": getattr(outcome, "is_new", None)}))
"""


def contract(
    folder: Path, name: str, source: str = 'match="*.csv"', write: str = "Append()", ratio: float = 0.5
) -> Path:
    """Write one; returns the folder."""
    (folder / f"{name}.py").write_text(CONTRACT.format(name=name, source=source, write=write, ratio=ratio))
    return folder


def sales(amounts: Mapping[str, str]) -> bytes:
    """A file as a Brazilian office program writes it."""
    lines = ["code;amount", *(f"{code};{amount}" for code, amount in amounts.items())]
    return "".join(f"{line}\r\n" for line in lines).encode()


@dataclass(frozen=True)
class Office:
    """A person with an inbox, beside a running stack."""

    world: World

    @property
    def bucket(self) -> str:
        return self.world.stack.env["ESTEIRA_LAKE_BUCKET"]

    @contextmanager
    def s3(self) -> Any:
        with closing(as_root(self.world.stack, "s3")) as client:
            yield client

    def drop(self, dataset: str, name: str, content: bytes) -> str:
        """Put an object; returns its version."""
        with self.s3() as s3:
            return str(s3.put_object(Bucket=self.bucket, Key=f"inbox/{dataset}/{name}", Body=content)["VersionId"])

    def waiting(self, dataset: str) -> list[str]:
        """Keys and versions that still lie in the inbox."""
        with self.s3() as s3:
            listed = s3.list_object_versions(Bucket=self.bucket, Prefix=f"inbox/{dataset}/")
        return [each["VersionId"] for each in listed.get("Versions", ())]

    def returned(self, dataset: str) -> dict[str, bytes]:
        """What came back: file names to contents, the letters too."""
        with self.s3() as s3:
            listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=f"inbox-rejected/{dataset}/").get("Contents", ())
            keys = [each["Key"] for each in listed]
            return {key.rpartition("/")[2]: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def raw_file(self, dataset: str, batch: str) -> bytes:
        """The only part of a file in raw."""
        with self.s3() as s3:
            listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=f"raw/{dataset}/{batch}/")["Contents"]
            (key,) = [each["Key"] for each in listed if each["Key"].endswith(".bin")]
            return bytes(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def event(self, key: str, version: str, folder: Path, *, bucket: str | None = None, **env: str) -> Result:
        """What an event of S3 starts."""
        return self.world.python(
            _FLOW, bucket or self.bucket, key, version, env={"ESTEIRA_DATASETS": str(folder), **env}
        )

    def table(self, dataset: str) -> list[tuple[Any, ...]]:
        return sorted(self.world.query(f"SELECT code, amount FROM dw.{dataset}"))


def facts(result: Result) -> Any:
    """What a command printed as JSON, of the only dataset."""
    try:
        (only,) = json.loads(result.out)
    except ValueError as exc:
        raise AssertionError(f"{result.code}\n{result.out}\n{result.err}") from exc
    return only


def batches(result: Result) -> Sequence[Mapping[str, Any]]:
    """Of a command that succeeded."""
    assert result.code == 0, f"{result.code}\n{result.out}\n{result.err}"
    found: Sequence[Mapping[str, Any]] = facts(result)["batches"]
    return found
