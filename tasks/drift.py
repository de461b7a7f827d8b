"""What ops see of drift: log lines, an artifact with the patch, and an event when a column is new."""

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from esteira.alerts.message import Notice, without_values
from esteira.contract import Dataset
from esteira.drift.report import drift_of
from esteira.errors import ContractError
from esteira.lake import Lake, Seal
from tasks.notices import beside_the_work, notify, with_links

DRIFTED = "esteira.dataset.drifted"
"""The portal has a column that the contract does not know; the batch is loaded without it. Told once for each column.

Payload: columns, patch.
"""


def tell_new_columns(dataset: Dataset, seal: Seal, lake: Lake) -> None:
    """Say between which batches columns came that this batch was curated without; nothing where there are none, or the contract ignores them."""
    found = drift_of(dataset, seal, lake) if dataset.new_columns == "warn" else None
    if found is None:
        return
    sentences = list(found.sentences())
    for sentence in sentences:
        get_run_logger().warning("%s %s: %s", seal.dataset, seal.batch, sentence)
    _put_artifact(dataset.name, seal.batch, sentences, found.patch)
    came = [each.source for each, since in zip(found.findings, found.since, strict=True) if since.first is None]
    if came:
        _notify(dataset, seal.batch, sentences, came, found.patch)


def _notify(dataset: Dataset, batch: str, sentences: list[str], came: list[str], patch: str) -> None:
    notice = Notice(
        f"{dataset.name} drifted: {', '.join(came)} is new", dataset.name, batch, what=without_values(" ".join(sentences), dataset), owner=dataset.owner, patch=patch,
        cause="The portal added a column. The batch is loaded without it, and raw has it.",
        next_step=f"`esteira drift {dataset.name} --patch | git apply` takes it over; answer the descriptions.",
    )  # fmt: skip
    with beside_the_work(f"the drift of {dataset.name}"):
        notify(DRIFTED, with_links(notice, "contracterror"), None, columns=came, patch=patch)


def show_drift(error: ContractError, dataset: Dataset) -> None:
    """The patch of a batch that drift stopped, beside the failed run; its message is the run's state already."""
    if error.patch:
        _put_artifact(dataset.name, error.batch or "", [error.message], error.patch)


def _put_artifact(dataset: str, batch: str, sentences: list[str], patch: str) -> None:
    """Prefect allows lower-case letters, digits and dashes in a key."""
    text = drift_text(dataset, batch, sentences, patch)
    create_markdown_artifact(text, key=f"{dataset.replace('_', '-')}-drift", description=f"{dataset} {batch}: drift")


def drift_text(dataset: str, batch: str, sentences: list[str], patch: str) -> str:
    """The artifact's Markdown."""
    head = [f"# {dataset} {batch}: drift", "", *(f"- {sentence}" for sentence in sentences)]
    if not patch:
        return "\n".join(head)
    take = f"`esteira drift {dataset} --patch | git apply` takes it over. Read what it writes, and answer the descriptions."
    return "\n".join([*head, "", take, "", "```diff", patch.rstrip("\n"), "```"])
