"""The checks of device certificates. Each looks at those that can be used: ACTIVE or
PENDING_TRANSFER.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from auditing.facts import Certificate, Facts
from auditing.findings import Resource, Violation
from auditing.key_quality import weaknesses
from common.der import MalformedCertificate, ReadCertificate, read_certificate
from common.row import GIVEN_UP, Row, is_free, why_at_rest

# https://docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-device-cert-approaching-expiration.html
EXPIRES_SOON = timedelta(days=30)
# https://docs.aws.amazon.com/iot-device-defender/latest/devguide/device-certificate-age-check.html,
# the default
AGE = timedelta(days=365)
# A succession retires a certificate and revokes it moments later; whoever was interrupted is older
# than this.
SETTLING = timedelta(minutes=5)

ROTATE = "playground job create {name} rotate-cert --wait"
RENEW = f"Give the device a new key and certificate: {ROTATE}; the old certificate is revoked then."


def shared(facts: Facts) -> Iterator[Violation]:
    """DEVICE_CERTIFICATE_SHARED_CHECK. Here: attached to several things, or several devices were
    last seen with it.
    """
    seen = defaultdict(set)
    for name, row in facts.rows.items():
        if row.get("presence_certificate") and not is_free(row):
            seen[row["presence_certificate"]].add(name)
    for certificate in _in_use(facts):
        names = sorted({*certificate.things, *seen[certificate.id]})
        if len(names) > 1:
            yield Violation(
                Resource("DEVICE_CERTIFICATE", certificate.id),
                "CERTIFICATE_SHARED_BY_MULTIPLE_DEVICES",
                f"used by {', '.join(names)}",
                "Detach it from all but one (aws iot detach-thing-principal) and give "
                "each device a certificate of its "
                "own (playground restart NAME); rotate it when it may have been copied.",
                names[0],
            )


def key_quality(facts: Facts) -> Iterator[Violation]:
    """DEVICE_CERTIFICATE_KEY_QUALITY_CHECK."""
    for certificate, read in _read(facts):
        for code, reason in weaknesses(read):
            yield _violation(certificate, code, reason, RENEW)


def expiring(facts: Facts) -> Iterator[Violation]:
    """DEVICE_CERTIFICATE_EXPIRING_CHECK."""
    for certificate, read in _read(facts):
        if read.not_after <= facts.at:
            yield _violation(
                certificate,
                "CERTIFICATE_PAST_EXPIRATION",
                f"expired on {read.not_after:%Y-%m-%d}",
                RENEW,
            )
        elif read.not_after <= facts.at + EXPIRES_SOON:
            reason = f"expires on {read.not_after:%Y-%m-%d}"
            yield _violation(certificate, "CERTIFICATE_APPROACHING_EXPIRATION", reason, RENEW)


def aged(facts: Facts) -> Iterator[Violation]:
    """DEVICE_CERTIFICATE_AGE_CHECK. By its creation: AWS IoT does not tell when it became
    active.
    """
    for certificate in _in_use(facts):
        days = (facts.at - certificate.created_at).days
        if days >= AGE.days:
            yield _violation(
                certificate, "CERTIFICATE_PAST_AGE_THRESHOLD", f"made {days} days ago", RENEW
            )


def revoked_still_active(facts: Facts) -> Iterator[Violation]:
    """REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK. The issuer's list is the catalog: AWS IoT's CA
    publishes none.
    """
    in_use = {certificate.id: certificate for certificate in _in_use(facts)}
    for name, row in facts.rows.items():
        if datetime.fromisoformat(row["updated_at"]) > facts.at - SETTLING:
            continue
        for certificate_id, why in _revoked(row):
            if certificate_id in in_use:
                yield Violation(
                    Resource("DEVICE_CERTIFICATE", certificate_id),
                    "CERTIFICATE_REVOKED_BY_ISSUER",
                    f"{name}: {why}, and it is {in_use[certificate_id].status}",
                    (
                        f"aws iot update-certificate --certificate-id {certificate_id} "
                        "--new-status REVOKED"
                    ),
                    name,
                )


def _revoked(row: Row) -> Iterator[tuple[str, str]]:
    """Certificates that the catalog says nobody may use any more, and why."""
    retired = row.get("retired_certificate_arn")
    if retired:
        yield retired.rpartition("/")[2], "replaced by another one"
    if row.get("certificate_id") and is_free(row):
        yield row["certificate_id"], "its device is gone"
    elif row.get("certificate_id") and GIVEN_UP in row:
        yield row["certificate_id"], f"its device {why_at_rest(row)}"


def _in_use(facts: Facts) -> Iterator[Certificate]:
    return (certificate for certificate in facts.certificates if certificate.in_use)


def _read(facts: Facts) -> Iterator[tuple[Certificate, ReadCertificate]]:
    """Those that can be read; what AWS IoT has registered and we can't read is nothing to accuse a
    device of.
    """
    for certificate in _in_use(facts):
        try:
            yield certificate, read_certificate(certificate.pem)
        except MalformedCertificate:
            continue


def _violation(certificate: Certificate, code: str, reason: str, remedy: str) -> Violation:
    name = certificate.things[0] if certificate.things else ""
    told = f"{', '.join(certificate.things)}: {reason}" if name else reason
    resource = Resource("DEVICE_CERTIFICATE", certificate.id)
    return Violation(resource, code, told, remedy.format(name=name or "NAME"), name)
