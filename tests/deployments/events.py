"""The stack of `infra/events.yaml` in the emulator, beside a stage: what goes in at its ends, and what comes out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import Request, urlopen

import boto3

from infra.package import package
from local.aws.bootstrap import ACCOUNT, REGION, STAGE, AccessKey, Bootstrap
from local.stack import Stack
from local.state import StateFolder

T = TypeVar("T")
CODE_BUCKET, PREFECT_SECRET = "esteira-local-code", "esteira/local/prefect"
HEARD, ALERTED = "heard", "alerted"
INFRA = Path(__file__).resolve().parents[2] / "infra"
ENDED = {"SUCCEEDED", "FAILED"}
RETRY_SECONDS = 0.05


@dataclass(frozen=True)
class Events:
    """The emulated AWS as its owner sees it."""

    stack: Stack

    def client(self, service: str) -> Any:
        _, key = StateFolder(Path(self.stack.state)).root_key()
        session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
        return closing(session.client(service, endpoint_url=self.stack.env["AWS_ENDPOINT_URL"]))

    def root_environment(self) -> dict[str, str]:
        """For our own commands that a person of the account would run."""
        _, key = StateFolder(Path(self.stack.state)).root_key()
        return {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key}

    @property
    def bucket(self) -> str:
        return self.stack.env["ESTEIRA_LAKE_BUCKET"]

    def code(self) -> dict[str, str]:
        """The packed code, uploaded with the waits of the retries shortened and their number kept; the parameters that name it."""
        code = package()
        with self.client("s3") as s3:
            s3.create_bucket(Bucket=CODE_BUCKET)
            for key, body in code.objects.items():
                s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=_hurried(body) if key.endswith(".json") else body)
        return {"CodeBucket": CODE_BUCKET, "CodeKey": code.key}

    def deploy(self, template: str, **parameters: str) -> dict[str, str]:
        """A template as the bootstrap deploys the others; its outputs."""
        folder = StateFolder(Path(self.stack.state))
        _, root = folder.root_key()
        key = AccessKey(root.access_key_id, root.secret_access_key)
        bootstrap = Bootstrap(self.stack.env["AWS_ENDPOINT_URL"], key, folder.keys)
        stack = f"esteira-{STAGE}-{template.removesuffix('.yaml').replace('_', '-')}"
        return bootstrap._deploy(stack, template, {"Stage": STAGE, **parameters})

    def put_secret(self, name: str, **fields: str) -> None:
        with self.client("secretsmanager") as secrets:
            try:
                secrets.create_secret(Name=name, SecretString=json.dumps(fields))
            except secrets.exceptions.ResourceExistsException:
                secrets.put_secret_value(SecretId=name, SecretString=json.dumps(fields))

    @contextmanager
    def pointed_at(self, **fields: str) -> Iterator[None]:
        """The secret says something else for a while."""
        self.put_secret(PREFECT_SECRET, **fields)
        try:
            yield
        finally:
            self.put_secret(PREFECT_SECRET, api_url=self.stack.env["PREFECT_API_URL"])

    @contextmanager
    def variables(self, function: str, **changed: str) -> Iterator[None]:
        """A function has another environment for a while."""
        with self.client("lambda") as functions:
            known = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
            functions.update_function_configuration(FunctionName=function, Environment={"Variables": known | changed})
            try:
                yield
            finally:
                functions.update_function_configuration(FunctionName=function, Environment={"Variables": known})

    def listen(self, topic: str) -> None:
        """A queue of our own hears whatever the topic says, and another one what people hear."""
        self._subscribe(topic, HEARD)
        self._subscribe(topic, ALERTED, FilterPolicy='{"outcome": [{"anything-but": ["accepted"]}]}')

    def _subscribe(self, topic: str, queue: str, **attributes: str) -> None:
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
        says = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        with self.client("sqs") as sqs, self.client("sns") as sns:
            sqs.create_queue(
                QueueName=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [says]})}
            )
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)

    def heard(self, queue: str = HEARD) -> list[tuple[str, str]]:
        """Outcome and text of what was published since the last time."""
        told = [json.loads(body) for body in self.taken(queue)]
        return [(each["MessageAttributes"]["outcome"]["Value"], each["Message"]) for each in told]

    def taken(self, queue: str) -> list[str]:
        """The bodies of all messages, taken out."""
        found: list[str] = []
        with self.client("sqs") as sqs:
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                for message in messages:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    found.append(message["Body"])
        return found

    def is_empty(self, queue: str) -> bool:
        """Whether nothing waits, and nobody is at work at anything."""
        with self.client("sqs") as sqs:
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            return set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"].values()) == {"0"}

    def send(self, queue: str, body: str) -> None:
        with self.client("sqs") as sqs:
            sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=body)

    def drop(self, dataset: str, name: str, content: bytes) -> str:
        """Put an object into the inbox; its version."""
        with self.client("s3") as s3:
            return str(s3.put_object(Bucket=self.bucket, Key=f"inbox/{dataset}/{name}", Body=content)["VersionId"])

    def waiting(self, dataset: str) -> list[str]:
        with self.client("s3") as s3:
            pages = s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=f"inbox/{dataset}/")
            return [each["VersionId"] for page in pages for each in page.get("Versions", ())]

    def start(self, machine: str, **asked: Any) -> str:
        with self.client("stepfunctions") as states:
            arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{machine}"
            return str(states.start_execution(stateMachineArn=arn, input=json.dumps(asked))["executionArn"])

    def ended(self, execution: str, seconds: float = 90) -> dict[str, Any]:
        """An execution at its end, with the names of the states that it went through."""
        with self.client("stepfunctions") as states:
            found = until(lambda: _over(states.describe_execution(executionArn=execution)), seconds, execution)
            history = states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        entered = [each["stateEnteredEventDetails"]["name"] for each in history if "stateEnteredEventDetails" in each]
        failures = sum(each["type"] == "TaskFailed" for each in history)
        return {"status": found["status"], "error": found.get("error"), "path": entered, "failures": failures}

    def complete_runs(self, folder: str) -> None:
        """End what nobody works at here, and let its messages pass."""
        for run in self.prefect("POST", "/flow_runs/filter", {"limit": 200, "sort": "EXPECTED_START_TIME_DESC"}):
            if str(run["parameters"].get("key")).startswith(folder):
                state = {"state": {"type": "COMPLETED"}, "force": True}
                self.prefect("POST", f"/flow_runs/{run['id']}/set_state", state)
        machine = f"esteira-{STAGE}-inbox"
        until(lambda: {each["status"] for each in self.executions(machine)} <= ENDED, 60, "all have ended")
        self.heard()

    def executions(self, machine: str) -> list[dict[str, Any]]:
        with self.client("stepfunctions") as states:
            arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{machine}"
            found: list[dict[str, Any]] = []
            for page in states.get_paginator("list_executions").paginate(stateMachineArn=arn):
                found += page["executions"]
        return found

    def invoke(self, function: str, payload: Any) -> Any:
        """What a function answers, or its error."""
        with self.client("lambda") as functions:
            answer = functions.invoke(FunctionName=function, Payload=json.dumps(payload))
            return json.load(answer["Payload"])

    def prefect(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the real server."""
        data = None if body is None else json.dumps(body).encode()
        address = f"{self.stack.env['PREFECT_API_URL']}{path}"
        asked = Request(address, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(asked, timeout=20) as answer:
            return json.loads(answer.read() or "null")


def until(look: Callable[[], T | None], seconds: float, what: object) -> T:
    """What a look finds at last."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"Not within {seconds} s: {what}")


def event_of(bucket: str, key: str, version: str, account: str = ACCOUNT) -> dict[str, Any]:
    """What EventBridge delivers, as far as it is looked at."""
    subject = {"key": key, "version-id": version, "size": 1}
    detail = {"bucket": {"name": bucket}, "object": subject, "reason": "PutObject"}
    return {"source": "aws.s3", "detail-type": "Object Created", "account": account, "detail": detail}


def _over(execution: dict[str, Any]) -> dict[str, Any] | None:
    return execution if execution["status"] != "RUNNING" else None


def _hurried(body: bytes) -> bytes:
    machine = json.loads(body)
    for state in machine["States"].values():
        for retry in state.get("Retry", ()):
            retry |= {"IntervalSeconds": RETRY_SECONDS, "BackoffRate": 1}
    return json.dumps(machine).encode()
