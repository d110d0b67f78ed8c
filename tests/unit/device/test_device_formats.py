"""What public devices send can be said in a model: each of these sends messages of that shape."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from virtual_device.shadow import settings as table
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.model import read
from virtual_device.telemetry.thing import Thing

FORMATS = Path(__file__).parents[1] / "data" / "formats"
WALL = 1_795_930_412.513
NAME = "plug-7"


def text(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def decimals(most: int) -> Any:
    """A float with so many decimals at most."""
    return ("decimals", most)


UUID = text("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MILLISECONDS = 1_795_930_412_513
LOCAL = "2026-11-29T06:33:32"

SHAPES: dict[str, list[tuple[str, Any]]] = {
    "relay": [
        (
            "telemetry",
            {
                "src": NAME,
                "dst": f"{NAME}/events",
                "method": "NotifyStatus",
                "params": {
                    "ts": 1795930412.51,
                    "switch:0": {
                        "id": 0,
                        "output": bool,
                        "apower": decimals(1),
                        "aenergy": {"by_minute": [decimals(3)] * 3},
                        "temperature": {"tC": decimals(1)},
                    },
                },
            },
        )
    ],
    "obis": [("telemetry", {"1.8.0": decimals(1), "16.7.0": int})],
    "gateway": [
        (
            "telemetry",
            {
                "Boiler A": [{"ts": MILLISECONDS, "values": {"t": decimals(1), "burner": bool}}],
                "Boiler B": [
                    {"ts": MILLISECONDS - 30_000, "values": {"t": decimals(1)}},
                    {"ts": MILLISECONDS, "values": {"t": decimals(1)}},
                ],
            },
        )
    ],
    "rooms": [
        (
            "telemetry",
            {
                "home_id": UUID,
                "rooms": [
                    {"room_type": "kitchen", "temperature": int},
                    {"room_type": "bedroom", "temperature": int, "window": text("open|closed")},
                ],
                "timestamp": MILLISECONDS,
            },
        )
    ],
    "plug": [
        (
            f"tele/{NAME}/SENSOR",
            {
                "Time": LOCAL,
                "ENERGY": {"Total": 12.345, "Current": [decimals(3)] * 2},
                "TempUnit": "C",
            },
        ),
        (
            f"tele/{NAME}/STATE",
            {
                "Time": LOCAL,
                "UptimeSec": 0,
                "POWER": text("ON|OFF"),
                "Wifi": {"BSSId": text("[0-9A-F]{2}(:[0-9A-F]{2}){5}"), "RSSI": int},
            },
        ),
    ],
    "chunk": [("telemetry", [{"id": 1, "v": decimals(1)}, {"id": 2, "v": decimals(1)}])],
    "zigbee": [
        (
            f"zigbee2mqtt/{NAME}",
            {
                "battery": int,
                "humidity": decimals(2),
                "last_seen": "2026-11-29T06:33:32+01:00",
                "linkquality": int,
                "temperature": decimals(2),
                "update": {"state": "idle", "latest_version": None},
            },
        ),
        (f"zigbee2mqtt/{NAME}/availability", {"state": text("online|offline")}),
    ],
    "sparkplug": [
        (
            f"spBv1.0/plant/DDATA/{NAME}/press",
            {
                "timestamp": MILLISECONDS,
                "metrics": [
                    {
                        "name": "Inputs/Pressure",
                        "timestamp": MILLISECONDS,
                        "dataType": "Float",
                        "value": decimals(3),
                    },
                    {
                        "name": "Outputs/Strokes",
                        "timestamp": MILLISECONDS,
                        "dataType": "UInt64",
                        "value": int(WALL / 2),
                    },
                ],
                "seq": 0,
            },
        )
    ],
    "senml": [
        (
            "senml",
            [
                {
                    "bn": text("urn:dev:mac:[0-9a-f]{16}:"),
                    "bt": WALL,
                    "n": "voltage",
                    "u": "V",
                    "v": decimals(1),
                },
                {"n": "current", "u": "A", "v": decimals(7)},
                {"n": "open", "vb": False},
            ],
        )
    ],
    "lorawan": [
        (
            f"v3/app@ttn/devices/{NAME}/up",
            {
                "end_device_ids": {
                    "device_id": NAME,
                    "application_ids": {"application_id": "app"},
                    "dev_eui": text("[0-9A-F]{16}"),
                },
                "correlation_ids": [text(f"as:up:{UUID.pattern}")],
                "received_at": text(r"2026-11-29T05:33:32\.51[23]\d{6}Z"),
                "uplink_message": {
                    "f_port": 2,
                    "f_cnt": 0,
                    "frm_payload": text(r"[A-Za-z0-9+/]{15}="),
                    "decoded_payload": {
                        "battery": decimals(2),
                        "soil": {"moisture": decimals(1)},
                    },
                    "rx_metadata": (
                        "some",
                        {
                            "gateway_ids": {"gateway_id": text("gw-[123]")},
                            "rssi": int,
                            "snr": decimals(1),
                        },
                    ),
                    "settings": {
                        "data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}},
                        "frequency": text(r"868[135]00000"),
                    },
                },
            },
        )
    ],
    "homie": [
        (f"homie/{NAME}/$state", "ready"),
        (f"homie/{NAME}/heater/temperature", text(r"\d\d\.\d")),
        (f"homie/{NAME}/heater/on", text("true|false")),
        (f"homie/{NAME}/heater/color", text(r"\d{1,3},\d{1,3},0")),
    ],
    "opcua": [
        (
            "telemetry",
            {
                "MessageId": UUID,
                "MessageType": "ua-data",
                "PublisherId": f"urn:plant:{NAME}",
                "Messages": [
                    {
                        "DataSetWriterId": 62541,
                        "SequenceNumber": 1,
                        "MetaDataVersion": {"MajorVersion": 1, "MinorVersion": 0},
                        "Timestamp": text(r"2026-11-29T05:33:32\.51[23]\d{3}Z"),
                        "Payload": {
                            "ns=2;s=Drum/Level": {
                                "Value": {"Type": 11, "Body": decimals(3)},
                                "SourceTimestamp": text(r"2026-11-29T05:33:32\.26[23]\d{3}Z"),
                            }
                        },
                    }
                ],
            },
        )
    ],
    "csv": [("log", text(rf"2026-11-29 05:33:32;{NAME};000000;\d\d\.\d\d;(OK|WARN)"))],
    "influx": [
        (
            "influx",
            text(
                rf"weather,station={NAME},room=hall temperature=\d+\.\d,"
                r'rain="(none|some)",n=0i 1795930412\d{9}'
            ),
        )
    ],
    "sitewise": [
        (
            "telemetry",
            {
                "entries": [
                    {
                        "entryId": text("[0-9a-f]{8}"),
                        "propertyAlias": f"/plant/{NAME}/rpm",
                        "propertyValues": [
                            {
                                "value": {"doubleValue": decimals(1)},
                                "timestamp": {
                                    "timeInSeconds": int(WALL) - ago,
                                    "offsetInNanos": 0,
                                },
                                "quality": "GOOD",
                            }
                            for ago in (20, 10, 0)
                        ],
                    }
                ]
            },
        )
    ],
    "tracker": [
        (
            "telemetry",
            {
                "_type": "location",
                "tid": text("[0-9A-F]{2}"),
                "lat": decimals(6),
                "lon": decimals(6),
                "cog": int,
                "vel": int,
                "tst": int(WALL),
            },
        )
    ],
    "cloudevent": [
        (
            "telemetry",
            {
                "subject": NAME,
                "time": text(r"2026-11-29T05:33:32\.51[23]Z"),
                "specversion": "1.0",
                "id": UUID,
                "type": "com.example.door",
                "source": f"/doors/{NAME}",
                "datacontenttype": "application/json",
                "data": {
                    "open": bool,
                    "lock": {"state": text("shut|free"), "code": int},
                },
            },
        )
    ],
}


def alike(found: Any, shape: Any) -> bool:  # noqa: PLR0911 - a row for each kind
    """Whether a message has a shape: the same members in the same order, and no others."""
    match shape:
        case dict():
            return list(found) == list(shape) and all(alike(found[k], shape[k]) for k in shape)
        case list():
            return len(found) == len(shape) and all(map(alike, found, shape))
        case ("some", item):
            return len(found) >= 1 and all(alike(one, item) for one in found)
        case ("decimals", most):
            return isinstance(found, float) and found == round(found, most)
        case re.Pattern():
            return isinstance(found, str) and shape.fullmatch(found) is not None
        case type():
            return type(found) is shape
    return type(found) is type(shape) and bool(found == shape)


def sent(name: str, wall: float, sequence: int) -> list[tuple[str, bytes]]:
    thing = Thing(NAME, "generic", {"room": "hall"}, read((FORMATS / f"{name}.json").read_bytes()))
    settings = table.defaults(thing)
    return [
        (
            message.below(NAME),
            telemetry.payload(thing, settings, wall, sequence, number) or b"",
        )
        for number, message in enumerate(telemetry.messages_of(thing))
    ]


def content(payload: bytes, shape: Any) -> Any:
    plain = isinstance(shape, str | re.Pattern)
    return payload.decode() if plain else json.loads(payload)


@pytest.mark.parametrize("name", SHAPES)
def test_the_format_is_met_exactly(name: str) -> None:
    found = sent(name, WALL, 0)
    assert [topic for topic, _ in found] == [topic for topic, _ in SHAPES[name]]
    for (_, payload), (_, shape) in zip(found, SHAPES[name], strict=True):
        assert alike(content(payload, shape), shape), payload.decode()


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_moment_gives_the_same_bytes_and_another_one_others(name: str) -> None:
    assert sent(name, WALL, 3) == sent(name, WALL, 3)
    later = [sent(name, WALL + 3600 * hour, hour) for hour in range(24)]
    assert len({tuple(payload for _, payload in one) for one in later}) > 6


def test_every_file_is_tried() -> None:
    assert {file.stem for file in FORMATS.glob("*.json")} == SHAPES.keys()


# Real messages of other devices than ours, cut short: what tells one shape from another.
OTHERS = [
    ("obis", {"1.8.0": 123456.75, "16.7.0": 412}),
    ("obis", {"16.7.0": 412, "1.8.0": 123456.7}),
    ("obis", {"1.8.0": 123456.7, "16.7.0": 412, "unit": "metric"}),
    ("chunk", [{"id": 1, "v": 2.5}]),
    ("chunk", [{"id": 1, "v": 2.5}, {"id": 2, "v": "2.6"}]),
]


@pytest.mark.parametrize(("name", "message"), OTHERS)
def test_a_shape_refuses_what_differs(name: str, message: Any) -> None:
    assert not alike(message, SHAPES[name][0][1])
