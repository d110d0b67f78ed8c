"""The user's own certificate authority, which AWS IoT is told of: its key stays in this folder.

One for each stack. It is made and registered when the first device asks for it, and whoever is cut
off is followed by the next one: the file first, then the registration of what is in the file.
https://docs.aws.amazon.com/iot/latest/developerguide/register-CA-cert.html
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.identifiers import STACK_TAG
from playground.devices.devices import Devices
from playground.devices.signer import Signer, make_signer
from playground.errors import AuthorityError
from playground.home import folder
from playground.home.homes import Home
from playground.home.paths import Paths

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

SECRET = 0o600
GONE = "ResourceNotFoundException"
STILL_ATTACHED = ("CertificateStateException", "DeleteConflictException")
TRIES = 10


@dataclass(frozen=True)
class Registered:
    """An authority of the stack's, as AWS IoT knows it."""

    id: str
    status: str
    auto_registration: str
    certificates: int
    """How many it has registered that are there still."""
    waiting: int
    """How many of these are in force for nobody: PENDING_ACTIVATION."""
    key: str | None
    """The file that has its key; None: it is not here."""


@dataclass(frozen=True)
class Authorities:
    """Those of a stack."""

    home: Home
    paths: Paths

    def ready(self) -> Signer:
        """The authority whose key is here, registered and in force; made when there is none.
        Raises AuthorityError when it is withdrawn.
        """
        signer = self._kept() or self._made()
        try:
            found = self._iot.describe_ca_certificate(certificateId=signer.id)
        except ClientError as error:
            if _code(error) != GONE:
                raise
            self._register(signer)
            return signer
        told = found["certificateDescription"]
        if (told["status"], told["autoRegistrationStatus"]) != ("ACTIVE", "ENABLE"):
            raise AuthorityError(
                f"Your authority {signer.id} is withdrawn ({told['status']}, automatic "
                f"registration {told['autoRegistrationStatus']}): `playground authority remove` "
                "removes it, and the next device gets a new one."
            )
        return signer

    def all(self) -> list[Registered]:
        """Every authority of the stack's that AWS IoT knows, also those whose key is elsewhere."""
        return [self._told(one) for one in self._ids()]

    def users_of(self, authority_id: str) -> list[str]:
        """The devices whose certificate the authority has signed."""
        signed = {one["certificateId"] for one in self._certificates(authority_id)}
        rows = Devices(self.home).rows()
        named = ("certificate_id", "next_certificate_id")
        return sorted(
            str(row["thing_name"]) for row in rows if signed & {row.get(name) for name in named}
        )

    def remove(self, authority_id: str) -> None:
        """Withdraw it, have AWS IoT forget it, and what it has registered for nobody; last its key.
        Repeatable. Raises AuthorityError while devices use it.
        """
        users = self.users_of(authority_id)
        if users:
            raise AuthorityError(
                f"{authority_id} has signed the certificates of {', '.join(users)}: delete these "
                "devices first, or have them make new ones (`playground job create NAME "
                "rotate-cert`)."
            )
        self.forget(authority_id)

    def forget(self, authority_id: str) -> None:
        """The same whoever uses it."""
        with _tolerating(GONE):
            self._iot.update_ca_certificate(
                certificateId=authority_id,
                newStatus="INACTIVE",
                newAutoRegistrationStatus="DISABLE",
            )
            # After that, so that none comes any more.
            for one in list(self._certificates(authority_id)):
                self._remove_certificate(one["certificateArn"])
            self._iot.delete_ca_certificate(certificateId=authority_id)
        kept = self._kept()
        if kept is not None and kept.id == authority_id:
            self.file.unlink(missing_ok=True)

    def forget_all(self) -> None:
        """With the stack; its devices are gone."""
        for one in self._ids():
            self.forget(one)
        self.file.unlink(missing_ok=True)

    def _remove_certificate(self, arn: str) -> None:
        """As for any certificate; "it might take several seconds for the detachment to propagate"
        (API reference, DetachThingPrincipal).
        """
        iot, certificate_id = self._iot, arn.rpartition("/")[2]
        with _tolerating(GONE):
            for policy in iot.list_attached_policies(target=arn)["policies"]:
                iot.detach_policy(policyName=policy["policyName"], target=arn)
            for thing in iot.list_principal_things(principal=arn)["things"]:
                iot.detach_thing_principal(thingName=thing, principal=arn)
            iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
            for _ in range(TRIES):
                with _tolerating(*STILL_ATTACHED):
                    iot.delete_certificate(certificateId=certificate_id)
                    return
                time.sleep(1)
            iot.delete_certificate(certificateId=certificate_id)

    @property
    def file(self) -> Path:
        """Key and certificate of the stack's authority, of one account and region."""
        home = self.home
        place = "local" if home.kind == "local" else f"aws-{home.account}-{home.region}"
        return self.paths.authorities / f"{place}-{home.stack_name}.pem"

    @property
    def _iot(self) -> "IoTClient":
        iot: IoTClient = self.home.client("iot")
        return iot

    def _ids(self) -> Iterator[str]:
        iot = self._iot
        for page in iot.get_paginator("list_ca_certificates").paginate():
            for one in page["certificates"]:
                tags = iot.list_tags_for_resource(resourceArn=one["certificateArn"])["tags"]
                if {"Key": STACK_TAG, "Value": self.home.stack_name} in tags:
                    yield one["certificateId"]

    def _certificates(self, authority_id: str) -> Iterator[Any]:
        iot = self._iot
        pages = iot.get_paginator("list_certificates_by_ca").paginate(caCertificateId=authority_id)
        return (one for page in pages for one in page["certificates"])

    def _told(self, authority_id: str) -> Registered:
        found = self._iot.describe_ca_certificate(certificateId=authority_id)
        told, kept = found["certificateDescription"], self._kept()
        signed = [one["status"] for one in self._certificates(authority_id)]
        return Registered(
            authority_id,
            told["status"],
            told["autoRegistrationStatus"],
            len(signed),
            signed.count("PENDING_ACTIVATION"),
            str(self.file) if kept is not None and kept.id == authority_id else None,
        )

    def _kept(self) -> Signer | None:
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return None
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        try:
            key = load_pem_private_key(content, None)
            certificate = x509.load_pem_x509_certificate(content)
        except ValueError as error:
            raise AuthorityError(f"{self.file} is damaged: {error}.") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise AuthorityError(f"{self.file} is damaged: its key is another one than yours.")
        return Signer(key, certificate)

    def _made(self) -> Signer:
        """A new one, in its file: whole or not at all."""
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        made = make_signer(self.home.stack_name)
        folder.claim(self.paths.home)
        self.file.parent.mkdir(mode=0o700, exist_ok=True)
        draft = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        key = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

        def opener(name: str, flags: int) -> int:
            return os.open(name, flags, SECRET)

        try:
            with open(draft, "wb", opener=opener) as file:
                file.write(key + made.pem.encode())
            with suppress(FileExistsError):  # of another command at the same moment
                os.link(draft, self.file)
        finally:
            draft.unlink(missing_ok=True)
        return self._kept() or made

    def _register(self, signer: Signer) -> None:
        iot = self._iot
        code = iot.get_registration_code()["registrationCode"]
        try:
            iot.register_ca_certificate(
                caCertificate=signer.pem,
                verificationCertificate=signer.verification(code),
                setAsActive=True,
                allowAutoRegistration=True,
                tags=[{"Key": STACK_TAG, "Value": self.home.stack_name}],
            )
        except ClientError as error:
            if _code(error) != "ResourceAlreadyExistsException":  # another command's
                raise


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


@contextmanager
def _tolerating(*codes: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _code(error) not in codes:
            raise
