"""`infra/monitoring.yaml` in an emulator, and what its topic was told."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import cfnlint.decode

from infra.package import package
from local.aws.bootstrap import REGION, STAGE
from local.stack import Stack
from local.state import StateFolder

INFRA = Path(__file__).parents[2] / "infra"
TEMPLATE = INFRA / "monitoring.yaml"
UNKNOWN = {"AWS::Logs::QueryDefinition", "AWS::Budgets::Budget"}
"""What the emulator rejects a whole template for; `tests/core/test_monitoring_template.py` reads these."""
CODE_BUCKET = "code-of-monitoring"
ARRIVAL_SECONDS = 20.0
NAMESPACE = f"Esteira/{STAGE}"


def template() -> dict[str, Any]:
    found, problems = cfnlint.decode.decode(str(TEMPLATE))
    assert not problems
    assert found
    return json.loads(json.dumps(found))


@dataclass
class Monitored:
    """A stack whose topic a queue listens to."""

    stack: Stack
    _seen: list[dict[str, Any]] = field(default_factory=list)
    queue: str = ""

    def client(self, service: str) -> Any:
        _, key = StateFolder(Path(self.stack.state)).root_key()
        session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
        return session.client(service, endpoint_url=self.stack.env["AWS_ENDPOINT_URL"])

    def deploy(self, **parameters: str) -> None:
        """Deploy what the emulator knows of the template, and listen."""
        bucket = self.stack.env["ESTEIRA_LAKE_BUCKET"]
        code = package()
        self.client("s3").create_bucket(Bucket=CODE_BUCKET)
        self.client("s3").put_object(Bucket=CODE_BUCKET, Key=code.key, Body=code.objects[code.key])
        given = {
            "Stage": STAGE,
            "LakeBucket": bucket,
            "CodeBucket": CODE_BUCKET,
            "CodeKey": code.key,
        } | parameters
        known = template()
        known["Resources"] = {name: each for name, each in known["Resources"].items() if each["Type"] not in UNKNOWN}
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName="esteira-local-monitoring", TemplateBody=json.dumps(known), Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        )  # fmt: skip
        self._listen(self._outputs(cloudformation)["AlertTopicArn"])

    def _listen(self, topic: str) -> None:
        sns, sqs = self.client("sns"), self.client("sqs")
        self.queue = sqs.create_queue(QueueName="captured")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def set_back(self, alarm: str) -> None:
        """An alarm as it was before it fired; what it does next it does by itself."""
        name = f"esteira-{STAGE}-{alarm}"
        self.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="INSUFFICIENT_DATA", StateReason="test")

    def invoke_age(self, **event: Any) -> dict[str, Any]:
        """Run the hourly function, as its schedule would."""
        answer = self.client("lambda").invoke(FunctionName=f"esteira-{STAGE}-age", Payload=json.dumps(event))
        return {"error": answer.get("FunctionError"), "answer": json.loads(answer["Payload"].read())}

    def told(self, alarm: str, state: str = "ALARM", reason: str = "") -> dict[str, Any]:
        """The newest message of an alarm of this stage, for a reason with these words, once it is there."""
        name, deadline = f"esteira-{STAGE}-{alarm}", time.monotonic() + ARRIVAL_SECONDS
        while time.monotonic() < deadline:
            self._receive()
            of_state = [each for each in self._seen if (each["AlarmName"], each["NewStateValue"]) == (name, state)]
            found = [each for each in of_state if reason in each["NewStateReason"]]
            if found:
                return found[-1]
        raise AssertionError(f"{name} told nobody that it is {state} {reason}; told was {self.heard()}")

    def heard(self) -> list[tuple[str, str]]:
        """Alarms and states that were told so far."""
        self._receive()
        return [(each["AlarmName"].removeprefix(f"esteira-{STAGE}-"), each["NewStateValue"]) for each in self._seen]

    def state_of(self, alarm: str) -> str:
        found = self.client("cloudwatch").describe_alarms(AlarmNames=[f"esteira-{STAGE}-{alarm}"])
        return str(found["MetricAlarms"][0]["StateValue"])

    def forget(self) -> None:
        self._receive()
        self._seen.clear()

    def _receive(self) -> None:
        sqs = self.client("sqs")
        got = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", ())
        for message in got:
            self._seen.append(json.loads(json.loads(message["Body"])["Message"]))
            sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    @staticmethod
    def _outputs(client: Any) -> dict[str, str]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = client.describe_stacks(StackName="esteira-local-monitoring")["Stacks"][0]
            if found["StackStatus"] == "CREATE_COMPLETE":
                return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
            assert found["StackStatus"] == "CREATE_IN_PROGRESS", found
            time.sleep(0.1)
        raise AssertionError("the stack is not there")
