"""The emulator's state as generations: what its services have comes back, objects and code too."""

import asyncio
import base64
import gc
import hashlib
import importlib
import io
import json
import os
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.local.generations import Generations, UnreadableError
from playground.local.keeper import NotWrittenError, Written

ACCOUNT, REGION = "111122223333", "us-east-1"
BUCKET = "things"
LONG = os.urandom(20_000)


OURS = ("ministack", *map("playground.local.{}".format, ("snapshot", "loading", "writers")))


def forget() -> None:
    """Have the emulator's modules be loaded anew.

    They leave an event loop behind, which nobody closes.
    """
    for name in [name for name in sys.modules if name.startswith(OURS)]:
        del sys.modules[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Emulator:
    """The emulator's modules, without its server."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, plain: bool) -> None:
        for name, value in {
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1" if plain else "0",
            "STATE_DIR": str(folder / "state"),
            "S3_DATA_DIR": str(folder / "s3"),
            "MINISTACK_TEST_NO_AUTOSTART": "1",
        }.items():
            monkeypatch.setenv(name, value)
        forget()
        self.app = importlib.import_module("ministack.app")
        self.snapshot = importlib.import_module("playground.local.snapshot")
        self.loading_module = importlib.import_module("playground.local.loading")
        self.writers = importlib.import_module("playground.local.writers")
        self.folder = folder
        self.generations = Generations(folder / "generations")
        self.responses = importlib.import_module("ministack.core.responses")

    def loading(self) -> Any:
        return self.loading_module.Loading(
            self.generations, self.folder / "state", self.folder / "s3", self.folder / "running"
        )

    def load(self) -> Any:
        loading = self.loading()
        loading.read()
        loading.apply()
        return loading.found

    def call(
        self, service: str, method: str, path: str, body: bytes = b"", **headers: str
    ) -> bytes:
        """What a service answers."""
        module = self.app._get_module(service)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        asked = {
            part.partition("=")[0]: [part.partition("=")[2]] for part in query.split("&") if part
        }
        with self.responses.request_scope(ACCOUNT, REGION):
            status, _headers, answer = asyncio.run(
                module.handle_request(method, path, named, body, asked)
            )
        assert status < 300, answer
        return bytes(answer)

    def json(self, service: str, target: str, **data: Any) -> Any:
        answer = self.call(service, "POST", "/", json.dumps(data).encode(), x_amz_target=target)
        return json.loads(answer)

    def fill(self) -> None:
        """A little of what the stack has."""
        self.call("s3", "PUT", f"/{BUCKET}")
        versioning = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        self.call("s3", "PUT", f"/{BUCKET}?versioning=", versioning)
        self.call(
            "s3", "PUT", f"/{BUCKET}/lamp/identity.json", b"the first", content_type="text/plain"
        )
        self.call("s3", "PUT", f"/{BUCKET}/lamp/identity.json", b"a key", content_type="text/plain")
        self.call("s3", "PUT", f"/{BUCKET}/code.zip", LONG)
        self.call("iot", "POST", "/things/lamp", b"{}")
        self.json(
            "dynamodb",
            "DynamoDB_20120810.CreateTable",
            TableName="catalog",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        item = {"name": {"S": "lamp"}, "code": {"B": "AAEC"}, "requests": {"SS": ["a", "b"]}}
        self.json("dynamodb", "DynamoDB_20120810.PutItem", TableName="catalog", Item=item)
        function = {
            "FunctionName": "presence",
            "Runtime": "python3.11",
            "Handler": "a.b",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
            "Code": {"ZipFile": base64.b64encode(zipped(LONG)).decode()},
        }
        self.call("lambda_svc", "POST", "/2015-03-31/functions", json.dumps(function).encode())

    def seen(self) -> dict[str, Any]:
        """What a user sees of it."""
        item = self.json(
            "dynamodb",
            "DynamoDB_20120810.GetItem",
            TableName="catalog",
            Key={"name": {"S": "lamp"}},
        )["Item"]
        listed = self.call("s3", "GET", f"/{BUCKET}?versions=").decode()
        function = json.loads(self.call("lambda_svc", "GET", "/2015-03-31/functions/presence"))
        lambdas = sys.modules["ministack.services.lambda_svc"]
        code = next(iter(lambdas._functions._data.values()))["code_zip"]
        return {
            "thing": json.loads(self.call("iot", "GET", "/things/lamp"))["thingName"],
            "item": {**item, "requests": sorted(item["requests"]["SS"])},
            "identity": self.call("s3", "GET", f"/{BUCKET}/lamp/identity.json"),
            "versions": listed.count("<Version>"),
            "zip": self.call("s3", "GET", f"/{BUCKET}/code.zip"),
            "code": function["Configuration"]["CodeSha256"],
            "code_zip": hashlib.sha256(code).hexdigest(),
        }


def zipped(content: bytes) -> bytes:
    """An archive of one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", content)
    return buffer.getvalue()


Start = Callable[..., Emulator]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    def begin(*, plain: bool = False) -> Emulator:
        return Emulator(tmp_path, monkeypatch, plain=plain)

    yield begin
    forget()


def written(emulator: Emulator, how: str) -> Written:
    """Have the state written in one of the ways."""
    if how == "now":
        found: Written = emulator.writers.write_now(emulator.generations)
        return found
    writer = getattr(emulator.writers, how)(emulator.generations)
    written_so: Written = asyncio.run(writer.write())
    return written_so


@pytest.mark.parametrize("how", ["Forked", "Copied", "now"])
def test_what_was_there_comes_back(start: Start, how: str) -> None:
    # given
    first = start()
    first.load()
    first.snapshot.keep_code_in_memory()
    first.fill()
    before = first.seen()
    # when
    done = written(first, how)
    # then: writing it has changed nothing, and it is not written twice
    assert (done.left_out, first.seen()) == ((), before)
    assert done.size > 0
    # (what the emulator does by itself, late on a busy machine, is another write at most)
    assert 0 in [written(first, how).size for _ in range(3)]
    # and another emulator has it
    second = start()
    found = second.load()
    assert (second.seen(), found.troubles) == (before, [])
    # and no key or body lies anywhere else
    assert not (second.folder / "s3").exists() or not any((second.folder / "s3").rglob("*.json"))


def test_state_of_the_commit_before_is_taken_over(start: Start) -> None:
    # given: as the emulator itself keeps it, bodies in files
    first = start(plain=True)
    first.fill()
    persistence = sys.modules["ministack.core.persistence"]
    persistence.save_all(first.app._build_persistence_save_dict())
    before = first.seen()
    # when
    second = start(plain=True)
    found = second.load()
    second.snapshot.keep_code_in_memory()
    # then
    assert (second.seen(), found.number) == (before, 0)
    # and once there is a generation, that alone
    written(second, "now")
    third = start()
    assert (third.load().number, third.seen()) == (1, before)
    assert not list((third.folder / "state").glob("*.json"))
    assert not (third.folder / "s3").exists()
    fourth = start()
    fourth.load()
    assert fourth.seen() == before


def test_half_a_file_is_said_and_the_generation_before_is_used(start: Start) -> None:
    # given
    first = start()
    first.load()
    first.fill()
    written(first, "now")
    first.call("iot", "POST", "/things/bell", b"{}")
    written(first, "now")
    file = first.generations.path(2) / "services.json"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    # when
    second = start()
    found = second.load()
    # then
    assert found.number == 1
    assert [str(file) in trouble for trouble in found.troubles] == [True]
    assert second.seen()["thing"] == "lamp"
    # and where the one before can't be read either, nothing is made up
    for number in second.generations.numbers():
        (second.generations.path(number) / "services.json").write_bytes(b"{")
    third = start()
    with pytest.raises(third.loading_module.NothingReadableError, match="is damaged"):
        third.loading().read()


def test_executions_that_ran_are_told_of(start: Start) -> None:
    # given
    first = start()
    first.load()
    executions = first.app._get_module("stepfunctions")._executions
    for name, status in (("runs", "RUNNING"), ("ended", "SUCCEEDED")):
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:m:{name}"
        executions.set_scoped(ACCOUNT, REGION, arn, {"executionArn": arn, "status": status})
    written(first, "now")
    # when: and again by the next start, as long as nobody has seen to it
    for _ in range(2):
        emulator = start()
        loading = emulator.loading()
        loading.read()
        loading.apply()
        written(emulator, "now")
        # then
        assert [arn.rpartition(":")[2] for arn in loading.found.interrupted] == ["runs"]
    # and when somebody has, no longer
    loading.mended()
    written(emulator, "now")
    assert start().load().interrupted == []


def test_whether_the_end_was_in_good_order_is_told(start: Start) -> None:
    loading = start().loading()
    loading.read()
    assert not loading.found.unclean
    loading.begun()
    after_a_kill = start().loading()
    after_a_kill.read()
    assert after_a_kill.found.unclean
    after_a_kill.ended()
    after_a_clean_end = start().loading()
    after_a_clean_end.read()
    assert not after_a_clean_end.found.unclean


def test_a_service_whose_state_cannot_be_given_keeps_no_other_from_being_kept(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    emulator = start()
    emulator.load()
    emulator.fill()

    def broken() -> Any:
        raise KeyError("lost")

    monkeypatch.setattr(emulator.app._get_module("sqs"), "get_state", broken)
    monkeypatch.setattr(emulator.app._get_module("sns"), "get_state", lambda: {"topics": object()})
    # when
    done = written(emulator, "Forked")
    # then
    assert [text.partition(" ")[0] for text in done.left_out] == ["sns", "sqs"]
    after = start()
    found = after.load()
    assert sorted(found.left_out) == ["sns", "sqs"]
    assert after.seen()["thing"] == "lamp"


def test_a_child_that_fails_is_said_and_the_emulator_goes_on(start: Start) -> None:
    emulator = start()

    def full(_generations: Generations, _copied: Any) -> Written:
        raise OSError(28, "No space left on device")

    def killed(_generations: Generations, _copied: Any) -> Written:
        os.kill(os.getpid(), 9)
        raise AssertionError

    for child, said in ((full, "No space left on device"), (killed, "the writer was killed")):
        writer = emulator.writers.Forked(emulator.generations, child)
        with pytest.raises(NotWrittenError, match=said):
            asyncio.run(writer.write())


def test_a_child_that_takes_too_long_is_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = start()
    monkeypatch.setattr(emulator.writers, "LIMIT", 0.2)

    def stuck(_generations: Generations, _copied: Any) -> Written:
        time.sleep(60)
        raise AssertionError

    with pytest.raises(NotWrittenError, match="the writer was killed"):
        asyncio.run(emulator.writers.Forked(emulator.generations, stuck).write())


def test_a_state_of_a_newer_emulator_is_refused(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = start()
    emulator.load()
    emulator.fill()
    persistence = sys.modules["ministack.core.persistence"]
    monkeypatch.setitem(persistence.SERVICE_STATE_FORMAT_VERSIONS, "iot", 99)
    written(emulator, "now")
    older = start()
    with pytest.raises(UnreadableError, match=r"newer emulator \(iot\)"):
        older.snapshot.read(older.generations, 1)
