"""A certificate read without any native package: as the real thing reads it, and what is weak about
its key.
"""

import base64
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import prod
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from auditing.key_quality import PRIMES, ROCA, SHORT_KEY, WEAK_SIGNATURE, is_roca, weaknesses
from common.der import ELLIPTIC_CURVE, RSA, MalformedCertificate, read_certificate
from tests.certificates import certificate_pem, rsa_public_key

CURVES: dict[Any, str] = {
    ec.SECP256R1: "P-256",
    ec.SECP384R1: "P-384",
    ec.SECP521R1: "P-521",
    ec.SECP256K1: "",
}
EC_KEYS = [ec.generate_private_key(curve()).public_key() for curve in CURVES]
GOOD = (1 << 2047) + 3
DER = x509.load_pem_x509_certificate(certificate_pem().encode()).public_bytes(Encoding.DER)
OF_ROCA = (1 << 2048) // prod(PRIMES) * prod(PRIMES) - prod(PRIMES) + pow(65537, 5, prod(PRIMES))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - tzinfo follows
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
keys = st.sampled_from(EC_KEYS) | st.integers(2**1023, 2**4096).map(
    lambda number: rsa_public_key(number | 1)
)


@given(keys, moments, moments)
def test_it_reads_what_the_real_thing_reads(key: object, one: datetime, other: datetime) -> None:
    # given
    pem = certificate_pem(key, min(one, other), max(one, other))  # type: ignore[arg-type]
    # when
    read, real = read_certificate(pem), x509.load_pem_x509_certificate(pem.encode())
    # then
    assert (read.not_before, read.not_after) == (
        real.not_valid_before_utc,
        real.not_valid_after_utc,
    )
    assert read.signature_algorithm == real.signature_algorithm_oid.dotted_string
    assert read.key_algorithm == real.public_key_algorithm_oid.dotted_string
    public = real.public_key()
    if read.key_algorithm == RSA:
        assert read.modulus == public.public_numbers().n  # type: ignore[union-attr]
    else:
        assert read.key_algorithm == ELLIPTIC_CURVE
        assert read.curve == ec.EllipticCurveOID.__dict__[public.curve.name.upper()].dotted_string  # type: ignore[union-attr]


@given(st.data())
def test_a_damaged_certificate_raises_nothing_but_its_own_error(data: st.DataObject) -> None:
    # given
    der = bytearray(DER)
    at = data.draw(st.integers(0, len(der) - 1))
    if data.draw(st.booleans()):
        der = der[:at]
    else:
        der[at] = data.draw(st.integers(0, 255))
    # then: a change inside a name or a number is none that it could know of
    with suppress(MalformedCertificate):
        read_certificate(
            f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END "
            "CERTIFICATE-----"
        )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "certificate",
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----",
    ],
)
def test_a_text_without_a_certificate_is_refused(text: str) -> None:
    with pytest.raises(MalformedCertificate):
        read_certificate(text)


@pytest.mark.parametrize(
    ("modulus", "codes"),
    [
        (GOOD, []),
        ((1 << 1023) + 3, [SHORT_KEY]),
        (OF_ROCA, [ROCA]),
        (65537, [SHORT_KEY, ROCA]),
    ],
    ids=["good", "short", "roca", "both"],
)
def test_the_weaknesses_of_an_rsa_key(modulus: int, codes: list[str]) -> None:
    good = read_certificate(certificate_pem(rsa_public_key(GOOD)))
    assert [code for code, _ in weaknesses(replace(good, modulus=modulus))] == codes


@pytest.mark.parametrize("key", EC_KEYS, ids=lambda key: str(key.curve.name))
def test_only_the_curves_that_aws_iot_takes_are_good(key: ec.EllipticCurvePublicKey) -> None:
    good = bool(CURVES[type(key.curve)])
    assert (weaknesses(read_certificate(certificate_pem(key))) == []) is good


@pytest.mark.parametrize(
    "algorithm", ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"]
)
def test_a_broken_signature_algorithm_is_found(algorithm: str) -> None:
    read = replace(read_certificate(certificate_pem()), signature_algorithm=algorithm)
    assert [code for code, _ in weaknesses(read)] == [WEAK_SIGNATURE]


def test_a_key_of_another_kind_is_found() -> None:
    read = replace(read_certificate(certificate_pem()), key_algorithm="1.3.101.112", curve="")
    assert [code for code, _ in weaknesses(read)] == [SHORT_KEY]


def test_a_key_of_2048_bits_as_the_library_makes_it_is_found() -> None:
    """With the parameters that are published for this size: Nemec et al., section 2.1, M of the
    first 126 primes.
    """
    product = prod(sieved(126))
    assert product.bit_length() == 971
    first, second = (
        factor * product + pow(65537, exponent, product)
        for factor, exponent in ((7333175731708529, 44418), (8391427593728130, 57426))
    )
    for prime in (first, second):
        assert prime.bit_length() == 1024
        assert pow(2, prime - 1, prime) == 1
    modulus = first * second
    assert modulus.bit_length() == 2048
    assert is_roca(modulus)
    read = read_certificate(certificate_pem(rsa_public_key(modulus)))
    assert [code for code, _ in weaknesses(read)] == [ROCA]
    assert not is_roca(modulus + 2)


def test_the_primes_are_those_of_the_smallest_key() -> None:
    """For 512 bits M has the first 39 primes; every modulus is odd, so 2 says nothing."""
    assert tuple(sieved(39)[1:]) == PRIMES


def sieved(count: int) -> list[int]:
    """The first so many primes."""
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


@given(st.integers(1, 200), st.integers(0, 10**6))
def test_the_mark_of_roca_is_in_every_modulus_of_that_form(factor: int, exponent: int) -> None:
    product = prod(PRIMES)
    assert is_roca(factor * product + pow(65537, exponent, product))


@given(st.integers(1, 2**2048))
def test_a_modulus_that_is_no_power_of_the_generator_for_one_prime_is_good(modulus: int) -> None:
    # Modulo 11, 65537 is 10, and its powers are 1 and 10.
    eleven = {pow(65537, exponent, 11) for exponent in range(11)}
    assert len(eleven) < 10
    other = next(rest for rest in range(1, 11) if rest not in eleven)
    assert not is_roca(modulus - modulus % 11 + other)
