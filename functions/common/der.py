"""Just enough DER to read a certificate's subject, key, signature algorithm and validity; no native
package is needed.

X.690 (DER), RFC 5280 section 4.1 (Certificate), RFC 3279 and RFC 5480 (keys). Nothing is verified:
AWS IoT has done that when it took the certificate.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

SEQUENCE, INTEGER, BIT_STRING, OBJECT_IDENTIFIER, UTC_TIME, GENERALIZED_TIME = (
    0x30,
    0x02,
    0x03,
    0x06,
    0x17,
    0x18,
)
SET, UTF8_STRING, PRINTABLE_STRING = 0x31, 0x0C, 0x13
VERSION = 0xA0  # [0] EXPLICIT, absent in a version 1 certificate

RSA = "1.2.840.113549.1.1.1"
ELLIPTIC_CURVE = "1.2.840.10045.2.1"
COMMON_NAME = "2.5.4.3"


class MalformedCertificate(ValueError):  # noqa: N818 - what is wrong, not an error of ours
    """The text is no certificate that can be read; the message says what was expected."""


@dataclass(frozen=True)
class Element:
    """A tag and what it holds."""

    tag: int
    body: bytes

    def parts(self) -> list["Element"]:
        """The elements inside."""
        return list(_elements(self.body))

    def expect(self, tag: int) -> "Element":
        """Itself; raises MalformedCertificate when it is something else."""
        if self.tag != tag:
            raise MalformedCertificate(f"tag {tag:#04x} expected, {self.tag:#04x} found")
        return self


@dataclass(frozen=True)
class ReadCertificate:
    """What there is to know of a certificate."""

    not_before: datetime
    not_after: datetime
    signature_algorithm: str
    """Object identifier, dotted."""
    key_algorithm: str
    """Object identifier, dotted: RSA, ELLIPTIC_CURVE or another one."""
    curve: str = ""
    """Object identifier of the curve, of an EC key."""
    modulus: int = 0
    """Of an RSA key."""
    common_names: tuple[str, ...] = ()
    """Of its subject, as they are written; one in another form than UTF8String or PrintableString
    is empty.
    """


def read_certificate(pem: str) -> ReadCertificate:
    """Parse one PEM certificate. Raises MalformedCertificate."""
    try:
        return _certificate(_element(_body(pem)))
    except (IndexError, ValueError) as error:
        if isinstance(error, MalformedCertificate):
            raise
        raise MalformedCertificate(f"no certificate in DER: {error}") from error


def _body(pem: str) -> bytes:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    head, found, rest = pem.partition(begin)
    if not found or end not in rest:
        raise MalformedCertificate(f"no PEM certificate in {len(head)} characters")
    return base64.b64decode("".join(rest.partition(end)[0].split()), validate=True)


def _certificate(certificate: Element) -> ReadCertificate:
    signed, algorithm, _signature = certificate.expect(SEQUENCE).parts()
    fields = signed.expect(SEQUENCE).parts()
    if fields[0].tag == VERSION:
        fields = fields[1:]
    _serial, _algorithm, _issuer, validity, subject, key, *_extensions = fields
    not_before, not_after = (_moment(moment) for moment in validity.expect(SEQUENCE).parts())
    key_algorithm, curve, modulus = _key(key)
    signed_by = _identifier(algorithm.expect(SEQUENCE).parts()[0])
    names = tuple(_common_names(subject))
    return ReadCertificate(
        not_before, not_after, signed_by, key_algorithm, curve, modulus, common_names=names
    )


def _common_names(subject: Element) -> Iterator[str]:
    for names in subject.expect(SEQUENCE).parts():
        for attribute in names.expect(SET).parts():
            kind, value = attribute.expect(SEQUENCE).parts()
            if _identifier(kind) == COMMON_NAME:
                readable = value.tag in {UTF8_STRING, PRINTABLE_STRING}
                yield value.body.decode("utf-8") if readable else ""


def _key(key: Element) -> tuple[str, str, int]:
    """Algorithm, curve and modulus of a SubjectPublicKeyInfo."""
    algorithm, bits = key.expect(SEQUENCE).parts()
    identifier, *parameters = algorithm.expect(SEQUENCE).parts()
    name = _identifier(identifier)
    if name == ELLIPTIC_CURVE:
        return name, _identifier(parameters[0]), 0
    if name == RSA:
        modulus, _exponent = _element(bits.expect(BIT_STRING).body[1:]).expect(SEQUENCE).parts()
        return name, "", int.from_bytes(modulus.expect(INTEGER).body, "big", signed=True)
    return name, "", 0


def _elements(data: bytes) -> Iterator[Element]:
    at = 0
    while at < len(data):
        length, start = _length(data, at + 1)
        if start + length > len(data):
            raise MalformedCertificate(f"{length} bytes expected, {len(data) - start} found")
        yield Element(data[at], data[start : start + length])
        at = start + length


def _element(data: bytes) -> Element:
    found = list(_elements(data))
    if len(found) != 1:
        raise MalformedCertificate(f"one element expected, {len(found)} found")
    return found[0]


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The length that is written there, and where the content begins."""
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count


def _identifier(element: Element) -> str:
    numbers, value = [], 0
    for byte in element.expect(OBJECT_IDENTIFIER).body:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in (first, numbers[0] - 40 * first, *numbers[1:]))


def _moment(element: Element) -> datetime:
    text = element.body.decode("ascii")
    if element.tag == UTC_TIME:  # RFC 5280 section 4.1.2.5.1: 50 and more is of the last century
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif element.tag != GENERALIZED_TIME:
        raise MalformedCertificate(f"a time expected, tag {element.tag:#04x} found")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
