"""`make image` builds without an engine; what it builds runs as a plain user on a read-only disk. Needs root on Debian."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.ports import Ports
from local.stack import Stack, StackConfig, running

ROOT = Path(__file__).resolve().parents[2]
REGISTRY_BASE = "docker.io/library/python:3.11-slim-bookworm"
BOOTSTRAP_PACKAGES = "python3,python3-venv,ca-certificates"
NEEDED = ("buildah", "debootstrap")
PULL_SECONDS = 120
BUILD_SECONDS = 1500
REVISION = "0123456789ab"
MOST_BYTES = 900 * 1000**2
_READ_ONLY = """
[ -e "$ROOT/etc/hosts" ] || : > "$ROOT/etc/hosts"
mount --bind "$ROOT" "$ROOT" && mount -o remount,bind,ro "$ROOT"
mount -t tmpfs -o mode=0755,uid=10001,gid=10001 tmpfs "$ROOT/home/esteira"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mount --rbind /dev "$ROOT/dev" && mount --rbind /proc "$ROOT/proc" && mount --bind /etc/hosts "$ROOT/etc/hosts"
if [ -n "$GIVEN" ]; then mkdir "$ROOT/home/esteira/given" && mount --bind "$GIVEN" "$ROOT/home/esteira/given"; fi
exec chroot --userspec=10001:10001 "$ROOT" env -i "$@"
"""
"""What the task definition says: the image's root read-only, and its two volumes writable."""

pytestmark = [pytest.mark.image, pytest.mark.xdist_group("image")]


@dataclass(frozen=True)
class Buildah:
    """buildah with a store of its own."""

    command: Sequence[str]
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, timeout_seconds: int = BUILD_SECONDS, is_checked: bool = True) -> str:
        """Run it; returns what it printed, nothing when it failed and that was allowed."""
        done = subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
        if is_checked and done.returncode != 0:
            pytest.fail(f"{' '.join(arguments)[:200]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout if done.returncode == 0 else ""


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

    run = Buildah(["buildah", "--root", f"{store}/root", "--runroot", f"{store}/run"], environment)
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
    said = {"IMAGE": "localhost/esteira", "BASE_IMAGE": base, "REVISION": REVISION, "BUILDAH_ARGS": " ".join(mounts)}
    command = [
        "make",
        "--silent",
        "image",
        f"BUILDAH={' '.join(buildah.command)}",
        *(f"{name}={value}" for name, value in said.items()),
    ]
    # Where there is an engine too, the one that the other tests look into is meant.
    path = buildah.environment["PATH"]
    without_engine = {**buildah.environment, "DOCKER_HOST": "unix:///nowhere", "PATH": path}
    done = subprocess.run(
        command, cwd=ROOT, env=without_engine, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return buildah("from", "localhost/esteira").strip()


@dataclass(frozen=True)
class ReadOnly:
    """The image as ECS runs it."""

    root: Path
    environment: Mapping[str, str]

    def start(
        self, *command: str, given: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command; `given` is seen at /home/esteira/given."""
        variables = [f"{name}={value}" for name, value in {**self.environment, **(env or {})}.items()]
        outside = {
            **os.environ,
            "ROOT": str(self.root),
            "GIVEN": str(given or ""),
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        }
        wrapped = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-ec",
            _READ_ONLY,
            "sh",
            *variables,
            *command,
        ]
        return subprocess.Popen(wrapped, env=outside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *command: str, given: Path | None = None, env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run a command to its end; returns its exit code and what it printed."""
        with self.start(*command, given=given, env=env) as process:
            out, _ = process.communicate(timeout=300)
        return process.returncode, out


@pytest.fixture(scope="module")
def read_only(buildah: Buildah, container: str) -> ReadOnly:
    """The image's files, and the environment that it declares."""
    config = json.loads(buildah("inspect", "--type", "image", "localhost/esteira"))["OCIv1"]["config"]
    return ReadOnly(Path(buildah("mount", container).strip()), dict(each.partition("=")[::2] for each in config["Env"]))


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


def test_the_image_is_labelled_small_and_names_what_it_writes_to(buildah: Buildah, read_only: ReadOnly) -> None:
    config = json.loads(buildah("inspect", "--type", "image", "localhost/esteira"))["OCIv1"]["config"]
    assert config["Labels"]["org.opencontainers.image.revision"] == REVISION
    assert {"title", "description", "licenses", "version"} <= {name.rpartition(".")[2] for name in config["Labels"]}
    assert (config["User"], set(config["Volumes"])) == ("10001:10001", {"/home/esteira", "/tmp"})
    used = subprocess.run(
        ["du", "--summarize", "--block-size=1", str(read_only.root)], capture_output=True, text=True, check=True
    )
    size = int(used.stdout.split()[0])
    print(f"image: {size / 1000**2:.0f} MB")
    assert size <= MOST_BYTES, f"{size / 1000**2:.0f} MB"


def test_there_are_no_build_tools_in_the_image(read_only: ReadOnly) -> None:
    for tool in ("gcc", "cc", "make", "git", "curl"):
        code, _ = read_only.run("sh", "-c", f"command -v {tool}")
        assert code != 0, f"{tool} is in the image."


def test_on_a_read_only_root_only_the_volumes_take_a_file(read_only: ReadOnly) -> None:
    tried = "for f in /app /opt/venv /etc /var/tmp $HOME $PREFECT_HOME /tmp; do mkdir -p $f 2>/dev/null; (: > $f/x) 2>/dev/null && echo $f; done; true"
    code, out = read_only.run("sh", "-c", tried)
    assert (code, out.split()) == (0, ["/home/esteira", "/home/esteira/.prefect", "/tmp"]), out


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything that a run needs, outside of the container."""
    with running(StackConfig(state=tmp_path_factory.mktemp("stack"), ports=Ports.free(), flights_limit=50)) as stack:
        yield stack


@pytest.fixture(scope="module")
def inside(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """What the stack hands its clients, as files and variables for a container."""
    folder, variables = tmp_path_factory.mktemp("given"), dict(stack.env)
    del variables["PREFECT_HOME"]
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "SSL_CERT_FILE"):
        shutil.copy(variables[name], folder / name)
        (folder / name).chmod(0o644)
        variables[name] = f"/home/esteira/given/{name}"
    folder.chmod(0o755)
    return folder, variables


def test_a_flow_loads_a_table_from_inside_the_image(
    read_only: ReadOnly, stack: Stack, inside: tuple[Path, dict[str, str]]
) -> None:
    prepared = subprocess.run(
        [sys.executable, "-c", "from cli.stack import prepare_prefect; prepare_prefect()"],
        cwd=ROOT, env=stack.client_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert prepared.returncode == 0, prepared.stderr
    code, out = read_only.run("esteira", "ingest", "airlines", "--json", given=inside[0], env=inside[1])
    assert code == 0, out
    assert '"extracted": 16' in out, out


def test_a_container_ends_at_once_and_cleanly_when_it_is_stopped(read_only: ReadOnly) -> None:
    """StopTask and Spot send SIGTERM; that the run is planned again is shown in tests/deployments."""
    script = "import time; print('up', flush=True); time.sleep(60)"
    with read_only.start("python", "-c", script) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert time.monotonic() - started < 5


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
