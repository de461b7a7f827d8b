"""A stage in an account: all its stacks compared, applied, destroyed, and each step told as it happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import boto3

from infra.deploy import code
from infra.deploy.problem import DeployError, translated
from infra.deploy.stack import Change, Stack
from infra.deploy.stage import Stage, missing_parameters, parameters_of
from infra.deploy.template import Template
from infra.package import package

LAKE = "lake"
"""Is never destroyed by a command: it is the only copy of what portals answered."""
_CODE = frozenset({"CodeBucket", "CodeKey"})
_EMPTIED = frozenset({"CodeBucket", "DeliveryBucket", "DocsBucket"})
"""What lies in these was made from the repository; a bucket that holds anything cannot be deleted."""
_SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<"}
_ANEW = {"True": "  (made anew)", "Conditional": "  (may be made anew)"}
Tell = Callable[[str], None]
Confirm = Callable[[str], bool]


class Account:
    """One account and region, through which one stage is looked at.

    Args:
        stage: What is wanted.
        tell: Takes each line.
        session: Of the account; the environment's when None.
    """

    def __init__(self, stage: Stage, tell: Tell, session: boto3.Session | None = None) -> None:
        session = session or boto3.Session(region_name=stage.region)
        self._stage = stage
        self._tell = tell
        self._cloudformation = session.client("cloudformation", region_name=stage.region)
        self._s3 = session.client("s3", region_name=stage.region)

    def diff(self) -> int:
        """Tell what applying would do; changes nothing. Returns how many stacks would change."""
        outputs: dict[str, str] = {}
        changed = 0
        for template in self._stage.templates:
            stack = self._stack(template)
            with translated(f"stack {stack.name}"):
                changed += self._compare(stack, template, outputs)
                outputs |= stack.outputs()
        self._tell(
            f"{changed} of {len(self._stage.templates)} stacks would change." if changed else "Nothing would change."
        )
        return changed

    def apply(self, confirm: Confirm) -> int:
        """Bring every stack to what its template says; returns how many changed.

        Args:
            confirm: Asked before each change set runs.

        Raises:
            DeployError: Names what stopped it; what was done stands, and the same command goes on.
        """
        outputs: dict[str, str] = {}
        changed = 0
        for template in self._stage.templates:
            stack = self._stack(template)
            with translated(f"stack {stack.name}"):
                self._mend(stack)
                changed += self._apply(stack, template, self._given(template, outputs, is_stored=True), confirm)
                outputs |= stack.outputs()
        for name, value in sorted(outputs.items()):
            self._tell(f"  {name} = {value}")
        self._tell(f"{changed} of {len(self._stage.templates)} stacks changed." if changed else "Nothing changed.")
        return changed

    def destroy(self, confirm: Confirm) -> int:
        """Delete every stack but the lake's, the last one first; returns how many were there.

        Args:
            confirm: Asked once, before the first.

        Raises:
            DeployError: The stage is protected, or something in it cannot be deleted.
        """
        if self._stage.is_protected:
            raise DeployError(
                f"Stage {self._stage.name} is protected.",
                f"If it is really to go, take is_protected out of {self._stage.file}.",
            )
        with translated(f"stage {self._stage.name}"):
            stacks = [(t, self._stack(t)) for t in reversed(self._stage.templates) if t.name != LAKE]
            there = [(template, stack) for template, stack in stacks if stack.status()]
            if there and not confirm(
                f"Delete {', '.join(stack.name for _, stack in there)}, with their images, logs and tables?"
            ):
                raise DeployError("Nothing was deleted.", "Answer y, or add --yes (`make ... YES=1`).")
        for template, stack in there:
            self._delete(template, stack)
        self._tell(f"{len(there)} stacks deleted." if there else "Nothing to delete.")
        self._tell_what_stays()
        return len(there)

    def _stack(self, template: Template) -> Stack:
        return Stack(self._cloudformation, f"esteira-{self._stage.name}-{template.name}", self._stage.all_tags())

    def _mend(self, stack: Stack) -> None:
        mended = stack.settle()
        if mended:
            self._tell(f"{stack.name}: was half created ({mended}); it is removed and made again")

    def _given(self, template: Template, outputs: Mapping[str, str], *, is_stored: bool) -> dict[str, str]:
        return parameters_of(self._stage, template, outputs, self._code(template, outputs, is_stored=is_stored))

    def _code(self, template: Template, outputs: Mapping[str, str], *, is_stored: bool) -> dict[str, str]:
        if not template.parameters.keys() >= _CODE or "CodeBucket" not in outputs:
            return {}
        packed = package()
        if is_stored:
            code.upload(self._s3, outputs["CodeBucket"], packed)
        return {"CodeKey": packed.key}

    def _compare(self, stack: Stack, template: Template, outputs: Mapping[str, str]) -> int:
        status = stack.status()
        if not stack.is_there():
            self._tell(f"{stack.name}: would be created" + (f" (half created now: {status})" if status else ""))
            self._tell_changes([Change("Add", name, kind) for name, kind in template.resources.items()])
            return 1
        change_set = stack.compare(template, self._checked(template, self._given(template, outputs, is_stored=False)))
        self._tell(f"{stack.name}: {'would change' if change_set.changes else 'unchanged'}")
        self._tell_changes(change_set.changes)
        stack.forget(change_set)
        return int(bool(change_set.changes))

    def _apply(self, stack: Stack, template: Template, given: Mapping[str, str], confirm: Confirm) -> int:
        change_set = stack.compare(template, self._checked(template, given))
        if not change_set.changes:
            stack.forget(change_set)
            self._tell(f"{stack.name}: unchanged")
            return 0
        self._tell(f"{stack.name}: {len(change_set.changes)} changes")
        self._tell_changes(change_set.changes)
        if not confirm(f"Change {stack.name}?"):
            stack.forget(change_set)
            raise DeployError(
                f"{stack.name} was not changed.",
                "Read what it would do, then answer y, or add --yes (`make ... YES=1`).",
            )
        stack.execute(change_set)
        self._tell(f"{stack.name}: done")
        return 1

    def _checked(self, template: Template, given: dict[str, str] | Mapping[str, str]) -> Mapping[str, str]:
        missing = missing_parameters(template, given)
        if missing:
            raise DeployError(
                f"infra/{template.name}.yaml needs {', '.join(missing)}, and no template before it has an output of that name.",
                f"Set it under `parameters` in {self._stage.file}, or add the template that makes it.",
            )
        return given

    def _delete(self, template: Template, stack: Stack) -> None:
        with translated(f"stack {stack.name}"):
            for bucket in stack.outputs().keys() & _EMPTIED:
                code.empty(self._s3, stack.outputs()[bucket])
            stack.delete()
        self._tell(f"{stack.name}: deleted")

    def _tell_what_stays(self) -> None:
        lake = Stack(self._cloudformation, f"esteira-{self._stage.name}-{LAKE}", [])
        with translated(f"stack {lake.name}"):
            bucket: Any = lake.outputs().get("LakeBucket")
        if bucket:
            self._tell(
                f"Kept: {lake.name} with the bucket {bucket}, its policy and its key: the only copy of what portals answered. "
                "docs/operations/aws.md says how a person deletes it."
            )

    def _tell_changes(self, changes: tuple[Change, ...] | list[Change]) -> None:
        for each in changes:
            self._tell(
                f"  {_SIGNS.get(each.action, '?')} {each.logical_id}  {each.kind}{_ANEW.get(each.replacement, '')}"
            )
