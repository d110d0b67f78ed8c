"""Ends a connection where there is no DeleteConnection: whoever connects with a client id ends the one that has it.

MQTT 5.0, 3.1.4: the server disconnects an existing client with the same id. That is so on AWS too, but there
DeleteConnection does it, without a connection of one's own. Over a WebSocket that is signed with the function's role:
https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html.
"""

import base64
import http.client
import secrets
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from common.errors import TransientError

if TYPE_CHECKING:
    from boto3 import Session

SERVICE = "iotdevicegateway"
SECONDS = 5


def take_over(session: "Session", endpoint: str, client_id: str) -> None:
    """Connect as `client_id`, with a clean session and no will, and say goodbye. Raises TransientError when refused."""
    split = urlsplit(endpoint)
    # An endpoint of one's own tells services apart by host name.
    host = f"iot.{session.region_name}.localhost:{split.port}"
    kind = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
    connection = kind(split.hostname or "", split.port, timeout=SECONDS)
    try:
        connection.request("GET", _signed(session, f"{split.scheme}://{host}/mqtt"), headers=_upgrade(host))
        _exchange(connection, client_id)
    except (OSError, http.client.HTTPException) as error:
        raise TransientError(f"the connection of {client_id} could not be taken over: {error!r}") from error
    finally:
        connection.close()


def _signed(session: "Session", url: str) -> str:
    """The path with the signature in its query; the session token stands outside of it."""
    found = session.get_credentials()
    if found is None:
        raise TransientError("the function has no credentials")
    frozen = found.get_frozen_credentials()
    request = AWSRequest("GET", url)
    SigV4QueryAuth(
        Credentials(frozen.access_key or "", frozen.secret_key or ""), SERVICE, session.region_name
    ).add_auth(request)
    token = f"&X-Amz-Security-Token={quote(frozen.token, safe='')}" if frozen.token else ""
    return str(request.url).partition(urlsplit(url).netloc)[2] + token


def _upgrade(host: str) -> dict[str, str]:
    return {
        "Host": host,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "mqtt",
    }


def _exchange(connection: http.client.HTTPConnection, client_id: str) -> None:
    answer = connection.getresponse()
    if answer.status != http.client.SWITCHING_PROTOCOLS:
        raise TransientError(f"no WebSocket: {answer.status} {answer.reason}")
    wire: socket.socket = connection.sock
    wire.sendall(_frame(_connect(client_id)))
    # A frame of 4 bytes with the CONNACK in it (3.1.1, 3.2): its last byte is the return code.
    connack = b""
    while len(connack) < len(_ACCEPTED):
        part = wire.recv(len(_ACCEPTED) - len(connack))
        if not part:
            break
        connack += part
    if connack != _ACCEPTED:
        raise TransientError(f"the connection of {client_id} is refused: {connack.hex()}")
    wire.sendall(_frame(_DISCONNECT))


_ACCEPTED = b"\x82\x04\x20\x02\x00\x00"
_DISCONNECT = b"\xe0\x00"


def _connect(client_id: str) -> bytes:
    """MQTT 3.1.1, 3.1: a clean session, a minute of keep-alive."""
    name = client_id.encode()
    content = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name
    length = len(content)
    # A thing name has at most 128 characters, so two bytes of length are enough.
    encoded = bytes([length]) if length < 128 else bytes([length % 128 | 0x80, length // 128])
    return b"\x10" + encoded + content


def _frame(packet: bytes) -> bytes:
    """One binary WebSocket frame of a client, masked as RFC 6455 (5.3) demands."""
    mask = secrets.token_bytes(4)
    length = len(packet)
    head = bytes([0x82, 0x80 | length]) if length < 126 else bytes([0x82, 0xFE]) + length.to_bytes(2, "big")
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(packet))
