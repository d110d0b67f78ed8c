"""The life of a device that comes with a certificate of its owner's own authority."""

import uuid

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from playground.devices.authorities import Authorities
from playground.devices.own import make_request
from playground.devices.serials import Entry, Serials
from playground.devices.signer import Signer
from proofs.life.claims import BATCH
from proofs.life.life import Life, sample


def with_an_authority(life: Life) -> None:
    """One that is waited for, and a stranger whom nobody tells of but the sweep."""
    signer = _authorities(life).ready()
    execution = f"{sample('create_thing')['execution'].rpartition(':')[0]}:{uuid.uuid4()}"
    asked = {"thingName": life.thing_name, "method": "jitr", "hosting": "none", "batch": BATCH}
    Serials(life.cloud.home).add([Entry(life.thing_name, BATCH)])
    life.invoke("CreateThing", input=asked, execution=execution)
    life.invoke("WriteConfig", input=asked)
    stranger = _registered(life, signer, f"{life.thing_name}-not")
    life.call("Sweep", {"olderThanSeconds": 0})
    life.expect("AdmitCertificate", "a stranger is refused", stranger not in life.certificates())
    certificate = _registered(life, signer, life.thing_name)
    life.leave_confined(certificate)
    told = {"certificateId": certificate, "caCertificateId": signer.id}
    decided = life.call("AdmitCertificate", told)["result"]
    life.expect("AdmitCertificate", "the device is let in", decided == "ADMITTED")
    life.expect("AdmitCertificate", "it is free", not life.is_confined(certificate))
    settled = life.invoke("SettleClaim", execution=execution)
    life.expect("SettleClaim", "it is the device's", settled["certificateId"] == certificate)
    life.invoke("CleanUp", input=asked, execution=execution)


def forget_authorities(life: Life) -> None:
    """Remove the authority, which stays when the devices have gone, and what is listed."""
    _authorities(life).forget_all()
    Serials(life.cloud.home).remove([Entry(life.thing_name, BATCH)])


def _authorities(life: Life) -> Authorities:
    return Authorities(life.cloud.home, life.cloud.paths)


def _registered(life: Life, signer: Signer, name: str) -> str:
    """As when a device connects: its certificate is registered, and not decided on. Its id."""
    iot = life.cloud.client("iot")
    certificate_id, chain = signer.sign(make_request(name)[1], name)
    own = x509.load_pem_x509_certificates(chain.encode())[0].public_bytes(Encoding.PEM).decode()
    iot.register_certificate(certificatePem=own, caCertificatePem=signer.pem, status="INACTIVE")
    iot.update_certificate(certificateId=certificate_id, newStatus="PENDING_ACTIVATION")
    return certificate_id
