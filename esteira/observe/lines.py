"""One log record, one line. With `ESTEIRA_LOG_FORMAT=json` a JSON object for CloudWatch, on standard output; else as the formatter says.

Prefect sets up the loggers of a process when it is imported, from a file each item of which an environment variable may replace:
`PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS` names this module's handler (in the image, and where the command line finds the variable above), and
whatever Prefect, our core and the libraries log goes through it. The rest of the set-up stays Prefect's own.
https://docs.prefect.io/v3/advanced/logging-customization
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

from esteira.observe.subject import subject
from esteira.redaction import scrub

FORMAT_VARIABLE = "ESTEIRA_LOG_FORMAT"
"""`json` writes a JSON object for each record, for CloudWatch; by default lines are written for people."""
HANDLER_VARIABLE = "PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS"
FIELDS = (
    "time", "level", "logger", "message", "dataset", "batch", "attempt", "step", "flow", "run", "run_id", "task", "error", "traceback",
)  # fmt: skip
"""All that a line may have, in their order; what is not known is left out. Saved queries name these."""
_OF_PREFECT = {"flow": "flow_name", "run": "flow_run_name", "run_id": "flow_run_id", "task": "task_run_name"}
"""What Prefect's own loggers put into a record."""
MAX_TEXT = 50_000
"""Characters of a message, and of a traceback: both together stay below an event of CloudWatch Logs, which once was 256 KB and is 1 MB now.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""


class Lines(logging.StreamHandler[TextIO]):
    """The console handler of a container.

    Args:
        stream: Where lines for people go; JSON goes to standard output.
        styles: Colours, which Prefect's set-up passes and a container has no use for.
    """

    def __init__(self, stream: TextIO | None = None, styles: dict[str, str] | None = None) -> None:
        del styles
        super().__init__(sys.stdout if is_json() else stream)

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON, or as its formatter writes it; without secrets either way."""
        return line(record) if is_json() else scrub(super().format(record))


def is_json(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a process with this environment writes for CloudWatch."""
    return environment.get(FORMAT_VARIABLE, "").lower() == "json"


def ask_for_lines(environment: MutableMapping[str, str]) -> None:
    """Let Prefect take our handler, where JSON is wanted. Before it is imported."""
    if is_json(environment):
        environment.setdefault(HANDLER_VARIABLE, f"{__name__}.{Lines.__name__}")


def line(record: logging.LogRecord) -> str:
    """A record as one JSON object."""
    facts = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": record.getMessage(),
        **{name: getattr(record, attribute, None) for name, attribute in _OF_PREFECT.items()},
        **subject(),
        **_failure(record),
    }
    known = {name: _text(facts[name]) for name in FIELDS if facts.get(name)}
    return json.dumps(known, ensure_ascii=False)


def _failure(record: logging.LogRecord) -> dict[str, Any]:
    if not record.exc_info or record.exc_info[0] is None:
        return {}
    return {"error": record.exc_info[0].__name__, "traceback": logging.Formatter().formatException(record.exc_info)}


def _text(value: object) -> str:
    """A value as text, bounded and without secrets. Scrubbed before it is encoded: JSON's escapes would hide a secret from the search."""
    text = scrub(str(value))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
