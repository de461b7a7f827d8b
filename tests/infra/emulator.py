"""`python -m tests.infra.emulator PORT DATA ROOT_FILE`: the laptop's AWS, with stand-ins for resource types that it does not know.

A stand-in records that its resource is there, so that a template which names one can be deployed with all that it knows; it does nothing else.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
from pathlib import Path
from typing import Any

from local.aws import gate
from local.aws.__main__ import configure, patch, serve

ACCOUNT, REGION = "000000000000", "us-east-1"
FULL = "esteira-full-"
"""Stacks of a stage for which the account has no addresses left."""


def _attributes(kind: str, name: str) -> dict[str, Any]:
    if kind == "AWS::RedshiftServerless::Workgroup":
        arn = f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/{uuid.uuid4()}"
        return {
            "Workgroup.WorkgroupArn": arn,
            "Workgroup.Endpoint.Address": f"{name}.{ACCOUNT}.{REGION}.redshift-serverless.amazonaws.com",
        }
    return {"Arn": f"arn:aws:standin:{REGION}:{ACCOUNT}:{name}", "AllocationId": f"eipalloc-{name}"}


STAND_INS = (
    "AWS::RedshiftServerless::Namespace", "AWS::RedshiftServerless::Workgroup", "AWS::EC2::EIP", "AWS::EC2::NatGateway",
    "AWS::Logs::QueryDefinition", "AWS::Budgets::Budget", "AWS::CloudWatch::CompositeAlarm", "AWS::IAM::OIDCProvider", "AWS::CodeConnections::Connection", "AWS::CodePipeline::Pipeline",
)  # fmt: skip


def _stand_in(kind: str) -> dict[str, Any]:
    def create(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        if kind == "AWS::EC2::EIP" and stack.startswith(FULL):
            raise ValueError("The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400)")
        name = next((str(v) for k, v in props.items() if k.endswith("Name")), f"{stack}-{logical_id}".lower())
        return name, _attributes(kind, name)

    def update(physical_id: str, _old: dict[str, Any], _new: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
        return physical_id, _attributes(kind, physical_id)

    return {"create": create, "update": update, "delete": lambda _physical_id, _props: None}


CONNECTION = {"Connection": {"ConnectionStatus": "PENDING"}}


def _change_gate() -> None:
    """A request with a header of ours counts as one in clear text, and every code connection waits for its handshake."""
    passed = gate.Gate.__call__

    async def call(self: gate.Gate, scope: gate.Scope, receive: gate.Receive, send: gate.Send) -> None:
        headers = dict(scope.get("headers", ()))
        if headers.get(b"x-amz-target", b"").endswith(b".GetConnection"):
            await gate._refuse(send, json.dumps(CONNECTION).encode(), 200)
        elif b"x-test-in-clear-text" in headers:
            scope["headers"] = [*scope["headers"], (b"x-forwarded-proto", b"http")]
            await self._app(scope, receive, send)
        else:
            await passed(self, scope, receive, send)

    gate.Gate.__call__ = call  # type: ignore[method-assign]


def main() -> None:
    """Patch and serve, as `python -m local.aws` does."""
    port, data, root_file = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    logging.basicConfig(level=logging.WARNING)
    root = json.loads(root_file.read_text())
    configure(data, port, root)
    patch(data)
    _change_gate()
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    for kind in STAND_INS:
        _RESOURCE_HANDLERS.setdefault(kind, _stand_in(kind))
    serve(port, root["access_key_id"], data)


if __name__ == "__main__":
    main()
