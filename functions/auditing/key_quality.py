"""What is weak about a key, as far as the certificate shows it.

https://docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-device-cert-key-quality.html
names two vulnerabilities. CVE-2017-15361 shows in the modulus. CVE-2008-0166 can be told only by
lists of the keys in question, which are not shipped; it is Device Defender's to find.
"""

from common.der import ELLIPTIC_CURVE, RSA, ReadCertificate

ROCA = "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361"
# Ours: AWS IoT refuses to register such certificates, so Device Defender has no reason codes for
# them.
SHORT_KEY = "CERTIFICATE_KEY_NOT_ACCEPTED"
WEAK_SIGNATURE = "CERTIFICATE_SIGNATURE_NOT_ACCEPTED"

# https://docs.aws.amazon.com/iot/latest/developerguide/x509-client-certs.html, "X.509 certificate
# signing algorithms" and the keys that CreateCertificateFromCsr takes.
LEAST_RSA_BITS = 2048
CURVES = {"1.2.840.10045.3.1.7": "P-256", "1.3.132.0.34": "P-384", "1.3.132.0.35": "P-521"}
BROKEN_SIGNATURES = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.1.1.5": "SHA-1",
    "1.2.840.10045.4.1": "SHA-1",
}

# Primes of the Infineon library are k * M + (65537 ** a mod M), M a product of the first primes, so
# a modulus is in the group that 65537 generates, modulo each of them: Nemec et al., "The Return of
# Coppersmith's Attack", CCS 2017. These are the primes of the smallest M, which every larger one
# has too. One other modulus in 2.4 * 10 ** 8 passes by chance.
GENERATOR = 65537
PRIMES = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip


def weaknesses(certificate: ReadCertificate) -> list[tuple[str, str]]:
    """Reason code and reason of each; empty for a good key."""
    found = []
    if certificate.key_algorithm == RSA:
        bits = certificate.modulus.bit_length()
        if bits < LEAST_RSA_BITS:
            found.append(
                (SHORT_KEY, f"RSA key of {bits} bits, at least {LEAST_RSA_BITS} are needed")
            )
        if is_roca(certificate.modulus):
            found.append(
                (
                    ROCA,
                    "its modulus is of the form that Infineon's library makes, and can be factored",
                )
            )
    elif certificate.key_algorithm != ELLIPTIC_CURVE or certificate.curve not in CURVES:
        kind = certificate.curve or certificate.key_algorithm
        found.append(
            (SHORT_KEY, f"key of kind {kind}; RSA, {', '.join(CURVES.values())} are accepted")
        )
    if certificate.signature_algorithm in BROKEN_SIGNATURES:
        found.append(
            (WEAK_SIGNATURE, f"signed with {BROKEN_SIGNATURES[certificate.signature_algorithm]}")
        )
    return found


def is_roca(modulus: int) -> bool:
    """Whether the modulus carries the mark of CVE-2017-15361."""
    return all(modulus % prime in _generated(prime) for prime in PRIMES)


def _generated(prime: int) -> frozenset[int]:
    """The group that GENERATOR generates modulo the prime."""
    members, member = {1}, GENERATOR % prime
    while member not in members:
        members.add(member)
        member = member * GENERATOR % prime
    return frozenset(members)
