"""The pictures of the docs: `make screens` runs the real datasets for a few days on a stack of its own, and photographs their pages and a run form.

`python -m tests.browser.screens --url ADDRESS` photographs those of a stack that runs already.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from local.ports import Ports
from local.stack import Stack, StackConfig, running
from tests.browser.chromium import Page, fresh_page, install_packages

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "docs/assets"
DAYS = [f"2013-12-{day}T06:00Z" for day in (19, 20, 21, 22, 23, 24, 26, 28, 31)]
QUALITY = 82
RUN_SECONDS = 900
BARELY = "document.styleSheets[0].insertRule('::-webkit-scrollbar { display: none }')"
_RUNS = """
import json, sys
from pathlib import Path
from cli.main import main
from cli.stack import prepare_stack
prepare_stack(Path(sys.argv[2]))
for command in json.loads(sys.argv[1]):
    sys.argv[1:] = command
    try:
        main()
    except SystemExit as end:
        assert end.code in (0, None), command
"""


@dataclass(frozen=True)
class Shot:
    """One picture: of which page, in which clothes, and which part of it."""

    name: str
    path: str
    language: str
    width: int
    height: int
    is_dark: bool = False
    anchor: str = ""
    after: str = ""
    """What must be readable first, on a page that draws itself."""


SHOTS = (
    Shot("report-batch", "flights/latest.html", "en", 1120, 1240),
    Shot("report-columns", "flights/latest.html", "pt-BR", 1120, 1000, anchor="columns"),
    Shot("report-trends", "flights/latest.html", "en", 1120, 1120, anchor="trends", is_dark=True),
    Shot("report-phone", "weather/2013-01-01_2013-07-04-c1b2fe83/1.html", "pt-BR", 390, 844),
    Shot(
        "report-phone-dark",
        "weather/2013-01-01_2013-07-04-c1b2fe83/1.html",
        "en",
        390,
        844,
        is_dark=True,
        anchor="rules",
    ),
    Shot("report-catalogue", "index.html", "pt-BR", 1120, 1100),
)


_DEPLOYED = """
import sys
from cli.main import main
sys.argv[1:] = ["deploy"]
try:
    main()
except SystemExit as end:
    assert end.code in (0, None)
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    print(client.read_deployment_by_name("ingest/ingest").id)
"""

_NEWEST = """
import json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    made = [each for each in client.read_artifacts() if each.key in ("flights-summary", "latest-flights")]
newest = {each.key: each for each in sorted(made, key=lambda each: each.created)}
print(json.dumps({"run": str(newest["latest-flights"].flow_run_id)} | {key: str(each.id) for key, each in newest.items()}))
"""


def main() -> None:
    """Run unless a stack is named, photograph, write docs/assets/*.webp."""
    parser = argparse.ArgumentParser(prog="tests.browser.screens")
    parser.add_argument("--url", help="Where a running stack serves its pages.")
    url = parser.parse_args().url
    install_packages()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the database's own user must reach its folder
        if url:
            _photograph(Path(folder), url)
            return
        with running(StackConfig(Path(folder) / "stack", Ports.free(), with_dashboard=True)) as stack:
            _run(stack)
            photograph_dashboard(Path(folder), stack)
            _photograph(Path(folder), stack.env["ESTEIRA_REPORT_URL"])
            _photograph_form(Path(folder), stack)
            photograph_runs(Path(folder), stack)


def _photograph(folder: Path, url: str) -> None:
    with fresh_page(folder) as page:
        for shot in SHOTS:
            _take(page, url, shot)


def _photograph_form(folder: Path, stack: Stack) -> None:
    address = f"{stack.env['PREFECT_UI_URL']}/{run_form(stack)}"
    with fresh_page(folder) as page:
        _take(page, address.rsplit("/", 1)[0], Shot("run-form", "run", "en", 1120, 900, after="Name of the contract."))


def photograph_dashboard(folder: Path, stack: Stack) -> None:
    """The end of the pipe, with a year of flights."""
    with fresh_page(folder) as page:
        _take(page, stack.env["ESTEIRA_DASHBOARD_URL"], Shot("dashboard", "", "en", 1280, 1580, after="Weather"))


def photograph_runs(folder: Path, stack: Stack) -> None:
    """The newest run of flights that loaded something, its artifact, and how the dataset stands."""
    found = json.loads(_python(stack, _NEWEST))
    shots = (
        Shot("ui-run", f"runs/flow-run/{found['run']}", "en", 1280, 900, after="Task Runs"),
        Shot("ui-summary", f"artifacts/artifact/{found['flights-summary']}", "en", 1120, 900, after="Quality page"),
        Shot("ui-latest", f"artifacts/artifact/{found['latest-flights']}", "en", 1120, 760, after="rows/s"),
    )
    for shot in shots:
        with fresh_page(folder) as page:
            _take(page, stack.env["PREFECT_UI_URL"], shot)


def run_form(stack: Stack) -> str:
    """Deploy everything; the path of the form that starts an ingestion."""
    return f"deployments/deployment/{_python(stack, _DEPLOYED).split()[-1]}/run"


def _python(stack: Stack, code: str) -> str:
    command, environment = [sys.executable, "-c", code], stack.client_environment()
    done = subprocess.run(
        command, env=environment, cwd=ROOT, timeout=RUN_SECONDS, check=True, capture_output=True, text=True
    )
    return done.stdout


def _run(stack: Stack) -> None:
    commands = json.dumps([["ingest", "--all", "--as-of", day] for day in DAYS])
    subprocess.run(
        [sys.executable, "-c", _RUNS, commands, stack.state],
        env=stack.client_environment(),
        cwd=ROOT,
        timeout=RUN_SECONDS,
        check=True,
    )


def _take(page: Page, address: str, shot: Shot) -> None:
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if shot.is_dark else "light"}]
    shape = {"width": shot.width, "height": shot.height, "deviceScaleFactor": 1.5, "mobile": shot.width < 500}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
    page.open(f"{address}/{shot.path}?lang={shot.language}")
    page.wait_for(shot.after)
    page.driver.execute_script(BARELY)
    page.driver.execute_script(
        "document.documentElement.style.scrollBehavior = 'auto'; document.getElementById(arguments[0])?.scrollIntoView()",
        shot.anchor,
    )
    picture = Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB")
    path = ASSETS / f"{shot.name}.webp"
    picture.save(path, "WEBP", quality=QUALITY, method=6)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
