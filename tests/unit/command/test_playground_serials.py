"""The list of serial numbers by the command: what a file may say, and what becomes of the table."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from playground.devices.serials import Added, Entry, Listed, Removed, Serials
from playground.errors import InputFileError, SerialsError, UsageError
from playground.line.listed import batch_of, entries_of, named

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

Written = Callable[[str | bytes], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(content: str | bytes) -> Path:
        file = tmp_path / "serials.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


@pytest.fixture
def table(afresh: None) -> "Table":
    from tests.unit.tables import create_serials  # noqa: PLC0415 - few tests need DynamoDB

    return create_serials()


@pytest.fixture
def serials(table: "Table") -> Serials:
    resource = SimpleNamespace(Table=lambda name: {"the-table": table}[name])
    home: Any = SimpleNamespace(
        output={"SerialsTableName": "the-table"}.__getitem__, resource=lambda _service: resource
    )
    return Serials(home)


def pairs(entries: list[Entry]) -> list[tuple[str, str | None]]:
    return [(entry.serial, entry.batch) for entry in entries]


@pytest.mark.parametrize(
    "content",
    [
        "serial,batch\nlamp,spring\nspot,autumn\n",
        "serial,batch\r\nlamp,spring\r\n\r\nspot,autumn",
        "\ufeffserial,batch\nlamp, spring\n\n spot ,autumn\n\n",
        'serial,batch\n"lamp","spring"\nspot,"autumn"\n',
    ],
)
def test_a_list_with_a_header(written: Written, content: str) -> None:
    assert pairs(entries_of(written(content), None)) == [("lamp", "spring"), ("spot", "autumn")]


@pytest.mark.parametrize("content", ["lamp\nspot\n", "\ufefflamp\r\n\r\n  spot  "])
def test_a_serial_number_a_line(written: Written, content: str) -> None:
    found = entries_of(written(content), "spring")
    assert pairs(found) == [("lamp", "spring"), ("spot", "spring")]


@pytest.mark.parametrize(
    ("content", "batch", "why"),
    [
        ("lamp,spring\n", None, "line 1: must be the header serial,batch"),
        ("batch,serial\nspring,lamp\n", None, "line 1: must be the header serial,batch"),
        ("serial,batch\n", None, "has no serial number in it"),
        ("serial,batch\nlamp,spring\na b,spring\n", None, "line 3: serial: must match"),
        ("serial,batch\n,spring\n", None, "line 2: serial: must match"),
        ("serial,batch\nshadow,spring\n", None, "line 2: serial: .*reserved"),
        (f"serial,batch\n{'x' * 129},spring\n", None, "line 2: serial: must match"),
        ("serial,batch\nlamp,a b\n", None, "line 2: batch: must match"),
        ("serial,batch\nlamp,\n", None, "line 2: batch: must match"),
        ("serial,batch\n\nlamp\n", None, "line 3: must be a serial number and a batch, has 1"),
        ("serial,batch\nlamp,spring,x\n", None, "line 2: must be a serial.*has 3"),
        ('serial,batch\n"lamp,spring\n', None, "line 2: is no CSV"),
        ("serial,batch\nlamp,a\nspot,a\nlamp,a\n", None, "line 4: serial: lamp stands in .*2"),
        ("serial,batch\nlamp,a\nlamp,b\n", None, "line 3: serial: lamp stands in .*line 2 too"),
        ("lamp\nlamp\n", "spring", "line 2: serial: lamp stands in .*line 1 too"),
        ("lamp,spring\n", "spring", "line 1: serial: must match"),
        ("  \n", "spring", "is empty"),
        (b"lamp\n\xff\n", "spring", "must be UTF-8: byte 5"),
    ],
)
def test_a_line_that_breaks_a_rule_is_named_with_it(
    written: Written, content: str | bytes, batch: str | None, why: str
) -> None:
    with pytest.raises(InputFileError, match=why):
        entries_of(written(content), batch)


def test_words_are_serial_numbers_or_files(written: Written) -> None:
    file = written("serial,batch\nlamp,spring\n")
    found = named(["spot", str(file), "spot"], None)
    assert pairs(found) == [("spot", None), ("lamp", "spring")]
    assert pairs(named(["spot"], "spring")) == [("spot", "spring")]
    for word in ("not-there.csv", "x" * 5000, "a b", "a\0b", ""):
        with pytest.raises(UsageError, match="is no file, and no serial number"):
            named([word], None)
    with pytest.raises(UsageError, match="--batch: must match"):
        batch_of("a b")


def test_a_folder_is_no_list_and_a_pipe_is_one(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: the folder of a device of one's own
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gate").mkdir()
    # then
    assert pairs(named(["gate"], None)) == [("gate", None)]
    # and a shell's <(...)
    reading, writing = os.pipe()
    os.write(writing, b"lamp\nspot\n")
    os.close(writing)
    try:
        found = named([f"/dev/fd/{reading}"], "spring")
    finally:
        os.close(reading)
    assert pairs(found) == [("lamp", "spring"), ("spot", "spring")]


def test_what_is_new_is_added_and_the_same_again_is_fine(serials: Serials, table: "Table") -> None:
    # when
    assert serials.add([Entry("lamp", "spring"), Entry("spot", "spring")]) == Added(2, 0)
    first = {one.serial: one.added_at for one in serials.all()}
    assert serials.add([Entry("lamp", "spring"), Entry("hall", "autumn")]) == Added(1, 1)
    # then
    items = table.scan()["Items"]
    assert {(item["serial"], item["batch"]) for item in items} == {
        ("lamp", "spring"),
        ("spot", "spring"),
        ("hall", "autumn"),
    }
    assert serials.all("spring") == [
        Listed("lamp", "spring", first["lamp"]),
        Listed("spot", "spring", first["spot"]),
    ]
    assert [one.serial for one in serials.all()] == ["hall", "lamp", "spot"]
    assert serials.all("winter") == []


def test_nothing_is_added_when_one_is_listed_for_another_batch(
    serials: Serials, table: "Table"
) -> None:
    # given
    serials.add([Entry("lamp", "spring")])
    before = table.scan()["Items"]
    # when
    wanted = [Entry("spot", "autumn", "x.csv, line 2"), Entry("lamp", "autumn", "x.csv, line 3")]
    with pytest.raises(SerialsError, match=r"x.csv, line 3: serial: lamp is in .* batch spring"):
        serials.add(wanted)
    # then
    assert table.scan()["Items"] == before


def test_what_is_removed_and_what_was_not_there(serials: Serials, table: "Table") -> None:
    # given: somebody has listed one twice
    serials.add([Entry(name, "spring") for name in ("lamp", "spot", "hall")])
    table.put_item(Item={"serial": "hall", "batch": "autumn", "added_at": "2026-01-02T03:04:05Z"})
    # then
    assert serials.remove([Entry("lamp", "autumn"), Entry("nobody", None)]) == Removed(
        0, ["lamp", "nobody"]
    )
    assert serials.remove([Entry("lamp", "spring"), Entry("hall", "autumn")]) == Removed(2, [])
    assert [(one.serial, one.batch) for one in serials.all()] == [
        ("hall", "spring"),
        ("spot", "spring"),
    ]
    assert serials.remove([Entry("hall", None), Entry("spot", None)]) == Removed(2, [])
    assert serials.all() == []


@pytest.mark.thorough
def test_ten_thousand_of_them(serials: Serials, written: Written) -> None:
    # given: more than a page holds
    names = [f"lamp-{number:05}-{'x' * 100}" for number in range(10_000)]
    entries = entries_of(written("\n".join(names)), "spring")
    # when
    assert serials.add(entries) == Added(10_000, 0)
    # then
    assert [one.serial for one in serials.all("spring")] == names
    assert serials.add(entries) == Added(0, 10_000)
    assert serials.remove(entries) == Removed(10_000, [])
    assert json.dumps(serials.all()) == "[]"
