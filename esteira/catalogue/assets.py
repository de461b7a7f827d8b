"""BI assets by name, from the folder `assets/` beside the contracts; one file for each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from esteira.catalogue.contracts import load_catalogue
from esteira.catalogue.definitions import Kind, files_of, read_definition
from esteira.contract import Asset, Dataset
from esteira.errors import ConfigError

FOLDER = "assets"
_ASSET = Kind(Asset, "ASSET", "Asset({name!r}, ...)", "_esteira_assets", "a BI asset")


def has_assets(folder: Path) -> bool:
    """Whether a folder of contracts has any; reads none of them."""
    return bool(files_of(folder / FOLDER))


@lru_cache(maxsize=8)
def load_assets(folder: Path) -> dict[str, Asset]:
    """All assets of a folder of contracts, by name; empty where there are none.

    Raises:
        ConfigError: A file is wrong, or needs a dataset that is no contract; names it.
    """
    found = {path.stem: read_definition(path, _ASSET) for path in files_of(folder / FOLDER)}
    catalogue = load_catalogue(folder) if found else {}
    for asset in found.values():
        _check(asset, catalogue)
    return found


def find_asset(folder: Path, name: str) -> Asset:
    """One asset.

    Raises:
        ConfigError: There is none of this name; lists those that are.
    """
    assets = load_assets(folder)
    if name not in assets:
        known = ", ".join(assets) or "none"
        raise ConfigError(
            f"There is no BI asset {name!r}; {folder / FOLDER} has {known}.",
            hint="Correct the name, or write the file: docs/bi/connect.md shows one.",
        )
    return assets[name]


def _check(asset: Asset, catalogue: Mapping[str, Dataset]) -> None:
    if asset.name in catalogue:
        raise ConfigError(
            f"Asset {asset.name} has the name of a dataset.",
            dataset=asset.name,
            hint="Give it another: both stand in messages.",
        )
    for name in asset.needs:
        if name not in catalogue or catalogue[name].retired:
            what = "is retired" if name in catalogue else "is no contract"
            raise ConfigError(
                f"Asset {asset.name} needs {name}, which {what}.", dataset=asset.name, hint="Correct its `needs`."
            )
