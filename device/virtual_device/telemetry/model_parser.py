"""The rules of a model document: goes through one, notes every problem with its path, and builds
the generators.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from virtual_device.base.jsonvalue import Json, JsonObject, is_integer
from virtual_device.telemetry import generators as g
from virtual_device.telemetry import kinds, rules
from virtual_device.telemetry.kinds import Kind
from virtual_device.telemetry.members import Member, Nested, Sum, Told
from virtual_device.telemetry.moment import Generator
from virtual_device.telemetry.rules import Rule
from virtual_device.telemetry.units import QUANTITIES

MAX_MEMBERS = 100
ENVELOPE = ("thingName", "timestamp", "sequence", "unit")
"""Members that every generated message has (docs/contracts.md)."""

MEMBER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
SETTING = rules.one_of(*kinds.SETTINGS)
CHANGES = {"quantity": rules.one_of(*QUANTITIES), "decimals": rules.integer(0, 9)}
"""What may stand beside the generator of a member."""

PLACE = rules.text(256)
"""Names of members, from the outermost on, with dots between."""

SEED = Rule(
    "must be an integer or a string of 1 to 64 characters",
    lambda value: (is_integer(value) and rules.NUMBER.holds(value)) or rules.text(64).holds(value),
    {
        "anyOf": [
            {"type": "integer", **rules.bounds(-rules.LARGEST, rules.LARGEST)},
            rules.text(64).schema,
        ]
    },
)
HEAD = {
    "$schema": rules.text(256),
    "name": rules.text(64),
    "description": rules.text(256),
    "seed": SEED,
}
"""Members of a model beside `telemetry`, which alone must be there."""


@dataclass(frozen=True, slots=True)
class Parser:
    """Goes through one document. What has a problem becomes None and is never used."""

    problems: list[str] = field(default_factory=list)
    """Each begins with the path of what is wrong."""
    told: Mapping[str, Member | None] | None = None
    """While replies are read: the members of telemetry, None for one that has a problem."""

    def telemetry(self, document: Json) -> Nested | None:
        """Check the whole model; what its telemetry is made of."""
        if not isinstance(document, dict):
            self.note("model", "must be a JSON object")
            return None
        self.unknown("", document, (*HEAD, "telemetry", "replies"))
        self._rules("", HEAD, document)
        if "telemetry" not in document:
            self.note("telemetry", "is missing: an object of members")
            return None
        members = document["telemetry"]
        for name in ENVELOPE:
            if isinstance(members, dict) and name in members:
                self.note(f"telemetry.{name}", "is in every message already; choose another name")
        return self.members("telemetry", members)

    def members(self, path: str, value: Json) -> Nested | None:
        """An object of members with a generator each."""
        if not isinstance(value, dict) or not 1 <= len(value) <= MAX_MEMBERS:
            self.note(path, f"must be an object of 1 to {MAX_MEMBERS} members")
            return None
        members = {}
        for name, inner in value.items():
            if not MEMBER_NAME.fullmatch(name):
                self.note(f"{path}.{name}", f"is not a valid member name: {MEMBER_NAME.pattern}")
            members[name] = self._member(f"{path}.{name}", inner)
        return Nested({name: member for name, member in members.items() if member})

    def _member(self, path: str, value: Json) -> Member | None:
        if not isinstance(value, dict):
            self.note(
                path,
                (
                    "must be an object with a generator, such as "
                    f'{{"constant": {json.dumps(value, ensure_ascii=False)}}}'
                ),
            )
            return None
        change = {name: value[name] for name in CHANGES if name in value}
        generator = self._generator(
            path, {name: inner for name, inner in value.items() if name not in change}
        )
        self._rules(path, CHANGES, change)
        for name in change:
            if generator and not generator.numeric:
                self.note(f"{path}.{name}", "is for numbers, which this generator does not give")
        quantity, decimals = change.get("quantity"), change.get("decimals")
        digits = (
            int(decimals) if isinstance(decimals, int | float) and is_integer(decimals) else None
        )
        return Member(generator, str(quantity) if quantity else None, digits) if generator else None

    def _generator(self, path: str, value: Json) -> Generator | None:
        if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= set(kinds.ALL):
            self._wrong_kind(path, value)
            return None
        name, inner = next(iter(value.items()))
        path = f"{path}.{name}"
        if name in kinds.BY_NAME:
            return self._of_kind(path, kinds.BY_NAME[name], inner)
        return self._of_another_kind(path, name, inner)

    def _of_another_kind(self, path: str, name: str, inner: Json) -> Generator | None:
        match name:
            case "constant":
                return g.Constant(inner)
            case "setting":
                self._rules(path, {"": SETTING}, {"": inner})
                return g.Setting(str(inner))
            case "sum":
                return self._sum(path, inner)
            case "object":
                return self.members(path, inner)
            case _:
                return self._of_reply(path, name, inner)

    def _wrong_kind(self, path: str, value: Json) -> None:
        known = ", ".join(kinds.ALL)
        if isinstance(value, dict) and (
            unknown := [name for name in value if name not in kinds.ALL]
        ):
            for name in unknown:
                self.note(f"{path}.{name}", f"is not a generator; there are {known}")
        else:
            self.note(path, f"must be an object with exactly one generator of {known}")

    def _of_reply(self, path: str, name: str, value: Json) -> Generator | None:
        if self.told is None:
            self.note(path, "is for replies; telemetry answers nobody")
            return None
        if name == "request":
            self._rules(path, {"": PLACE}, {"": value})
            return g.Request(tuple(str(value).split(".")))
        if not isinstance(value, str) or value not in self.told:
            self.note(path, f"must be a member of telemetry: {', '.join(self.told)}")
            return None
        member = self.told[value]
        return Told(member) if member else None

    def _sum(self, path: str, value: Json) -> Sum | None:
        if not isinstance(value, list) or not 2 <= len(value) <= MAX_MEMBERS:
            self.note(path, f"must be an array of 2 to {MAX_MEMBERS} generators")
            return None
        parts = [self._generator(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
        for index, part in enumerate(parts):
            if part and not part.numeric:
                self.note(f"{path}[{index}]", "must give numbers")
        return Sum(tuple(part for part in parts if part))

    def _of_kind(self, path: str, kind: Kind, value: Json) -> Generator | None:
        if not isinstance(value, dict):
            self.note(path, f"must be an object of {', '.join(a.name for a in kind.arguments)}")
            return None
        before = len(self.problems)
        self.unknown(path, value, [argument.name for argument in kind.arguments])
        self._rules(path, {argument.name: argument.rule for argument in kind.arguments}, value)
        given = {**kinds.defaults(kind), **value}
        for argument in kind.arguments:
            if argument.name not in given:
                self.note(f"{path}.{argument.name}", f"is missing: {argument.rule.text}")
        if len(self.problems) > before:
            return None
        if fault := kind.fault(given):
            self.note(f"{path}.{fault[0]}", fault[1])
            return None
        return kind.build(path, given)

    def unknown(self, path: str, value: JsonObject, known: Iterable[str]) -> None:
        """Note every member that isn't `known`."""
        for name in sorted(value.keys() - set(known)):
            self.note(
                f"{path}.{name}".strip("."), f"is not known here; there are {', '.join(known)}"
            )

    def _rules(self, path: str, table: Mapping[str, Rule], value: JsonObject) -> None:
        for name, rule in table.items():
            if name in value and not rule.holds(value[name]):
                self.note(f"{path}.{name}".strip("."), rule.text)

    def note(self, path: str, text: str) -> None:
        """Note a problem; `text` follows the path."""
        self.problems.append(f"{path}: {text}")
