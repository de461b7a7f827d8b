"""Every error of Esteira, grouped by what recovers it.

`TransientError` is retried, `PermanentError` stops the batch and alerts. A message says what failed and where; `hint` says what
to do next; `runbook` names the section of `docs/operations/runbook.md`. Third-party errors are translated at the edge of the
module that owns the outside world (`raise ... from exc`), never further in.
"""

from __future__ import annotations

from typing import Any, ClassVar


class EsteiraError(Exception):
    """The root of the tree.

    Args:
        message: What failed and where (page, sheet and cell, file and column), in one sentence.
        dataset: The dataset's name, when known.
        batch: The batch id, when known.
        hint: The next step for the person who reads it.
    """

    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = "Run again with --debug and read the traceback."

    def __init__(
        self, message: str, *, dataset: str | None = None, batch: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.dataset = dataset
        self.batch = batch
        self.hint = hint or self.default_hint

    @property
    def runbook(self) -> str:
        """The anchor of the runbook section about this class."""
        return type(self).__name__.lower()

    def located(self, *, dataset: str, batch: str | None = None) -> EsteiraError:
        """Fill in the dataset and batch where the raiser could not know them; returns itself."""
        self.dataset = self.dataset or dataset
        self.batch = self.batch or batch
        return self

    def paragraph(self) -> str:
        """One paragraph: the class, where, what, the next step, and where to read more."""
        where = " ".join(part for part in (self.dataset, self.batch) if part)
        head = f"{type(self).__name__} [{where}]" if where else type(self).__name__
        return f"{head}: {self.message} Next step: {self.hint} Runbook: docs/operations/runbook.md#{self.runbook}"

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.dataset, self.batch, self.hint)


def class_of(name: str) -> type[EsteiraError] | None:
    """The class of this name; None where it is none of ours."""
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, EsteiraError) else None


def _rebuild(kind: type[EsteiraError], message: str, dataset: str | None, batch: str | None, hint: str) -> EsteiraError:
    """Unpickle: the constructor's keyword-only arguments do not survive the default protocol."""
    return kind(message, dataset=dataset, batch=batch, hint=hint)


class TransientError(EsteiraError):
    """It may pass by itself: retried."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: a script may try again later


class SourceUnavailable(TransientError):
    """The portal does not answer, answers 5xx, or breaks off in the middle."""

    default_hint = "Check that the portal is up and reachable from here, then run the same command again: it resumes at the next page."


class RateLimited(TransientError):
    """The portal keeps answering 429 beyond the budget of retries."""

    default_hint = "Lower the portal's rate budget in its block, or wait and run the same command again: it resumes at the next page."


class LakeUnavailable(TransientError):
    """S3 or another AWS control plane does not answer, or answers 5xx."""

    default_hint = "Check the AWS region's health and the endpoint (on a laptop: `esteira stack status` and the room on its disk), then run the same command again."


class WarehouseBusy(TransientError):
    """A lock, a conflict or a lost connection kept the transaction from committing."""

    default_hint = "Nothing was loaded by this attempt. Run the same command again; if it repeats, look for the session that holds the lock."


class WorkerLost(TransientError):
    """Processes that curated parts of a batch died, again and again."""

    default_hint = (
        "Nothing was sealed. Look why they were killed (mostly memory: lower ESTEIRA_WORKERS, or give the task more), then run the same command "
        "again; ESTEIRA_RUNNER=threads curates in the run's own process."
    )


class PermanentError(EsteiraError):
    """It will fail again until a person changes something: stop and alert."""

    exit_code = 65  # EX_DATAERR


class ConfigError(PermanentError):
    """A setting, a contract or the environment is wrong."""

    exit_code = 78  # EX_CONFIG
    default_hint = "Correct the named setting or contract and run the same command again."


class AuthError(PermanentError):
    """The portal or AWS refused our credentials."""

    exit_code = 77  # EX_NOPERM
    default_hint = (
        "Renew the named secret in Secrets Manager, or grant the named action, then run the same command again."
    )


class SourceRejected(PermanentError):
    """The portal refuses the request itself (4xx), or a host that we may not follow."""

    default_hint = "Compare the contract's path, params and paginator with the portal's documentation."


class PayloadError(PermanentError):
    """The portal's answer is not what the contract describes."""

    default_hint = (
        "Look at the page with `curl` and correct the contract's records path or paginator, or report it to the portal."
    )


class SpreadsheetError(PermanentError):
    """A file cannot be read as the workbook that the contract describes."""

    default_hint = "Open the file at the named place, correct it, and drop it again."


class ContractError(PermanentError):
    """The source drifted: a column disappeared, changed its type, or came where the contract takes none.

    Args:
        patch: A unified diff of the contract's file that takes the change over; empty where none can be suggested.
    """

    default_hint = (
        "Agree on the change with the portal's owner, then correct the schema in the dataset's contract file."
    )

    def __init__(self, message: str, *, patch: str = "", **where: Any) -> None:
        super().__init__(message, **where)
        self.patch = patch

    def __reduce__(self) -> tuple[object, ...]:
        return (*super().__reduce__(), {"patch": self.patch})


class DataQualityError(PermanentError):
    """Too many rows failed their rules, or a whole-batch rule failed.

    Args:
        extracted: Of how many rows too many were refused; 0 where it is about something else.
        refused: How many rows broke each `column: rule`; a row may break several.
        quarantined: Rows that broke any.
    """

    default_hint = "Look at the quarantined rows and their reasons; correct the source or the contract, then run the same command again."

    def __init__(
        self,
        message: str,
        *,
        extracted: int = 0,
        quarantined: int = 0,
        refused: dict[str, int] | None = None,
        **where: Any,
    ) -> None:
        super().__init__(message, **where)
        self.extracted, self.quarantined, self.refused = extracted, quarantined, dict(refused or {})

    def __reduce__(self) -> tuple[object, ...]:
        counted = {"extracted": self.extracted, "quarantined": self.quarantined, "refused": self.refused}
        return (*super().__reduce__(), counted)


class LoadError(PermanentError):
    """Redshift refused the load."""

    default_hint = "Correct the named column in the contract or the source, or make room if the warehouse's disk is full, then run the same command again."


class RefreshFailed(PermanentError):
    """A BI tool failed to read the data again, or did not take the request.

    Args:
        code: The tool's word for the reason.
    """

    default_hint = "The data are loaded and nothing of them is affected. Read the tool's reason and mend it there; the next sweep tries again, `esteira refresh NAME --force` at once."

    def __init__(self, message: str, *, code: str = "", **where: Any) -> None:
        super().__init__(message, **where)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return (*super().__reduce__(), {"code": self.code})


class GivenUp(PermanentError):
    """A batch failed or killed its process so often that it is left out, so that it blocks no later one."""

    default_hint = "Mend what the last attempt failed with, then ask for the batch's window by name."


class SealConflict(PermanentError):
    """What is sealed, stored or loaded is not what this attempt holds."""

    default_hint = "Do not delete anything. Compare the two hashes and find out which attempt wrote which seal before anything is loaded again."
