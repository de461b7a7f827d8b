"""What a run is found by in the UI: its dataset, owner, cadence and stage, wherever it was started from."""

from uuid import UUID

from prefect import runtime

from blocks.runs import add_tags
from esteira.contract import Dataset


def tag_run(stage: str, dataset: Dataset | None = None, *, cadence: str = "") -> None:
    """Add tags to the flow run.

    Runs of tasks get none: for each of theirs Prefect asks the server for a slot of a concurrency limit of that name.

    Args:
        stage: The environment.
        dataset: Whose run it is; None for a run over several.
        cadence: Of a run over several.
    """
    wanted = {"dataset": dataset.name if dataset else "", "owner": dataset.owner if dataset else ""}
    wanted |= {"cadence": dataset.cadence if dataset else cadence, "stage": stage}
    tags = [f"{name}:{value}" for name, value in wanted.items() if value]
    run = runtime.flow_run.id
    if run is not None:
        add_tags(UUID(str(run)), tags)
