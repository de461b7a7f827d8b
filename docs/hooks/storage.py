"""The keys of the lake: what each object is, who writes and who deletes it, and what the bucket's lifecycle does to it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from docs.hooks.text import code, constants, page, table
from esteira.lake import layout
from esteira.lake.layout import Layout, Zone
from infra.deploy import statements
from infra.deploy.template import INFRA

_LEAD = (
    "One bucket a stage. All keys are built in `esteira/lake/`, and these are all of them; a later generation of a batch has the folder `generation-002/` behind the batch's. "
    "The bucket is versioned: what is overwritten or deleted stays below for as long as the lifecycle says, and an erasure deletes versions too."
)
_GIVEN: dict[str, Any] = {
    "dataset": "<dataset>", "batch": "<batch>", "attempt": "<attempt>", "number": 1, "walk": 1, "seal_hash": "<hash>", "version": "<version>", "name": "<file>",
}  # fmt: skip
_WRITTEN = "\n\nWritten"


@dataclass(frozen=True, slots=True)
class Key:
    """One kind of object.

    Attributes:
        key: With its variable parts in angle brackets.
        builder: What builds it, for messages.
        says: What it is; then who writes and who deletes it, from `Written` on.
    """

    key: str
    builder: str
    says: str


def make() -> str:
    """The page."""
    keys = table(["key", "what", "who writes, who deletes"], [_row(each) for each in kinds()])
    rules = table(["of", "what happens", "why"], list(lifecycle()))
    return page(
        "The lake in S3", _LEAD, "## Keys", keys, "## Kept how long", f"The lifecycle in `infra/lake.yaml`:\n\n{rules}"
    )


def kinds() -> list[Key]:
    """Every kind of key that the layout can build, and the zones that people drop into; in the order of the code."""
    built = [each for name, thing in _builders() for each in _built(name, thing)]
    named = [
        Key(each.value, each.name, each.says) for each in constants(r"[\w/-]+(?:/|\.html)") if _WRITTEN in each.says
    ]
    known = [each for each in (*built, *named) if _WRITTEN in each.says or not each.key.endswith("/")]
    return list({each.key: each for each in known}.values())


def _builders() -> Iterator[tuple[str, Any]]:
    for name, each in vars(Layout).items():
        if not name.startswith("_") and (isinstance(each, property | staticmethod) or inspect.isfunction(each)):
            yield name, each
    for name, each in inspect.getmembers(layout, inspect.isfunction):
        if each.__module__ == layout.__name__ and inspect.signature(each).return_annotation == "str":
            yield name, each


def _built(name: str, thing: Any) -> Iterator[Key]:
    batch = Layout("<dataset>", "<batch>")
    said = inspect.getdoc(thing) or ""
    if isinstance(thing, property):
        yield Key(getattr(batch, name), name, said)
        return
    call = getattr(batch, name) if hasattr(batch, name) else thing
    wanted = inspect.signature(call).parameters
    for zone in get_args(Zone) if "zone" in wanted else [None]:
        yield Key(call(**{each: zone if each == "zone" else _GIVEN[each] for each in wanted}), name, said)


def _row(each: Key) -> tuple[str, str, str]:
    what, _, who = each.says.partition(_WRITTEN)
    return code(each.key), what, f"Written{who}"


def lifecycle() -> Iterator[tuple[str, str, str]]:
    """Each rule of the lake's lifecycle: of which keys, what happens, why."""
    path = INFRA / "lake.yaml"
    (bucket,) = statements.resources(path, "AWS::S3::Bucket").values()
    days = {name: each.get("Default") for name, each in statements.parsed(path)["Parameters"].items()}
    lines = path.read_text(encoding="utf-8").splitlines()
    for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]:
        (line,) = [number for number, text in enumerate(lines) if text.strip() == f"- Id: {rule['Id']}"]
        yield (
            code(rule.get("Prefix", "")) or "the whole bucket",
            _happens(rule, days),
            statements.comment_above(lines, line),
        )


def _happens(rule: dict[str, Any], days: dict[str, Any]) -> str:
    """A rule in words; a parameter of the template stands with its default."""
    spans = {
        "AbortIncompleteMultipartUpload": ("DaysAfterInitiation", "uploads that were never completed go"),
        "NoncurrentVersionExpiration": ("NoncurrentDays", "overwritten and deleted versions go"),
    }
    said = [f"{words} after {_days(rule[name][key], days)}" for name, (key, words) in spans.items() if name in rule]
    said += [f"objects go after {_days(rule['ExpirationInDays'], days)}"] if "ExpirationInDays" in rule else []
    said += ["delete markers with nothing below go"] if rule.get("ExpiredObjectDeleteMarker") else []
    said += [
        f"moves to {code(each['StorageClass'])} after {_days(each['TransitionInDays'], days)}"
        for each in rule.get("Transitions", ())
    ]
    large = (
        f"; only objects above {int(rule['ObjectSizeGreaterThan']) // 1024} KiB"
        if "ObjectSizeGreaterThan" in rule
        else ""
    )
    return "; ".join(said) + large


def _days(value: Any, days: dict[str, Any]) -> str:
    return f"{days[value]} days (parameter `{value}`)" if value in days else f"{value} days"
