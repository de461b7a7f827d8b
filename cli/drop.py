"""`esteira drop`: a file from this machine into the inbox, as a person's own S3 client would put it there."""

from __future__ import annotations

from pathlib import Path

import click

from cli.running import run


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dataset", "name", required=True, help="Whose it is: the folder of the inbox.")
@click.option("--datasets", "folder", type=click.Path(path_type=Path), help="Folder of contracts.")
@click.pass_obj
def drop(is_debug: bool, file: Path, *, name: str, folder: Path | None) -> None:  # noqa: FBT001 - click's object
    """Put FILE into the inbox of a dataset. Nothing is read of it here: whether it can be taken, loading it says."""

    def command() -> int:
        return drop_file(file, name)

    run(command, is_debug=is_debug, folder=folder, as_json=False)


def drop_file(file: Path, name: str) -> int:
    """Upload it, unless its name or size says that it would come back.

    Raises:
        ConfigError: The dataset takes no dropped files.
        SpreadsheetError: The file would be given back by its name or size.
    """
    from esteira.catalogue import find_dataset
    from esteira.errors import ConfigError, SpreadsheetError
    from esteira.lake.inbox import DropZone
    from esteira.reception.routing import refusal_by_name, takes_files
    from esteira.settings import read_settings

    settings = read_settings()
    dataset = find_dataset(settings.datasets, name)
    if not takes_files(dataset):
        raise ConfigError(
            "It takes no dropped files.",
            dataset=name,
            hint="Give the name of a dataset with source=SpreadsheetSource(origin=Inbox()).",
        )
    refusal = refusal_by_name(dataset, file.name, file.stat().st_size)
    if refusal is not None:
        raise SpreadsheetError(refusal.sentence, dataset=name, hint="Nothing was uploaded. Correct it and try again.")
    zone = DropZone.under(settings.lake_bucket, settings.drop_profile)
    key = zone.put(file, name)
    click.echo(f"{file.name} ({file.stat().st_size:,} bytes) waits in s3://{settings.lake_bucket}/{key}")
    click.echo(f"Next: `esteira ingest {name}` takes it now; on AWS its arrival starts the deployment `inbox`.")
    return 0
