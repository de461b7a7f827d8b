"""Alarms as CloudWatch has them: looked at again and again, and told by missing data too. And the condition key `cloudwatch:namespace`.

ministack 1.5.33 looks at alarms when metrics are put, and never takes data that do not come for anything; its Lambda counts errors without looking
at any. Dimensions are ignored by both. `check_pins` of gate.py knows the names that are used here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

LOOK_INTERVAL_SECONDS = 1.0
_WITHOUT_DATA = {"breaching": "ALARM", "notBreaching": "OK", "missing": "INSUFFICIENT_DATA"}
"""What missing data make of an alarm; `ignore` leaves it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""
_log = logging.getLogger("local.aws")


async def look_for_ever() -> None:
    """Look at all alarms, again and again."""
    while True:
        await asyncio.sleep(LOOK_INTERVAL_SECONDS)
        try:
            _look_at_all()
        except Exception:  # noqa: BLE001 - private functions of the emulator; the loop must go on
            _log.exception("alarms could not be looked at")


def add_namespace_key() -> None:
    """Give policies `cloudwatch:namespace`, which AWS has and ministack lacks: the right to send metrics has no other limit."""
    from ministack.core import iam_actions

    original = iam_actions.request_tag_context

    def with_namespace(service: str, iam_action: str, body: bytes, params: Any) -> dict[str, Any]:
        context: dict[str, Any] = original(service, iam_action, body, params)
        found = namespace_of(body) if iam_action == "cloudwatch:PutMetricData" else ""
        return context | {"cloudwatch:namespace": found} if found else context

    iam_actions.request_tag_context = with_namespace


def namespace_of(body: bytes) -> str:
    """The namespace of a PutMetricData, in any of the three protocols that boto3 has spoken."""
    import cbor2

    readers = (
        cbor2.loads,
        json.loads,
        lambda text: {name: values[0] for name, values in parse_qs(text.decode()).items()},
    )
    for read in readers:
        try:
            found = read(body)
        except (ValueError, cbor2.CBORDecodeError):
            continue
        if isinstance(found, Mapping) and "Namespace" in found:
            return str(found["Namespace"])
    return ""


def _look_at_all() -> None:
    from ministack.core.responses import _request_account_id, _request_region
    from ministack.services import cloudwatch

    for account, region, name in list(cloudwatch._alarms._data):  # noqa: SLF001 - the same
        tokens = _request_account_id.set(account), _request_region.set(region)
        try:
            alarm = cloudwatch._alarms.get(name)  # noqa: SLF001 - the same
            if alarm is not None:
                _look_at(alarm)
        finally:
            _request_account_id.reset(tokens[0])
            _request_region.reset(tokens[1])


def _look_at(alarm: dict[str, Any]) -> None:
    from ministack.services import cloudwatch

    if _has_data(alarm):
        cloudwatch._evaluate_alarm(alarm)  # noqa: SLF001 - the same
        return
    before, now = alarm["StateValue"], _WITHOUT_DATA.get(alarm.get("TreatMissingData", "missing"), alarm["StateValue"])
    if now == before:
        return
    reason = f"No data came in {alarm['EvaluationPeriods']} periods of {alarm['Period']} s, which are taken for {alarm.get('TreatMissingData')}."
    alarm |= {"StateValue": now, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], before, now, reason)  # noqa: SLF001 - the same
    cloudwatch._dispatch_alarm_actions(alarm, before, now, reason)  # noqa: SLF001 - the same


def _has_data(alarm: dict[str, Any]) -> bool:
    from ministack.services import cloudwatch

    since = time.time() - alarm["Period"] * alarm["EvaluationPeriods"]
    return any(
        point["Timestamp"] >= since
        for (namespace, metric, _), points in cloudwatch._metrics.items()  # noqa: SLF001 - the same
        if (namespace, metric) == (alarm["Namespace"], alarm["MetricName"])
        for point in points
    )
