"""The user's own authority: its file, what it signs, and what it is not asked for."""

import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from playground.devices.authorities import Authorities
from playground.devices.own import make_request
from playground.devices.signer import make_signer
from playground.errors import AuthorityError
from playground.home import folder
from playground.home.homes import Home
from playground.home.paths import Paths


@dataclass
class Registry:
    """What AWS IoT knows."""

    known: dict[str, str] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)

    def describe_ca_certificate(self, certificateId: str) -> dict[str, Any]:  # noqa: N803
        if certificateId not in self.known:
            answer = {"Error": {"Code": "ResourceNotFoundException", "Message": ""}}
            raise ClientError(cast("Any", answer), "DescribeCACertificate")
        described = {"status": self.known[certificateId], "autoRegistrationStatus": "ENABLE"}
        return {"certificateDescription": described}

    def get_registration_code(self) -> dict[str, str]:
        return {"registrationCode": "c" * 64}

    def register_ca_certificate(self, **told: Any) -> None:
        self.told.append(told)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def authorities(tmp_path: Path, registry: Registry) -> Authorities:
    home = SimpleNamespace(
        client=lambda _: registry,
        kind="aws",
        account="123456789012",
        region="eu-west-1",
        stack_name="s",
    )
    return Authorities(cast("Home", home), Paths(directory=tmp_path / ".playground"))


def test_its_key_is_in_one_file_of_its_owner_s(authorities: Authorities) -> None:
    # when
    signer = authorities.ready()
    # then
    assert authorities.file.name == "aws-123456789012-eu-west-1-s.pem"
    assert stat.S_IMODE(authorities.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(authorities.file.parent.stat().st_mode) == 0o700
    assert [path.name for path in authorities.file.parent.iterdir()] == [authorities.file.name]
    assert authorities.ready().id == signer.id, "there is one"


def test_aws_iot_is_told_of_it_with_a_proof(authorities: Authorities, registry: Registry) -> None:
    # when
    signer = authorities.ready()
    # then
    (told,) = registry.told
    assert told["caCertificate"] == signer.pem
    assert (told["setAsActive"], told["allowAutoRegistration"]) == (True, True)
    assert told["tags"] == [{"Key": "playground-stack", "Value": "s"}]
    proof = x509.load_pem_x509_certificate(told["verificationCertificate"].encode())
    proof.verify_directly_issued_by(signer.certificate)
    assert proof.subject.rfc4514_string() == "CN=" + "c" * 64
    assert "PRIVATE KEY" not in str(told)
    # and: once it knows it, no more
    registry.known[signer.id] = "ACTIVE"
    authorities.ready()
    assert len(registry.told) == 1


def test_it_may_sign_devices_and_nothing_else() -> None:
    signer = make_signer("s")
    usage = signer.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    limits = signer.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (usage.key_cert_sign, usage.digital_signature) == (True, False)
    assert (limits.ca, limits.path_length) == (True, 0)
    key = signer.certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert make_signer("s").certificate.subject != signer.certificate.subject


def test_a_device_s_certificate_is_for_its_key_and_its_name_for_a_year() -> None:
    # given: a request of somebody who would rather be another one
    signer, (_, csr) = make_signer("s"), make_request("spot")
    # when
    certificate_id, chain = signer.sign(csr, "lamp")
    # then
    own, above = x509.load_pem_x509_certificates(chain.encode())
    own.verify_directly_issued_by(above)
    assert above == signer.certificate
    assert own.public_key() == x509.load_pem_x509_csr(csr.encode()).public_key()
    assert own.subject.rfc4514_string() == "CN=lamp"
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    lasts = own.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=364) < lasts <= timedelta(days=365)
    assert len(certificate_id) == 64
    assert signer.sign(csr, "lamp")[0] != certificate_id, "its serial number is its own"


def test_what_is_no_request_is_not_signed() -> None:
    signer, (_, csr) = make_signer("s"), make_request("lamp")
    lines = csr.splitlines()
    broken = "\n".join([*lines[:-2], lines[-2][:-8] + "AAAAAAA=", lines[-1]])
    for text in ("", "x", broken):
        with pytest.raises(AuthorityError, match="request for lamp"):
            signer.sign(text, "lamp")


@pytest.mark.parametrize("status", ["INACTIVE"])
def test_one_that_is_withdrawn_signs_no_more(
    authorities: Authorities, registry: Registry, status: str
) -> None:
    registry.known[authorities.ready().id] = status
    with pytest.raises(AuthorityError, match=r"is withdrawn \(INACTIVE"):
        authorities.ready()
    assert len(registry.told) == 1


def test_a_file_that_is_damaged_is_named(authorities: Authorities) -> None:
    authorities.ready()
    authorities.file.write_text("x")
    with pytest.raises(AuthorityError, match=r"aws-.*\.pem is damaged"):
        authorities.ready()


def test_a_reset_leaves_the_keys_of_aws(authorities: Authorities) -> None:
    # given
    authorities.ready()
    local = authorities.file.with_name("local-s.pem")
    local.write_text("")
    # when
    done = folder.forget(authorities.paths.home)
    # then
    assert done.foreign == [authorities.file]
    assert authorities.file.exists()
    assert not local.exists()
