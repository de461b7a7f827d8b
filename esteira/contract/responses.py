"""What an answer means beyond its status: conditions of a contract, and what to do where they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from esteira.contract.choices import require_choice
from esteira.errors import ConfigError

Action: TypeAlias = Literal["retry", "fail", "ignore", "refresh"]


@dataclass(frozen=True, slots=True)
class ResponseAction:
    """One rule about answers (dlt: `response_actions`; Airbyte: `HttpResponseFilter`). All of its conditions must hold; the first rule wins.

    Args:
        action: `retry` asks again within the portal's attempts; `fail` stops; `ignore` takes the answer for an empty last page, which
            the batch's warnings tell; `refresh` asks once more with a new token.
        status: The answer's status, or several. Without it a rule is about 2xx.
        at: JMESPath of a value in the body. Without `equals` it must be there, and be neither false nor empty.
        equals: What stands at `at`; a number equals its text.
        text: What stands in the body, in the same letters.
        is_total_changed: Whether the total that the portal reports is another than at the walk's beginning.
        is_short: Whether the walk would end here with fewer rows than the total that was reported.

    Raises:
        ConfigError: There is no condition, or the rule would hide rows.
    """

    action: Action
    status: int | tuple[int, ...] | None = None
    at: str | None = None
    equals: str | int | bool | None = None
    text: str | None = None
    is_total_changed: bool = False
    is_short: bool = False

    def __post_init__(self) -> None:
        require_choice("ResponseAction(action)", self.action, get_args(Action))
        if not (self.statuses or self.at or self.text or self.is_about_counts):
            raise ConfigError(
                f"ResponseAction({self.action!r}) has no condition: it would hold for every answer.",
                hint="Give status=, at=, text=, is_total_changed= or is_short=.",
            )
        self._check_conditions()

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses that it names."""
        if self.status is None:
            return ()
        return self.status if isinstance(self.status, tuple) else (self.status,)

    @property
    def is_about_counts(self) -> bool:
        """Whether it compares rows so far with a total, so that one answer alone cannot tell."""
        return self.is_total_changed or self.is_short

    def takes(self, status: int) -> bool:
        """Whether it is about an answer with this status."""
        return status in self.statuses if self.statuses else 200 <= status < 300

    def __str__(self) -> str:
        told = (
            f"status {' or '.join(map(str, self.statuses))}" if self.statuses else "",
            f"{self.at} is {self.equals!r}" if self.equals is not None else f"{self.at} is set" if self.at else "",
            f"the body holds {self.text!r}" if self.text else "",
            "the total changed" if self.is_total_changed else "",
            "rows are missing at the end" if self.is_short else "",
        )
        return " and ".join(part for part in told if part)

    def _check_conditions(self) -> None:
        if any(not 100 <= status <= 599 or 300 <= status < 400 for status in self.statuses):
            raise ConfigError(
                f"ResponseAction(status={self.status!r}) is no status of an answer; redirects are followed."
            )
        if self.equals is not None and not self.at:
            raise ConfigError(
                f"ResponseAction(equals={self.equals!r}) does not say where that stands.", hint="Give at=, a JMESPath."
            )
        if self.is_about_counts and self.action == "ignore":
            raise ConfigError(
                f"ResponseAction('ignore') where {self} would take missing rows for none.",
                hint="Use 'refresh', 'retry' or 'fail'.",
            )
