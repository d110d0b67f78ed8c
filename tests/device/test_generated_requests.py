"""Generated input: job documents, messages of the jobs service, and commands, bad in any way.

`--hypothesis-profile=full` runs 4,000 examples of each kind, a plain run far fewer.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.device.stage import JOBS, NAME, stage
from tests.device.test_generated import broken, first_report, is_object, patient, texts, values
from tests.unit.doubles.surroundings import Device
from virtual_device.commands import commands
from virtual_device.connection.transport import Message
from virtual_device.jobs import operations
from virtual_device.jobs.job_client import JobClient
from virtual_device.telemetry.thing import Thing

pytestmark = pytest.mark.thorough

FIRST_REPORT = first_report("bulb")
REQ, RES = f"cmd/playground/{NAME}/req", f"cmd/playground/{NAME}/res"
GOOD = {"operation": "change-unit", "unit": "imperial"}

bad_units = (values | st.sampled_from(["Metric", "imperial ", ["metric"]])).filter(
    lambda unit: unit not in ("metric", "imperial")
)
unknown = st.dictionaries(texts | st.just("colour"), values, min_size=1, max_size=2).filter(
    lambda given_: not given_.keys() & {"operation", "unit", "command", "arguments"}
)
bad_jobs = (
    values.filter(lambda document: document != GOOD)
    | st.fixed_dictionaries(
        {"operation": values | texts | st.just("explode")}, optional={"unit": values}
    )
    | st.builds(lambda unit: {"operation": "change-unit", "unit": unit}, bad_units)
    | st.builds(
        lambda name, more: {"operation": name, **more},
        st.sampled_from(list(operations.ROWS)),
        unknown,
    )
    | st.builds(lambda more: {**GOOD, **more}, unknown)
)


@patient
@given(document=bad_jobs)
def test_property_bad_job_documents_are_rejected_with_a_reason(document: Any) -> None:
    with stage() as scene:
        # Given a device in peace
        scene.connect()
        # When it gets a job whose document is bad in some way, and a good one behind it
        bad = scene.create_job(document)
        good = scene.create_job(GOOD)
        scene.run(deliver=False)
        settings = dict(scene.settings)
        scene.run()
        # Then the bad one is rejected with the field and the reason, and changes nothing; the good
        # one is done
        assert (bad.status, bad.details["code"]) == ("REJECTED", "INVALID_DOCUMENT")
        assert bad.details["field"]
        assert bad.details["reason"]
        assert [status for status, _ in bad.history] == ["REJECTED"]
        assert (settings, good.status) == (FIRST_REPORT, "SUCCEEDED")
        assert scene.settings == {**FIRST_REPORT, "unit": "imperial"}


executions = st.fixed_dictionaries(
    {},
    optional={
        "jobId": values | st.just("job-1"),
        "executionNumber": values | st.just(1),
        "versionNumber": values | st.integers(1, 9),
        "status": values | st.just("IN_PROGRESS"),
        "statusDetails": values,
        "jobDocument": values,
    },
)
contents = st.fixed_dictionaries(
    {},
    optional={
        "execution": values | executions,
        "clientToken": values,
        "code": values,
        "message": values,
    },
)
sound = json.dumps({"timestamp": 1, "execution": {"jobId": "job-1", "executionNumber": 1}}).encode()
messages = (
    st.binary(max_size=40)
    | st.builds(broken, st.just(sound), st.integers(0, 100), st.binary(max_size=6))
    | (contents | values).map(lambda content: json.dumps(content).encode())
)
kinds = st.sampled_from(
    ["notify-next", "$next/get/accepted", "$next/get/rejected", "start-next/accepted", "notify"]
)


@patient
@given(kind=kinds, payload=messages)
def test_property_bad_messages_of_the_jobs_service_change_nothing(
    kind: str, payload: bytes
) -> None:
    with stage() as scene:
        # Given a device in peace
        scene.connect()
        scene.log.clear()
        # When it gets a message that is bad in some way
        scene.inbox.append((f"{JOBS}/{kind}", payload))
        scene.run()
        # Then its settings are the old ones, what can't be read is logged with a reason, and it
        # does what is good
        assert scene.settings == FIRST_REPORT
        assert all(
            data["reason"] for _, message, data in scene.log if message == "jobs message ignored"
        )
        if not is_object(payload) and kind not in ("start-next/accepted", "notify"):
            assert [message for _, message, _ in scene.log] == ["jobs message ignored"]
        good = scene.create_job(GOOD)
        scene.run()
        assert good.status == "SUCCEEDED"


@patient
@given(content=contents, kind=st.sampled_from(["accepted", "rejected"]))
def test_property_bad_answers_of_the_jobs_service_do_no_harm(
    content: dict[str, Any], kind: str
) -> None:
    # Given a device that has asked what is next
    device = Device(Thing(NAME, "bulb"))
    client = JobClient(device)
    client.on_ready()
    # When the answer is bad in some way
    answer = json.dumps({**content, "clientToken": device.sent[-1].content["clientToken"]}).encode()
    assert client.on_message(Message(f"{JOBS}/$next/get/{kind}", answer))
    # Then it is at rest, or it asks again
    for timer in list(device.timers):
        timer.fire()
    assert all(
        question.operation == "start-next"
        for service in device.services
        for question in service.questions
    )
    client.on_disconnected()
    assert all(timer.call is None for timer in device.timers)
    assert all(service.closed for service in device.services)


bad_arguments = values.filter(lambda given_: not isinstance(given_, dict)) | unknown
bad_commands = (
    st.binary(max_size=40).filter(lambda payload: not is_object(payload))
    | (values | unknown).map(lambda content: json.dumps(content).encode())
    | st.builds(
        lambda name, arguments: json.dumps({"command": name, "arguments": arguments}).encode(),
        st.sampled_from(list(commands.rows("bulb"))),
        bad_arguments,
    )
    | st.builds(lambda name: json.dumps({"command": name}).encode(), values | st.just("explode"))
)


@patient
@given(payload=bad_commands)
def test_property_bad_commands_are_refused_with_a_reason(payload: bytes) -> None:
    with stage() as scene:
        # Given a device in peace
        scene.connect()
        sent = len(scene.sent)
        # When it is given a command that is bad in some way
        scene.inbox.append((REQ, payload))
        scene.run()
        # Then it answers once, with the field and the reason, does nothing else, and its settings
        # are the old ones
        (reply,) = scene.published(RES)
        assert reply["status"] == "refused"
        assert isinstance(reply["error"]["field"], str)
        assert reply["error"]["reason"]
        assert len(scene.sent) == sent + 1
        assert scene.settings == FIRST_REPORT
