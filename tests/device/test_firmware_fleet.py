"""Firmware updates of real device processes, over a real broker and a real HTTP server."""

import json
from hashlib import sha256
from typing import Any

import pytest

from tests.device.cloud import Cloud
from tests.device.process import DeviceProcess, Workbench
from tests.unit.doubles.image_server import ImageServer, image_server

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(400)]

IMAGE = json.dumps(
    {"version": "2.0.0", "model": {"telemetry": {"volts": {"constant": 3.3}}}}
).encode()
THINGS = [f"dev-{number:03}" for number in range(30)]


def document(server: ImageServer) -> dict[str, Any]:
    server.content = IMAGE
    return {
        "operation": "update-firmware",
        "version": "2.0.0",
        "url": server.url(),
        "size": len(IMAGE),
        "sha256": sha256(IMAGE).hexdigest(),
    }


def test_a_process_full_of_devices_updates_itself(cloud: Cloud, bench: Workbench) -> None:
    # Given thirty devices in a process
    for thing in THINGS:
        bench.config(thing)
    with image_server() as server:
        process = bench.start(bench.configs, fetch_from=server.url("/"))
        for thing in THINGS:
            cloud.wait_for_reported(thing, time=60)
        # When all are told to update
        executions = [cloud.create_job(thing, document(server)) for thing in THINGS]
        cloud.wait_until(lambda: all(one.status == "SUCCEEDED" for one in executions), 60)
    # Then all have, and say so
    for thing in THINGS:
        cloud.wait_for_reported(thing, firmware="2.0.0")
        assert cloud.messages(f"dt/playground/{thing}/telemetry")[-1].content["volts"] == 3.3
    # and do so after the process was killed
    online = {thing: len(cloud.messages(f"evt/playground/{thing}/online")) for thing in THINGS}
    process.kill()
    bench.start(bench.configs)
    for thing in THINGS:
        cloud.wait_for(f"evt/playground/{thing}/online", online[thing] + 1)
        assert cloud.shadows[thing].reported["firmware"] == "2.0.0"


def test_the_url_is_in_no_log(cloud: Cloud, bench: Workbench) -> None:
    with image_server() as server:
        # Given a device that logs all that it can
        process: DeviceProcess = bench.start(bench.config("dev-LOG"), fetch_from=server.url("/"))
        cloud.change("dev-LOG", debug="on")
        cloud.wait_for_reported("dev-LOG", debug="on")
        job = {**document(server), "url": server.url("/403?X-Amz-Signature=SIGNED")}
        # When it can't be updated, and when it is
        refused, good = (
            cloud.create_job("dev-LOG", job),
            cloud.create_job("dev-LOG", document(server)),
        )
        cloud.wait_until(lambda: (refused.status, good.status) == ("FAILED", "SUCCEEDED"), 30)
        assert "SIGNED" not in json.dumps(refused.history + good.history)
    process.terminate()
    # Then no line has the URL, which is the image for whoever sees it
    assert "firmware in force" in [line["message"] for line in process.log()]
    assert "SIGNED" not in json.dumps(process.log())
