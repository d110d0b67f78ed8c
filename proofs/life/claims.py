"""The life of a device that gets its certificate by fleet provisioning."""

import uuid
from collections.abc import Mapping
from typing import Any

from common.identifiers import CLAIMS, SHARED_CLAIM_OWN_KEY, shared_claim_key
from common.moments import now
from playground.devices.serials import Entry, Serials
from proofs.life.life import Life, sample

BATCH = "life"


def with_a_claim(life: Life) -> None:
    """One by a claim that devices share, which is made for it; one by that claim that makes its own
    key, of a batch, and is listed only when it was refused; and one by a claim of its own. The hook
    is asked for what nobody waits for, too.
    """
    for method in CLAIMS:
        _one(life, method, {"batch": BATCH} if method == SHARED_CLAIM_OWN_KEY else {})


def _one(life: Life, method: str, more: Mapping[str, str]) -> None:
    execution = f"{sample('create_thing')['execution'].rpartition(':')[0]}:{uuid.uuid4()}"
    asked = {"thingName": life.thing_name, "deviceType": "bulb", "method": method, **more}
    life.invoke("CreateThing", input=asked, execution=execution)
    life.is_refused("CreateClaim", "is not held by", execution=f"{execution}-other")
    claim = life.invoke("CreateClaim", execution=execution)["claimCertificateId"]
    if method == "claim":
        iot = life.cloud.client("iot")
        iot.update_certificate(certificateId=claim, newStatus="REVOKED")
        withdrawn, claim = (
            claim,
            life.invoke("CreateClaim", execution=execution)["claimCertificateId"],
        )
        life.expect("CreateClaim", "a claim that was withdrawn is replaced", claim != withdrawn)
    stranger = {"SerialNumber": f"{life.thing_name}-not"}
    hook = sample("admit_device") | {"claimCertificateId": claim, "parameters": stranger}
    refused = life.call("AdmitDevice", hook) == {"allowProvisioning": False}
    life.expect("AdmitDevice", "a stranger is refused", refused)
    if "batch" in asked:
        _listed_late(life, hook, execution)
    life.invoke("WriteConfig", input=asked)
    life.invoke("StartTask", execution=execution)
    life.wait(
        "the device's certificate",
        lambda: "certificate_id" in life.cloud.row(life.thing_name),
        life.refusal,
    )
    certificate = life.cloud.row(life.thing_name)["certificate_id"]
    life.wait("the device", lambda: life.has_connected(certificate), life.refusal)
    life.leave_confined(certificate)
    life.take_its_policy(certificate)
    settled = life.invoke("SettleClaim", execution=execution)
    life.expect("SettleClaim", "it is the device's", settled["certificateId"] == certificate)
    life.expect("SettleClaim", "it is free", not life.is_confined(certificate))
    life.invoke("CleanUp", input=asked, execution=execution)


def _listed_late(life: Life, hook: Mapping[str, Any], execution: str) -> None:
    """The device comes before its serial number is in the list."""
    itself = {**hook, "parameters": {"SerialNumber": life.thing_name}}
    refused = life.call("AdmitDevice", itself) == {"allowProvisioning": False}
    life.expect("AdmitDevice", "one that is not listed is refused", refused)
    since = now()
    life.is_refused("SettleClaim", "may not join", execution=execution, since=since)
    Serials(life.cloud.home).add([Entry(life.thing_name, BATCH)])


def forget_claim(life: Life) -> None:
    """Remove the claims that devices share, which stay when they have gone, and what is listed."""
    Serials(life.cloud.home).remove([Entry(life.thing_name, BATCH)])
    iot, stack = life.cloud.client("iot"), life.cloud.home
    policy = f"{stack.stack_name}-claim"
    for arn in iot.list_targets_for_policy(policyName=policy)["targets"]:
        iot.detach_policy(policyName=policy, target=arn)
        certificate_id = arn.rpartition("/")[2]
        iot.update_certificate(certificateId=certificate_id, newStatus="REVOKED")
        iot.delete_certificate(certificateId=certificate_id)
    bucket = stack.output("ConfigBucketName")
    for key in (shared_claim_key(), shared_claim_key(BATCH)):
        life.cloud.client("s3").delete_object(Bucket=bucket, Key=key)
