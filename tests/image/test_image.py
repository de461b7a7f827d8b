"""The Dockerfile builds without an engine, and what it builds starts as a plain user. Needs root on Debian."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REGISTRY_BASE = "docker.io/library/python:3.11-slim-bookworm"
BOOTSTRAP_PACKAGES = "python3,python3-venv,ca-certificates"
NEEDED = ("buildah", "debootstrap")
PULL_SECONDS = 120
BUILD_SECONDS = 1500

pytestmark = [pytest.mark.image, pytest.mark.xdist_group("image")]

Buildah = Callable[..., str]


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """buildah with a store of its own, which is gone afterwards."""
    assert os.geteuid() == 0, "Building an image without an engine needs root: run `make test-image` as root."
    _install_packages()
    store = tmp_path_factory.mktemp("store")
    environment = {
        **os.environ,
        "STORAGE_DRIVER": "vfs",
        "BUILDAH_ISOLATION": "chroot",
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",  # debootstrap and chroot are there
    }

    def run(*arguments: str, timeout_seconds: int = BUILD_SECONDS, is_checked: bool = True) -> str:
        command = ["buildah", "--root", f"{store}/root", "--runroot", f"{store}/run", *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
        if is_checked and done.returncode != 0:
            pytest.fail(f"{' '.join(arguments)[:200]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout if done.returncode == 0 else ""

    yield run
    run("rm", "--all", is_checked=False)
    run("rmi", "--all", "--force", is_checked=False)
    shutil.rmtree(store, ignore_errors=True)


@pytest.fixture(scope="module")
def base(buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The base image: from the registry, or made with debootstrap where none can be reached."""
    # Where no registry can be reached, one network answers with an error and another with silence; both mean: make it here.
    with suppress(subprocess.TimeoutExpired):
        if buildah("pull", "--quiet", REGISTRY_BASE, timeout_seconds=PULL_SECONDS, is_checked=False):
            return REGISTRY_BASE
    tree = tmp_path_factory.mktemp("base")
    bootstrap = ["debootstrap", "--variant=minbase", f"--include={BOOTSTRAP_PACKAGES}", "bookworm", str(tree)]
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    subprocess.run(bootstrap, env={**os.environ, "PATH": path}, capture_output=True, timeout=600, check=True)
    container = buildah("from", "scratch").strip()
    buildah("add", "--quiet", container, str(tree), "/")
    buildah("commit", "--quiet", "--rm", container, "localhost/base")
    shutil.rmtree(tree)
    return "localhost/base"


@pytest.fixture(scope="module")
def container(buildah: Buildah, base: str) -> str:
    """A container of the image that the Dockerfile describes."""
    # pip inside uses what pip outside uses: the same certificates, and the same configuration where there is one.
    mounts = [f"--volume={path}:{path}:ro" for path in ("/etc/ssl/certs", "/etc/pip.conf") if Path(path).exists()]
    arguments = ["--build-arg", f"BASE_IMAGE={base}", *mounts, "--tag", "localhost/esteira", str(ROOT)]
    buildah("build", "--quiet", "--format", "docker", *arguments)
    return buildah("from", "localhost/esteira").strip()


def test_the_command_starts_as_a_plain_user(buildah: Buildah, container: str) -> None:
    assert buildah("run", container, "--", "id", "-u").strip() == "10001"
    assert "ingest" in buildah("run", container, "--", "esteira", "--help")


def test_prefect_starts_where_only_its_home_is_writable(buildah: Buildah, container: str) -> None:
    assert "3.8." in buildah("run", container, "--", "prefect", "--version")
    writable = "test -w $PREFECT_HOME && test -w $HOME && ! test -w /app && ! test -w /opt/venv && echo yes"
    assert buildah("run", container, "--", "sh", "-c", writable).strip() == "yes"


def test_a_stopped_task_is_rescheduled(buildah: Buildah, container: str) -> None:
    value = buildah("run", container, "--", "sh", "-c", "echo $PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR")
    assert value.strip() == "reschedule"


def test_nothing_of_the_laptop_or_the_tests_is_in_the_image(buildah: Buildah, container: str) -> None:
    present = set(buildah("run", container, "--", "ls", "-A", "/app").split())
    assert {"esteira", "flows", "tasks", "blocks", "datasets", "cli"} <= present
    assert not present & {"local", "tests", "infra", ".git", ".venv", ".esteira"}


def test_the_flows_can_be_imported(buildah: Buildah, container: str) -> None:
    code = "import flows.daily, flows.ingest, deployments; print('imported')"
    assert buildah("run", container, "--", "python", "-c", code).strip() == "imported"


def _install_packages() -> None:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in NEEDED if not shutil.which(name, path=path)]
    if not missing:
        return
    assert shutil.which("apt-get"), (
        f"{', '.join(missing)} is missing, and this is not Debian: install it and run again."
    )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, capture_output=True, timeout=300, check=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(install, env=quiet, capture_output=True, timeout=600, check=True)
