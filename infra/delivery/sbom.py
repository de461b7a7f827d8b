"""What is in an image, as CycloneDX: its Python distributions and its Debian packages, told by the image itself."""

from __future__ import annotations

import json
from typing import Any

FORMAT, VERSION = "CycloneDX", "1.5"
"""https://cyclonedx.org/docs/1.5/json/"""


def contents(pip_list: str, dpkg_list: str) -> dict[str, Any]:
    """The list.

    Args:
        pip_list: `pip list --format json`.
        dpkg_list: `dpkg-query -W`: name, version and architecture, by tabs.
    """
    python = [
        _component(each["name"], each["version"], f"pkg:pypi/{each['name'].lower()}@{each['version']}")
        for each in json.loads(pip_list)
    ]
    debian = [_debian(*line.split("\t")) for line in dpkg_list.splitlines() if line]
    return {"bomFormat": FORMAT, "specVersion": VERSION, "version": 1, "components": [*python, *debian]}


def _debian(name: str, version: str, architecture: str) -> dict[str, str]:
    return _component(name, version, f"pkg:deb/debian/{name}@{version}?arch={architecture}")


def _component(name: str, version: str, purl: str) -> dict[str, str]:
    return {"type": "library", "name": name, "version": version, "purl": purl}
