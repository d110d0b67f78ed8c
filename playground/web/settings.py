"""What the server is told at its start: on standard input, for it holds a password and a key."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from playground.base.processes import ProcessId


@dataclass(frozen=True)
class Settings:
    """Everything that the server goes by. It has no AWS credentials, and no file but the page's.

    `api` is the HTTP API's URL, `cognito` Cognito's, `live` the origin of MQTT over WebSocket;
    `config` is what `/config.json` says; `key` (hex) is that of the one-time codes. The server ends
    some time after the process `beside`.
    """

    port: int
    page: str
    lock: str
    api: str
    cognito: str
    client_id: str
    live: str
    config: Mapping[str, Any]
    username: str
    password: str = field(repr=False)
    key: str = field(repr=False)
    on_aws: bool = False
    beside: ProcessId | None = None

    def to_json(self) -> bytes:
        """For the server's standard input."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Settings":
        """Of the server's standard input."""
        found = json.loads(content)
        beside = found.pop("beside")
        return cls(**found, beside=ProcessId(**beside) if beside else None)
