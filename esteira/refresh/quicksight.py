"""A SPICE dataset of QuickSight. The ingestion's id is the order's key, so that asking twice is one ingestion.

boto3 rather than awswrangler.quicksight: the same three requests, with an id of ours and without looking datasets up by name, which would
need a permission on all of them. https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateIngestion.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from esteira.aws import aws_client, login_error
from esteira.contract import QuickSightIngestion
from esteira.errors import AuthError, LakeUnavailable
from esteira.refresh.progress import Order, Progress, State, Unsupported, told

_STATES: dict[str, State] = {
    "INITIALIZED": "running", "QUEUED": "running", "RUNNING": "running", "COMPLETED": "done", "FAILED": "failed", "CANCELLED": "cancelled",
}  # fmt: skip
_DENIED = frozenset({"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"})
_REFUSED = frozenset({"LimitExceededException", "InvalidParameterValueException", "ResourceNotFoundException"})
THROTTLED_SECONDS = 60.0
"""boto3 has waited by itself before it says so."""


class Spice:
    """One SPICE dataset.

    Args:
        wanted: Which.
    """

    def __init__(self, wanted: QuickSightIngestion) -> None:
        self._wanted = wanted
        self._region, self._account, self._dataset = wanted.place

    def start(self, order: Order) -> Progress:
        """One PUT; an ingestion of this id that is there already is the order's own."""
        kind = "INCREMENTAL_REFRESH" if self._wanted.is_incremental else "FULL_REFRESH"
        answer = self._ask("create_ingestion", order.key, IngestionType=kind)
        if isinstance(answer, str):
            return self.poll(order.key)
        if isinstance(answer, Progress):
            return answer
        return Progress(_STATES.get(answer["IngestionStatus"], "running"), order.key)

    def poll(self, id_: str) -> Progress:
        """Its status, and what it failed of."""
        answer = self._ask("describe_ingestion", id_)
        if isinstance(answer, Progress):
            return Progress("unknown", id_, answer.code, answer.reason)
        if isinstance(answer, str):
            return Progress("unknown", id_, answer)
        found, problem = answer["Ingestion"], answer["Ingestion"].get("ErrorInfo") or {}
        state = _STATES.get(found["IngestionStatus"], "unknown")
        return Progress(state, id_, told(problem.get("Type")), told(problem.get("Message")))

    def cancel(self, id_: str) -> Progress | Unsupported:
        """One DELETE; the ingestion says afterwards whether it was in time."""
        self._ask("cancel_ingestion", id_)
        return self.poll(id_)

    def limit(self) -> int | None:
        """As the contract says, by the account's edition."""
        return self._wanted.limit

    def close(self) -> None:
        """Nothing to give back: the AWS client is shared by the whole process."""

    def _ask(self, verb: str, id_: str, **more: str) -> dict[str, Any] | Progress | str:
        """The answer; a refusal; or the word for that it is there already.

        Raises:
            AuthError: We may not.
            LakeUnavailable: AWS does not answer.
        """
        where = {"AwsAccountId": self._account, "DataSetId": self._dataset, "IngestionId": id_}
        try:
            return dict(getattr(aws_client("quicksight", _of_region(self._region)), verb)(**where, **more))
        except ClientError as exc:
            return self._refusal(exc, verb)
        except BotoCoreError as exc:
            raise (login_error(exc) or LakeUnavailable(f"QuickSight does not answer for {verb}: {exc}.")) from exc

    def _refusal(self, exc: ClientError, verb: str) -> Progress | str:
        code, text = str(exc.response["Error"]["Code"]), exc.response["Error"].get("Message")
        if code in _DENIED:
            action = "".join(part.title() for part in verb.split("_"))
            raise AuthError(
                f"quicksight:{action} on {self._wanted.dataset_arn} is denied ({code}).",
                hint="Add the ARN to QuickSightDatasetArns of infra/access.yaml (docs/bi/connect.md), and deploy it.",
            ) from exc
        if code == "ResourceExistsException":
            return code
        if code == "ThrottlingException":
            return Progress("refused", "", code, told(text), THROTTLED_SECONDS)
        if code in _REFUSED:
            return Progress("refused", "", code, told(text))
        raise LakeUnavailable(f"QuickSight answered {code} for {verb} of {self._wanted.dataset_arn}.") from exc


@cache
def _of_region(region: str) -> Config:
    """One object for each region: clients are kept by it."""
    return Config(region_name=region)
