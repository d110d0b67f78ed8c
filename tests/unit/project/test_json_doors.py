"""Whoever reads JSON that somebody else has written reads it alike: functions and command, and the
device."""

import ast
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import jsontext, jsonvalues
from virtual_device.base import jsonvalue

ROOT = Path(__file__).parents[3]
DEEPEST = jsonvalues.MAX_DEPTH
FUNCTIONS = SimpleNamespace(**{**vars(jsontext), **vars(jsonvalues)})
READERS: Mapping[str, Any] = {"functions": FUNCTIONS, "device": jsonvalue}

TAKEN: Mapping[str, tuple[bytes, Any]] = {
    "byte order mark": (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    "as deep as may be": (b"[" * DEEPEST + b"1" + b"]" * DEEPEST, None),
    "nul in a text": (b'"a\\u0000b"', "a\0b"),
    "escape sequence": (b'"\\u001b[2J"', "\x1b[2J"),
    "whole pair": (b'"\\ud83d\\ude00"', "\U0001f600"),
    "integer with a point": (b"10.0", 10.0),
    "exponent": (b"1e2", 100.0),
    "minus zero": (b"-0", -0.0),
    "largest integer": (b"9223372036854775807", 2**63 - 1),
    "smallest integer": (b"-9223372036854775808", -(2**63)),
    "seventeen digits that a double holds": (b"0.30000000000000004", 0.30000000000000004),
    "zeros at the end": (b"1.1000000000000000000000000", 1.1),
    "a large power": (b"1e300", 1e300),
}
REFUSED: Mapping[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "is empty"),
    "blank": (b" \r\n", "is empty"),
    "no json": (b"{", "must be JSON"),
    "abyss": (b"[" * 60_000, "must not be nested more than 64 levels deep"),
    "abyss of objects": (b'{"a":' * 60_000, "must not be nested more than 64 levels deep"),
    "deep": (
        b"[" * (DEEPEST + 1) + b"1" + b"]" * (DEEPEST + 1),
        "must not be nested more than 64 levels deep",
    ),
    "not utf-8": (b'{"a":"\xff"}', "must be UTF-8: byte 6 is not"),
    "utf-16": ('{"a":1}'.encode("utf-16"), "must be UTF-8, and seems to be UTF-16"),
    "utf-16 without a mark": (
        '{"a":1}'.encode("utf-16-le"),
        "must be UTF-8, and seems to be UTF-16",
    ),
    "too large": (b'"' + b"x" * jsontext.MAX_BYTES + b'"', "must have at most 1048576 bytes"),
    "raw control character": (b'"a\x00b"', "must be JSON"),
    "a name twice": (b'{"a":{"time":1,"time":2}}', 'has two members named "time"'),
    "half a pair": (b'{"a":["\\ud800"]}', "a[0]: is not valid Unicode"),
    "half a pair in a name": (b'{"a":{"\\udc00":1}}', "a: has a name that is not valid Unicode"),
    "nan": (b'{"a":{"b":NaN}}', "a.b: NaN is no number, or out of range"),
    "infinity": (b"[1,-Infinity]", "[1]: -Infinity is no number, or out of range"),
    "beyond a double": (b'{"a":1e999}', "a: 1e999 is no number, or out of range"),
    "20 digits": (
        b'{"a":12345678901234567890}',
        "a: 12345678901234567890 is out of range: integers have 64 bits",
    ),
    "one too many": (
        b"9223372036854775808",
        "9223372036854775808 is out of range: integers have 64 bits",
    ),
    "5000 digits": (b"9" * 5000, "9" * 40 + "... is no number, or out of range"),
    "too many decimals": (
        b"[0.12345678901234567890]",
        "[0]: 0.12345678901234567890 has more digits",
    ),
    "too small": (b"1e-999", "1e-999 has more digits than a number keeps"),
    "absurd exponent": (
        b"1e-99999999999999999999",
        "1e-99999999999999999999 has more digits than a number keeps",
    ),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(("content", "value"), TAKEN.values(), ids=TAKEN)
def test_what_is_taken_stays_as_it_is(reader: Any, content: bytes, value: Any) -> None:
    found = reader.decode(content)
    if value is not None:
        assert (found, type(found)) == (value, type(value))
    assert reader.decode(content.decode()) == found


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(("content", "rule"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_names_place_and_rule(reader: Any, content: bytes, rule: str) -> None:
    with pytest.raises(reader.NotJsonError) as refusal:
        reader.decode(content)
    assert str(refusal.value).startswith(rule)


def test_a_name_twice_among_very_many_is_found_in_no_time() -> None:
    content = "{" + ",".join(f'"{number}":0' for number in range(90_000)) + ',"89999":1}'
    with pytest.raises(jsonvalues.NotJsonError, match="89999"):
        jsontext.decode(content)


texts = st.text() | st.from_regex(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,4})?", fullmatch=True)
numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?\Z")
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)


@given(text=numbers)
def test_a_number_is_kept_or_refused(text: str) -> None:
    try:
        found = jsontext.decode(text)
    except jsonvalues.NotJsonError:
        return
    assert Decimal(json.dumps(found)) == Decimal(text)


@given(
    content=st.binary()
    | texts.map(str.encode)
    | values.map(lambda value: json.dumps(value).encode())
)
def test_both_say_the_same_to_anything(content: bytes) -> None:
    said = [_said(reader.decode, content) for reader in READERS.values()]
    assert said[0] == said[1]


@given(value=values)
def test_both_find_the_same_fault_in_a_value(value: Any) -> None:
    assert str(jsonvalues.fault_of(value)) == str(jsonvalue.fault_of(value))
    assert jsonvalues.is_integer(value) == jsonvalue.is_integer(value)


@given(left=values, right=values)
def test_both_mean_the_same_by_equal(left: Any, right: Any) -> None:
    assert jsonvalues.same(left, right) == jsonvalue.same(left, right)
    assert jsonvalues.same(right, left) == jsonvalues.same(left, right)


def test_true_is_not_one_and_one_is_one_point_nought() -> None:
    for reader in READERS.values():
        assert not reader.same([True], [1])
        assert not reader.same({"a": [0]}, {"a": [False]})
        assert reader.same({"a": [10]}, {"a": [10.0]})
        assert not reader.same([1], [1, 1])
        assert not reader.same("1", 1)


def test_one_bad_value_hides_nothing_else_where_others_write_too() -> None:
    content = (
        b'{"big":123456789012345678901234567890,"long":0.1234567890123456789,"nan":NaN,"time":5}'
    )
    for read in (jsontext.read, jsonvalue.read_object):
        found: Any = read(content)
        assert found["time"] == 5
        assert found["big"] == 123456789012345678901234567890
        assert found["long"].text == "0.1234567890123456789"
        assert found["nan"].text == "NaN"


def test_a_value_in_a_message_is_short_and_never_the_end_of_it() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert jsonvalues.told(deep) == "something nested too deeply"
    assert len(jsonvalues.told("x" * 5000)) < 300


OURS_ALONE = {
    "playground/home/consent.py": "our own file of what was said yes to",
    "playground/home/folder.py": "our own mark",
    "playground/selfcheck/definitions.py": "workflows of our own, as the service gives them back",
    "playground/images/local_builds.py": "a result file of our own",
    "playground/local/generations.py": (
        "our own list of what was written, in the emulator's process"
    ),
    "playground/local/identities.py": "our own devices' files",
    "playground/local/kept.py": "the emulator's own word on what it has kept",
    "playground/local/snapshot.py": "our own files, in the emulator's process",
    "playground/local/writers.py": "the word of our own child process",
    "playground/local/emulator.py": "the emulator's own word on whether it is ready",
    "playground/home/state.py": "our own state file",
    "playground/web/settings.py": "what our own command tells a process of ours",
    "playground/local/fork_server.py": "the agent's own word to a process of ours",
    "playground/local/forks.py": "the word of our own child process",
    "playground/local/runner.py": "our own file of a process",
    "playground/local/poller.py": "the emulator's list of tasks, up to twenty times a second",
}


def test_nothing_else_reads_json() -> None:
    """One reader in functions and command, one on the device; what else calls the library's is
    listed with a reason."""
    readers = {"functions/common/jsontext.py", "device/virtual_device/base/jsonvalue.py"}
    found = {
        str(file.relative_to(ROOT))
        for folder in ("functions", "playground", "device/virtual_device")
        for file in (ROOT / folder).rglob("*.py")
        # Gaps are no part of what the command runs: the emulator's process has no other reader.
        if "gaps" not in file.parts and _calls_the_library(file)
    }
    assert found - OURS_ALONE.keys() - readers == set()


def test_what_the_command_shares_with_functions_needs_nothing_but_python() -> None:
    shared = _imports_from("playground", "common")
    assert shared == {
        "common.jsontext",
        "common.jsonvalues",
        "common.answers",
        "common.device_wish",
        "common.fleet_wish",
        "common.fleet_stages",
        "common.identifiers",
        "common.errors",
        "common.moments",
        "common.statuses",
    }
    # What these import themselves comes along.
    shared |= {"common.checking", "common.fleet_arrival"}
    for name in shared:
        tree = ast.parse((ROOT / "functions" / f"{name.replace('.', '/')}.py").read_text())
        assert _names_from(tree, "common") <= shared
        roots = {
            _root(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert roots <= {
            "json",
            "re",
            "random",
            "collections",
            "decimal",
            "typing",
            "dataclasses",
            "enum",
            "datetime",
            "hashlib",
            "string",
            "uuid",
            "common",
        }


def _imports_from(folder: str, package: str) -> set[str]:
    found: set[str] = set()
    for file in (ROOT / folder).rglob("*.py"):
        text = file.read_text()
        if package in text:  # most files don't, and need no parsing
            found |= _names_from(ast.parse(text), package)
    return found


def _names_from(tree: ast.AST, package: str) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.partition(".")[0] == package
        ):
            whole = (
                [f"{package}.{name.name}" for name in node.names]
                if node.module == package
                else [node.module]
            )
            found.update(whole)
    return found


def _root(node: ast.Import | ast.ImportFrom) -> str:
    return (node.names[0].name if isinstance(node, ast.Import) else str(node.module)).partition(
        "."
    )[0]


def _calls_the_library(file: Path) -> bool:
    text = file.read_text()
    if "json" not in text:
        return False
    calls = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return any(
        isinstance(called, ast.Attribute)
        and called.attr in {"loads", "load"}
        and isinstance(called.value, ast.Name)
        and called.value.id == "json"
        for called in calls
    )


def _said(decode: Callable[[bytes], Any], content: bytes) -> str:
    try:
        return repr(decode(content))
    except ValueError as error:
        return str(error)
