"""Certificates that are replaced: by a job that the device gives up, and near the end of their
lifetime.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from proofs.life.life import Life
from tests.device.pki import signing_request


def grow_old(life: Life) -> None:
    """Its certificate comes near the end of its lifetime; before, the row did not tell how old it
    is.
    """
    life.erase("certificate_created_at")
    young = life.call("RotateCertificates", {})["due"]
    life.expect("RotateCertificates", "a new certificate is not due", not outcome_of(life, young))
    life.write(certificate_created_at=(datetime.now(UTC) - timedelta(days=300)).isoformat())
    outcome = outcome_of(life, life.call("RotateCertificates", {})["due"])
    iot = life.cloud.client("iot")
    for execution in iot.list_job_executions_for_thing(thingName=life.thing_name)[
        "executionSummaries"
    ]:
        iot.delete_job(jobId=execution["jobId"], force=True)
    life.expect("RotateCertificates", "an old certificate is due", outcome == "started")


def outcome_of(life: Life, due: list[dict[str, Any]]) -> str:
    """What was done about this device."""
    return next((found["outcome"] for found in due if found["thingName"] == life.thing_name), "")


def job_id(life: Life) -> str:
    return f"rotate-{life.thing_name}"


def change_its_mind_about_a_certificate(life: Life, certificate_id: str) -> None:
    """What a device asks for that never gets the answers, loses its key and gives up in the end."""
    iot = life.cloud.client("iot")
    thing_arn = iot.describe_thing(thingName=life.thing_name)["thingArn"]
    iot.create_job(jobId=job_id(life), targets=[thing_arn], document='{"operation": "rotate-cert"}')
    life.cloud.client("iot-jobs-data").start_next_pending_job_execution(thingName=life.thing_name)
    first, second = signing_request(life.thing_name), signing_request(life.thing_name)
    made = say(life, "create", certificate_id, csr=first)
    again = say(life, "create", certificate_id, csr=first)
    other = say(life, "create", certificate_id, csr=second)
    ids = [answer.get("certificateId") for answer in (made, again, other)]
    life.expect(
        "IssueNextCertificate", "one request has one certificate", ids[0] == ids[1] != ids[2]
    )
    life.expect("IssueNextCertificate", "the first one is gone", ids[0] not in life.certificates())
    say(life, "abandon", certificate_id)
    life.expect("SettleNextCertificate", "the other one is gone", ids[2] not in life.certificates())
    iot.delete_job(jobId=job_id(life), force=True)


def say(life: Life, request: str, principal: str, **content: str) -> dict[str, Any]:
    """What the rule hands over when the device publishes it."""
    payload = base64.b64encode(json.dumps({"jobId": job_id(life), **content}).encode()).decode()
    state = "IssueNextCertificate" if request == "create" else "SettleNextCertificate"
    return life.invoke(state, request=request, principal=principal, payload=payload)
