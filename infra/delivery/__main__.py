"""`python -m infra.delivery assume ROLE | smoke --stage dev | prefect --stage dev | scan IMAGE DIGEST | sbom PIP DPKG | licences LOCK | publish FOLDER --bucket B`; `make` targets and buildspecs call it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from infra.delivery import licences, prefect
from infra.delivery.login import exports
from infra.delivery.publish import publish
from infra.delivery.sbom import contents
from infra.delivery.scan import check
from infra.delivery.smoke import DEFAULT_COMMAND, run
from infra.deploy.problem import DeployError
from infra.deploy.stage import read_stage


def main() -> int:
    """Run the command.

    Exit codes: 0 done, 2 usage, 65 findings or a smoke run that failed, 75 AWS, 77 rights or login, 78 what was asked for.
    """
    asked = _parser().parse_args()
    try:
        return int(asked.run(asked))
    except DeployError as exc:
        print(f"{exc.message}\n  {exc.hint}", file=sys.stderr)
        return exc.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.delivery")
    commands = parser.add_subparsers(required=True)
    assume = commands.add_parser("assume", help="print what makes a shell another role")
    assume.add_argument("role")
    assume.set_defaults(run=_assume)
    smoke = commands.add_parser("smoke", help="run the deployed image once, in its cluster, and tell what it printed")
    smoke.add_argument("--stage", required=True)
    smoke.add_argument("command", nargs="*", default=list(DEFAULT_COMMAND))
    smoke.set_defaults(run=_smoke)
    told = commands.add_parser("prefect", help="tell the stage's Prefect what was delivered: `esteira deploy`")
    told.add_argument("--stage", required=True)
    told.set_defaults(run=_prefect)
    scan = commands.add_parser("scan", help="wait for the registry's scan; findings that are too severe are an error")
    scan.add_argument("image")
    scan.add_argument("digest")
    scan.set_defaults(run=_scan)
    sbom = commands.add_parser("sbom", help="a CycloneDX list of what is in an image")
    sbom.add_argument("pip", type=Path, help="what `pip list --format json` printed inside")
    sbom.add_argument("dpkg", type=Path, help="what `dpkg-query` printed inside: name, version, architecture by tabs")
    sbom.set_defaults(run=_sbom)
    licence = commands.add_parser(
        "licences", help="the licence of each package of a lock; one that we may not ship is an error"
    )
    licence.add_argument("lock", type=Path)
    licence.set_defaults(run=_licences)
    site = commands.add_parser("publish", help="make a bucket hold the built documentation, and nothing else")
    site.add_argument("folder", type=Path)
    site.add_argument("--bucket", required=True)
    site.add_argument("--distribution", default="", help="of CloudFront, which then forgets the pages before")
    site.set_defaults(run=_publish)
    return parser


def _assume(asked: argparse.Namespace) -> int:
    print(exports(asked.role))
    return 0


def _smoke(asked: argparse.Namespace) -> int:
    return run(read_stage(asked.stage, {}), asked.command, print)


def _prefect(asked: argparse.Namespace) -> int:
    return prefect.deploy(read_stage(asked.stage, {}), print)


def _scan(asked: argparse.Namespace) -> int:
    return check(asked.image, asked.digest, print)


def _sbom(asked: argparse.Namespace) -> int:
    print(json.dumps(contents(asked.pip.read_text(), asked.dpkg.read_text()), indent=1))
    return 0


def _licences(asked: argparse.Namespace) -> int:
    found = licences.licences(asked.lock.read_text(encoding="utf-8"))
    for line in licences.lines(found):
        print(line)
    return 65 if any(each.is_refused for each in found) else 0


def _publish(asked: argparse.Namespace) -> int:
    publish(asked.folder, asked.bucket, asked.distribution, print)
    return 0


if __name__ == "__main__":
    sys.exit(main())
