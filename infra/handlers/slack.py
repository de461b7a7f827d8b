"""An alarm, a budget or a state machine that told the topic something, as one message in Slack. The webhook stands in the secret `esteira/<stage>/slack`.

Whatever Slack does not take is an error of this function: Lambda tries twice more, then the alarm on its errors goes to whoever has the e-mail.
"""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import boto3

TIMEOUT_SECONDS = 10
MOST_CHARACTERS = 3000
"""Slack cuts longer texts at a place of its own: https://api.slack.com/reference/surfaces/formatting"""
SIGNS = {"ALARM": ":red_circle:", "OK": ":large_green_circle:", "INSUFFICIENT_DATA": ":white_circle:"}


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Post each notification; returns how many.

    Args:
        event: What SNS hands over: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
        context: Lambda's; not used.
    """
    del context
    url = _webhook()
    for record in event["Records"]:
        _post(url, text_of(record["Sns"].get("Subject") or "", record["Sns"]["Message"]))
    return {"posted": len(event["Records"])}


def text_of(subject: str, message: str) -> str:
    """What Slack shows: an alarm's state, name, meaning and reason; any other text as it is."""
    try:
        facts = json.loads(message)
    except ValueError:
        facts = None
    if not isinstance(facts, dict) or "AlarmName" not in facts:
        return f"*{subject}*\n{message}"[:MOST_CHARACTERS] if subject else message[:MOST_CHARACTERS]
    state = str(facts["NewStateValue"])
    lines = [
        f"{SIGNS.get(state, '')} *{facts['AlarmName']}* is {state} in {facts.get('Region', '?')}",
        str(facts.get("AlarmDescription") or ""),
        str(facts.get("NewStateReason") or ""),
    ]
    return "\n".join(line for line in lines if line)[:MOST_CHARACTERS]


def _webhook() -> str:
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SLACK_SECRET"])
    url = str(json.loads(secret["SecretString"])["url"])
    if not url.startswith(("https://", "http://127.0.0.1:")):  # the second is the laptop's catcher
        raise ValueError("The secret's url is no https address.")
    return url


def _post(url: str, text: str) -> None:
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310 - the same; a refusal raises
        pass
