"""`python -m infra.deploy diff|apply|destroy|check --stage dev [--yes] [--set NAME=VALUE]`; `make aws-deploy` and its kin call it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infra.deploy.account import Account
from infra.deploy.person import steps
from infra.deploy.problem import DeployError
from infra.deploy.stage import Stage, read_stage
from infra.deploy.template import INFRA

_PERSON_NEEDED, _INTERRUPTED = 3, 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Exit codes: 0 done, 2 usage, 3 something is left for a person, 75 AWS, 77 rights or login, 78 what was asked for, 130 interrupted.
    """
    asked = _parser().parse_args(arguments)
    try:
        return _run(asked)
    except DeployError as exc:
        print(f"{exc.message}\n  {exc.hint}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print(
            "Interrupted. AWS finishes the change that it had begun; the same command goes on from there.",
            file=sys.stderr,
        )
        return _INTERRUPTED


def _run(asked: argparse.Namespace) -> int:
    stage = read_stage(asked.stage, dict(asked.set), asked.folder)
    if asked.command == "check":
        return _check(stage)
    account = Account(stage, _tell)
    confirm = _yes if asked.yes else _ask
    if asked.command == "diff":
        account.diff()
    elif asked.command == "apply":
        account.apply(confirm)
    else:
        account.destroy(confirm)
    return 0


def _check(stage: Stage) -> int:
    found = steps(stage)
    for each in found:
        _tell(f"{each.name}: {each.missing or 'done'}")
    return _PERSON_NEEDED if any(each.missing for each in found) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.deploy", description="What infra/ describes, and an AWS account."
    )
    parser.add_argument("command", choices=["diff", "apply", "destroy", "check"])
    parser.add_argument("--stage", required=True, help="a file of infra/stages/")
    parser.add_argument("--yes", action="store_true", help="run what is shown without asking")
    parser.add_argument("--folder", type=Path, default=INFRA, help="of templates and stages, when not infra/")
    parser.add_argument("--set", action="append", type=_pair, default=[], metavar="NAME=VALUE", help="a parameter")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _tell(line: str) -> None:
    print(line, flush=True)


def _yes(question: str) -> bool:
    del question  # was answered on the command line
    return True


def _ask(question: str) -> bool:
    """The answer of who sits there; where nobody does, no."""
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


if __name__ == "__main__":
    sys.exit(main())
