"""The fault proxy itself: it tells calls apart by their requests, and what it lets go wrong goes
wrong just so.
"""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from proofs.fault_matrix.calls import Call, call_of
from proofs.fault_matrix.marks import thing_in
from proofs.fault_matrix.proxy import FaultProxy, fault_proxy
from proofs.fault_matrix.quota import Quota
from proofs.fault_matrix.rules import Answer, Fault, Rule

pytestmark = pytest.mark.thorough

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=1.5, proxies={})


class Upstream:
    """In the emulator's place: remembers the things that were created."""

    def __init__(self) -> None:
        self.things: list[str] = []
        self.hosts: list[str] = []
        self.port = 0

    def handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream.things.append(self.path.rpartition("/")[2])
                upstream.hosts.append(self.headers["Host"])
                body = json.dumps({"thingName": upstream.things[-1], "thingId": "1"}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler


@contextmanager
def _serving(upstream: Upstream) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), upstream.handler())
    upstream.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    found = Upstream()
    with _serving(found):
        yield found


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[FaultProxy]:
    with fault_proxy(upstream.port) as running:
        yield running


@pytest.fixture
def create(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Creates a thing through the proxy, as a function does on behalf of the thing `one`."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "CreateThingFunction")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-0-0;Function=CreateThing;Thing=one;Request=r1")
    client = boto3.client(
        "iot",
        endpoint_url=proxy.url,
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="s",
        config=ONCE,
    )
    return lambda name: client.create_thing(thingName=name)


def test_what_no_rule_is_about_passes_with_the_host_that_was_signed(
    proxy: FaultProxy, upstream: Upstream, create: Callable[[str], Any]
) -> None:
    # when
    with proxy.rule(Rule(Fault.DENIED, "another")):
        answer = create("lamp")
    # then
    assert answer["thingName"] == "lamp"
    assert upstream.things == ["lamp"]
    assert upstream.hosts == [f"127.0.0.1:{proxy.port}"]
    (record,) = proxy.of("one")
    assert (record.call.name, record.call.function, record.call.invocation) == (
        "iot:CreateThing",
        "CreateThing",
        "r1",
    )
    assert record.effective


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (Fault.ERROR_BEFORE, ClientError, "InternalFailureException"),
        (Fault.DENIED, ClientError, "AccessDeniedException"),
        (Fault.THROTTLED_TWICE, ClientError, "ThrottlingException"),
        (Fault.GONE, ClientError, "ResourceNotFoundException"),
    ],
)
def test_what_is_answered_in_place_of_aws_has_no_effect(
    proxy: FaultProxy,
    upstream: Upstream,
    create: Callable[[str], Any],
    fault: Fault,
    error: type[ClientError],
    code: str,
) -> None:
    # when
    with (
        proxy.rule(Rule(fault, "one", "CreateThing", "iot:CreateThing")),
        pytest.raises(error) as refused,
    ):
        create("lamp")
    # then
    assert refused.value.response["Error"]["Code"] == code
    assert upstream.things == []
    assert not proxy.of("one")[0].effective


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault.LOST_AFTER, ConnectionClosedError), (Fault.TIME_OUT_AFTER, ReadTimeoutError)],
)
def test_a_call_whose_answer_is_lost_has_had_its_effect(
    proxy: FaultProxy,
    upstream: Upstream,
    create: Callable[[str], Any],
    fault: Fault,
    error: type[Exception],
) -> None:
    # when
    with proxy.rule(Rule(fault, "one")), pytest.raises(error):
        create("lamp")
    # then
    assert upstream.things == ["lamp"]
    assert proxy.of("one")[0].effective


def test_a_malformed_answer_comes_after_the_effect(
    proxy: FaultProxy, upstream: Upstream, create: Callable[[str], Any]
) -> None:
    # when
    with proxy.rule(Rule(Fault.MALFORMED, "one")):
        answer = create("lamp")
    # then: botocore makes nothing of what it can't read
    assert "thingName" not in answer
    assert upstream.things == ["lamp"]


def test_a_held_call_goes_on_when_it_is_released(
    proxy: FaultProxy, upstream: Upstream, create: Callable[[str], Any]
) -> None:
    # given
    with proxy.rule(Rule(Fault.HELD, "one")) as rule:
        thread = threading.Thread(target=create, args=["lamp"])
        thread.start()
        assert rule.struck.wait(5)
        before = list(upstream.things)
        # when
        rule.release.set()
        thread.join()
    # then
    assert (before, upstream.things) == ([], ["lamp"])


@pytest.mark.parametrize(
    ("fault", "strikes"), [(Fault.THROTTLED_TWICE, 2), (Fault.TIME_OUT_AFTER, 1), (Fault.DENIED, 5)]
)
def test_a_fault_strikes_as_often_as_it_says(fault: Fault, strikes: int) -> None:
    # given
    rule = Rule(fault, "one", "CreateThing", "iot:CreateThing")
    # when
    struck = [rule.strikes(Call("iot", "CreateThing", "CreateThing", "one")) for _ in range(5)]
    # then
    assert struck == [True] * strikes + [False] * (5 - strikes)
    assert rule.hits == strikes


def test_a_rule_is_about_one_call_of_each_invocation_and_its_repetitions() -> None:
    # given: the second write of an invocation
    rule = Rule(Fault.DENIED, "one", "RecordStatus", "dynamodb:UpdateItem", occurrence=1)

    def call(invocation: str, attempts_of: str, **changes: str) -> Call:
        return Call(
            **{
                "service": "dynamodb",
                "operation": "UpdateItem",
                "function": "RecordStatus",
                "thing": "one",
                "invocation": invocation,
                "attempts_of": attempts_of,
                **changes,
            }
        )

    # when
    struck = [
        rule.strikes(each)
        for each in (
            call("r1", "a"),
            call("r1", "b"),
            call("r1", "b"),
            call("r1", "c"),
            call("r2", "d"),
            call("r2", "e"),
            call("r2", "e", thing="two"),
            call("r2", "e", function="Presence"),
            call("r2", "e", operation="PutItem"),
        )
    ]
    # then
    assert struck == [False, True, True, False, False, True, False, False, False]


def test_a_rule_may_be_about_a_state_that_is_entered_again() -> None:
    # given
    rule = Rule(Fault.DENIED, "one", "NextDevice", "dynamodb:GetItem", occurrence=0, later=1)
    # when: one invocation, and then another, which the workflow repeats
    struck = [
        rule.strikes(Call("dynamodb", "GetItem", "NextDevice", "one", invocation, attempts_of))
        for invocation, attempts_of in (
            ("r1", "a"), ("r1", "b"), ("r2", "c"), ("r2", "c"), ("r2", "d"), ("r3", "e"),
        )
    ]  # fmt: skip
    # then
    assert struck == [False, False, True, True, False, True]


def test_a_rule_may_strike_less_often_than_its_fault() -> None:
    # given
    rule = Rule(Fault.DENIED, "one", most=1)
    # when
    struck = [rule.strikes(Call("iot", "CreateThing", "CreateThing", "one")) for _ in range(3)]
    # then
    assert struck == [True, False, False]


SIGNED = (
    "AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, "
    "Signature=s"
)


@pytest.mark.parametrize(
    ("method", "target", "scope", "headers", "name", "thing"),
    [
        ("POST", "/keys-and-certificate?setAsActive=true", "iot", {},
        "iot:CreateKeysAndCertificate", ""),
        ("PUT", "/target-policies/p", "iot", {}, "iot:AttachPolicy", ""),
        ("PUT", "/things/a/principals", "iot", {}, "iot:AttachThingPrincipal", ""),
        ("DELETE", "/certificates/abc", "iot", {}, "iot:DeleteCertificate", ""),
        ("POST", "/attached-policies/arn%3Acert%2Fabc", "iot", {}, "iot:ListAttachedPolicies", ""),
        ("POST", "/things/a/shadow", "iotdata", {}, "iot-data:UpdateThingShadow", ""),
        ("PUT", "/bucket/devices/lamp/config.json", "s3", {}, "s3:PutObject", "lamp"),
        ("GET", "/bucket?list-type=2&prefix=devices%2Flamp", "s3", {}, "s3:ListObjectsV2", ""),
        ("POST", "/2015-03-31/functions/f/invocations", "lambda", {}, "lambda:Invoke", ""),
        ("POST", "/", "dynamodb", {"x-amz-target": "DynamoDB_20120810.PutItem"}, "dynamodb:PutItem",
        ""),
        ("POST", "/", "states", {"x-amz-target": "AWSStepFunctions.Send"}, "stepfunctions:Send",
        ""),
    ],
)  # fmt: skip
def test_a_call_is_known_by_its_request(
    method: str, target: str, scope: str, headers: dict[str, str], name: str, thing: str
) -> None:
    call = call_of(method, target, {"authorization": SIGNED.format(scope), **headers})
    assert (call.name, call.thing) == (name, thing)


def test_a_presigned_request_is_known_too() -> None:
    scope = "A%2F20260101%2Feu-west-1%2Fs3%2Faws4_request"
    query = f"X-Amz-Credential={scope}&X-Amz-Signature=s"
    target = f"/b/devices/lamp/identity.json?{query}"
    call = call_of("GET", target, {})
    assert (call.name, call.thing, call.function, call.key) == ("s3:GetObject", "lamp", "", "A")


def test_the_name_of_a_call_may_stand_in_its_body() -> None:
    call = call_of(
        "POST", "/", {"authorization": SIGNED.format("sns")}, b"Action=Publish&Message=x"
    )
    assert (call.name, call.key) == ("sns:Publish", "A")


def test_what_is_answered_may_be_asked_once_more(upstream: Upstream) -> None:
    # given
    asked: list[int] = []

    def twice(call: Call, answer: Answer) -> bool:
        asked.append(answer.status)
        return len(asked) < 3

    with fault_proxy(upstream.port, again=twice) as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
        # when
        connection.request("POST", "/things/lamp", headers={"Authorization": SIGNED.format("iot")})
        connection.getresponse().read()
        connection.close()
    # then
    assert asked == [200] * 3
    assert upstream.things == ["lamp"] * 3
    assert len(proxy.records) == 1


def test_a_rate_limit_is_asked_before_each_call(upstream: Upstream) -> None:
    # given
    asked: list[str] = []
    with fault_proxy(upstream.port, gate=lambda call: asked.append(call.operation)) as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
        # when
        connection.request("POST", "/things/lamp", headers={"Authorization": SIGNED.format("iot")})
        connection.getresponse().read()
        connection.close()
    # then
    assert asked == ["CreateThing"]


@pytest.mark.parametrize(
    "event",
    [
        {"thingName": "lamp", "certificateArn": "x"},
        {"input": {"thingName": "lamp"}, "execution": "arn"},
        {"clientId": "lamp", "eventType": "connected"},
        {"detail": {"status": "ABORTED", "input": '{"thingName": "lamp"}'}},
        {"input": {"thingNames": ["lamp"]}, "roll": "arn", "progress": {}},
    ],
)
def test_the_thing_is_found_wherever_an_event_names_it(event: object) -> None:
    assert thing_in(event) == "lamp"


def test_a_message_may_be_about_a_host() -> None:
    assert thing_in({"Records": [{"body": '{"host": "host-7"}'}]}) == "host-7"
    assert thing_in({"Records": [{"body": '{"host": "host-7", "idle": true}'}]}) == "host-7"
    assert thing_in({"Records": [{"body": '{"host": "host-7"}'}, {"body": "{}"}]}) == ""
    assert thing_in({"headers": {"host": "api.example"}}) == ""


def test_an_event_may_name_no_thing() -> None:
    assert thing_in({"input": {}, "number": 7, "text": "{broken"}) == ""
    assert thing_in({"input": {"thingNames": ["lamp", "fan"]}}) == ""


def test_a_quota_lets_so_many_a_second_pass_and_throttles_the_others() -> None:
    # given
    now = 100.0
    quota = Quota("iot:CreateKeysAndCertificate", 4, clock=lambda: now)
    call = Call("iot", "CreateKeysAndCertificate")
    passed = []
    for second in range(5):
        now = 100.0 + second
        # when: ten times as many as may
        passed.append(sum(quota(call) is None for _ in range(40)))
    # then
    assert passed == [4] * 5
    assert (quota.passed, quota.throttled) == (20, 180)
    assert quota(Call("iot", "CreateThing")) is None


@pytest.mark.parametrize(
    "event",
    [
        {"input": {"name": "office", "groups": [{"name": "lamp", "count": 1}]}, "execution": "arn"},
        {"name": "office", "execution": "arn", "wanted": 1},
        {"input": {"name": "office"}, "execution": "arn"},
        {"input": {"executionArn": "arn:aws:states:r:a:execution:s-provision-fleet:office"}},
    ],
)
def test_an_event_may_be_about_a_fleet(event: object) -> None:
    assert thing_in(event) == "office"
