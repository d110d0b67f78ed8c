"""Why an MQTT operation failed, in words: the server's own, else the library's, with what that most
often means.
"""

from typing import Any

from virtual_device.connection.transport import Failure

FIRST_REFUSING_CODE = 0x80
"""MQTT 5: a reason code from 0x80 on is a refusal."""

HINTS = {
    134: "the server doesn't know this certificate",
    135: "the certificate's policy doesn't allow it",
    142: "another client has connected with this client id; is the device running twice?",
    "AWS_ERROR_MQTT5_PACKET_VALIDATION": (
        "the message, with its topic, may be larger than the server accepts"
    ),
    "AWS_ERROR_MQTT_UNEXPECTED_HANGUP": (
        "the certificate may be inactive, or its policy may not allow to connect"
    ),
    "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE": (
        "the certificate may be inactive, or the server's is from another CA"
    ),
}
"""What a reason code of the server, or an error of the library, most often means."""


def puback_refusal(result: Any) -> Failure | None:
    """What a PUBACK refuses; None when it refuses nothing."""
    packet = result.puback
    if packet is None or not _refuses(packet.reason_code):
        return None
    return Failure(reason(packet, None), refused=True, code=int(packet.reason_code))


def suback_refusal(packet: Any) -> Failure | None:
    """What a SUBACK refuses first; None when it refuses nothing."""
    refused = [code for code in packet.reason_codes if _refuses(code)]
    return Failure(_code(refused[0]), refused=True, code=int(refused[0])) if refused else None


def _refuses(code: Any) -> bool:
    return code is not None and int(code) >= FIRST_REFUSING_CODE


def reason(packet: Any, error: Any) -> str:
    """The server's own words where it said something, else the library's."""
    if packet is None or packet.reason_code is None:
        return text(error)
    return (
        f"{packet.reason_string}: {_code(packet.reason_code)}"
        if packet.reason_string
        else _code(packet.reason_code)
    )


def _code(code: Any) -> str:
    return _hinted(f"{getattr(code, 'name', 'reason code')} ({int(code)})", int(code))


def text(error: Any) -> str:
    """An error of the library."""
    name = getattr(error, "name", None) or type(error).__name__
    return _hinted(f"{name}: {getattr(error, 'message', error)}", name)


def _hinted(words: str, key: int | str) -> str:
    return f"{words} ({HINTS[key]})" if key in HINTS else words
