"""The words of a message: one line that says what happened, then where, why, what to do, how much, and whom to ask.

Plain text that every channel shows as it is: an address stands by itself, since each service writes links its own way, and nothing of it
is markup but asterisks and a fenced patch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from esteira.alerts.trend import Counts
from esteira.contract import Dataset
from esteira.demands import WHOLE_ROW
from esteira.errors import EsteiraError
from esteira.redaction import scrub

MAX_PATCH_CHARACTERS = 2_000
"""Slack wants messages below 4,000: https://docs.slack.dev/reference/methods/chat.postMessage"""
MAX_SENTENCE_CHARACTERS = 1_000
_HARMLESS = str.maketrans({"<": "\u2039", ">": "\u203a"})
"""Slack reads `<!channel>` as a call to everybody: https://docs.slack.dev/messaging/formatting-message-text"""

_NAME = re.compile(r"\w+")
_CALL = re.compile(r"<(?=[!@#])")
_PATCH = "\x1apatch\x1a"


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses for a person; what is not known is left out.

    Attributes:
        run: The run in the Prefect UI.
        report: The quality page.
        runbook: The section that says more.
    """

    run: str = ""
    report: str = ""
    runbook: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one message says.

    Attributes:
        subject: What happened, in one line.
        dataset: Name of what it is about.
        batch: Of which batch; empty where it is about none.
        what: The sentence of the error, or of what was measured.
        cause: What usually is behind it.
        next_step: What to do.
        counts: Rows, beside those of the last good run.
        more: Sentences of its own.
        links: Where to look.
        owner: Who is asked.
        patch: A suggested change of the contract.
        about: What `dataset` names.
    """

    subject: str
    dataset: str
    batch: str = ""
    what: str = ""
    cause: str = ""
    next_step: str = ""
    counts: Counts | None = None
    more: tuple[str, ...] = ()
    links: Links = field(default_factory=Links)
    owner: str = ""
    patch: str = ""
    about: Literal["Dataset", "BI asset"] = "Dataset"


def text_of(notice: Notice) -> str:
    """The message below its subject. The same notice always makes the same text."""
    lines = [
        f"*{notice.about}:* {notice.dataset}{f' | *Batch:* {notice.batch}' if notice.batch else ''}",
        _shortened(notice.what),
        *map(_shortened, notice.more),
        f"*Likely cause:* {notice.cause}" if notice.cause else "",
        f"*Next step:* {_shortened(notice.next_step)}" if notice.next_step else "",
        _PATCH if notice.patch else "",
        f"*Rows:* {notice.counts.sentence()}" if notice.counts else "",
        *_addresses(notice.links),
        f"*Owner:* {notice.owner or 'nobody is named in the contract'}",
    ]
    text = "\n".join(line for line in lines if line).translate(_HARMLESS)
    return scrub(text.replace(_PATCH, _fenced(notice.patch)))


def subject_of(notice: Notice) -> str:
    """The subject line, above the text."""
    return scrub(notice.subject.translate(_HARMLESS))


def without_values(sentence: str, dataset: Dataset | None) -> str:
    """The sentence, or a neutral one where it may quote a value of a personal column: more people read messages than the run's page."""
    personal = {column.name for column in dataset.columns if column.is_pii} if dataset else set[str]()
    about = sorted(personal & set(_NAME.findall(sentence)))
    if about:
        return (
            f"It is about {', '.join(about)}, which is personal, so no value is shown here; the run's page says more."
        )
    if personal and f"{WHOLE_ROW} = " in sentence:
        return "It is about a rule across columns, one of which is personal, so no value is shown here; the run's page says more."
    return sentence


def cause_of(error: BaseException) -> str:
    """What usually is behind an error: the first sentence of its class."""
    kind = type(error) if isinstance(error, EsteiraError) else None
    return ((kind.__doc__ if kind else None) or "A defect of Esteira, or a library that behaves unexpectedly.").split(
        "\n"
    )[0]


def _addresses(links: Links) -> list[str]:
    named = (("Run", links.run), ("Report", links.report), ("Runbook", links.runbook))
    return [f"*{name}:* {address}" for name, address in named if address]


def _fenced(patch: str) -> str:
    """A patch as a block of code, unchanged except that it calls nobody. One that is too long is left out: half a patch does not apply."""
    if len(patch) > MAX_PATCH_CHARACTERS:
        return "The suggested patch is too long to be shown here; the run's artifact has it."
    code = _CALL.sub("\u2039", patch.rstrip("\n"))
    return f"```\n{code}\n```"


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= MAX_SENTENCE_CHARACTERS else f"{sentence[:MAX_SENTENCE_CHARACTERS]}…"
