"""The life of a device that gets its certificate by fleet provisioning."""

import uuid

from common.identifiers import CLAIMS, shared_claim_key
from proofs.life.life import Life, sample


def with_a_claim(life: Life) -> None:
    """One by a claim that devices share, which is made for it; one by that claim that makes its own
    key; and one by a claim of its own, whose hook is asked for what nobody waits for, too.
    """
    for method in CLAIMS:
        _one(life, method)


def _one(life: Life, method: str) -> None:
    execution = f"{sample('create_thing')['execution'].rpartition(':')[0]}:{uuid.uuid4()}"
    asked = {"thingName": life.thing_name, "deviceType": "bulb", "method": method}
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


def forget_claim(life: Life) -> None:
    """Remove the claim that devices share, which stays when they have gone."""
    iot, stack = life.cloud.client("iot"), life.cloud.home
    policy = f"{stack.stack_name}-claim"
    for arn in iot.list_targets_for_policy(policyName=policy)["targets"]:
        iot.detach_policy(policyName=policy, target=arn)
        certificate_id = arn.rpartition("/")[2]
        iot.update_certificate(certificateId=certificate_id, newStatus="REVOKED")
        iot.delete_certificate(certificateId=certificate_id)
    bucket = stack.output("ConfigBucketName")
    life.cloud.client("s3").delete_object(Bucket=bucket, Key=shared_claim_key())
