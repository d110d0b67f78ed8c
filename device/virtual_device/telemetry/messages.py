"""The messages of a model: what each is made of, where it goes, how often it is sent."""

from dataclasses import dataclass

from virtual_device.base.jsonvalue import Json, JsonObject, encode
from virtual_device.telemetry import envelope, measures, rules
from virtual_device.telemetry.envelope import Envelope
from virtual_device.telemetry.members import Member, Nested
from virtual_device.telemetry.model_parser import Parser
from virtual_device.telemetry.moment import Generator, Moment
from virtual_device.telemetry.rules import Rule

THING = "{thing}"
"""In a topic: the thing's name."""

MAX_MESSAGES = 50
MAX_BYTES = 131_072
"""AWS IoT Core takes 128 KB in a message (message broker quotas)."""

SHORTEST_EVERY, LONGEST_EVERY = 1, 86_400
USUAL_TOPIC = "telemetry"
OWN_TOPICS, LONGEST_TOPIC = "dt/playground/", 256
TOPIC_BYTES, TOPIC_LEVELS = 100, 5
"""Of what comes after `dt/playground/<thing>/`: AWS IoT Core takes 256 bytes, 7 slashes in all."""

_LEVEL = r'[ !"$-*,-.0-~]+'
TOPIC = rules.pattern(
    f"{_LEVEL}(?:/{_LEVEL}){{0,{TOPIC_LEVELS - 1}}}",
    TOPIC_BYTES,
    (
        f"must be a string of 1 to {TOPIC_BYTES} characters, a topic below the device's own: at "
        f"most {TOPIC_LEVELS} levels, none of them empty, of printable ASCII without + and #; "
        f"{THING} is the thing's name"
    ),
)
EVERY = rules.positive(SHORTEST_EVERY, LONGEST_EVERY, "seconds")
ROW: dict[str, Rule] = {
    "topic": TOPIC,
    "every": EVERY,
    "envelope": envelope.RULE,
    "as": rules.one_of("json", "text"),
}
CONTENT = ("telemetry", "content")
"""What a message is made of: members, or any one value."""


@dataclass(frozen=True, slots=True)
class MessageModel:
    """One kind of message."""

    content: Nested | Member
    envelope: Envelope = envelope.USUAL
    topic: str = USUAL_TOPIC
    """Below the device's own, with `THING` for the thing's name."""
    every: float | None = None
    """Seconds; None for the setting `time`."""
    bare: bool = False
    """Whether a text is sent without the quotes of JSON."""

    def value(self, moment: Moment) -> Json:
        """What a message of this moment says."""
        if isinstance(self.content, Member):
            return self.content.value(moment)
        return {**self.envelope.of(moment), **self.content.value(moment)}

    def payload(self, moment: Moment) -> bytes | None:
        """As it is sent; None when there is nothing to send."""
        if isinstance(self.content, Member) and not self.content.there(moment):
            return None
        value = self.value(moment)
        return value.encode() if self.bare and isinstance(value, str) else encode(value)

    @property
    def usual(self) -> bool:
        """Whether it goes where telemetry goes when nobody says otherwise."""
        return self.topic == USUAL_TOPIC

    def below(self, thing_name: str) -> str:
        """Where it goes, below the device's own topics."""
        return self.topic.replace(THING, thing_name) if THING in self.topic else self.topic

    def fits(self, thing_name: str) -> bool:
        """Whether its topic is short enough with this name in it."""
        return len(f"{OWN_TOPICS}{thing_name}/{self.below(thing_name)}") <= LONGEST_TOPIC


def parse(parser: Parser, document: JsonObject) -> tuple[MessageModel, ...]:
    """Read what the model sends; problems are the parser's, with their paths."""
    there = [name for name in ("telemetry", "messages") if name in document]
    if not there:
        parser.note("telemetry", "is missing: an object of members; or messages in its place")
        return ()
    if len(there) > 1:
        parser.note("messages", "stands in the place of telemetry: leave one of them out")
        return ()
    usual = envelope.USUAL
    if envelope.RULE.holds(document.get("envelope", True)):
        usual = envelope.read(document.get("envelope", True))
    if "telemetry" in document:
        found = _telemetry(parser, "", document["telemetry"], usual)
        return (found,) if found else ()
    rows = document["messages"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_MESSAGES:
        parser.note("messages", f"must be an array of 1 to {MAX_MESSAGES} objects")
        return ()
    read = [_row(parser, f"messages[{n}]", row, usual) for n, row in enumerate(rows)]
    return tuple(row for row in read if row)


def _row(parser: Parser, path: str, value: Json, usual: Envelope) -> MessageModel | None:
    if not isinstance(value, dict):
        parser.note(path, f"must be an object with {' or '.join(CONTENT)}")
        return None
    before = len(parser.problems)
    parser.unknown(path, value, (*ROW, *CONTENT))
    parser.check(path, ROW, value)
    if len(value.keys() & set(CONTENT)) != 1:
        parser.note(path, f"must have exactly one of {', '.join(CONTENT)}")
        return None
    sound = len(parser.problems) == before
    if "telemetry" in value:
        own = envelope.read(value.get("envelope"), usual) if sound else usual
        made = _telemetry(parser, f"{path}.", value["telemetry"], own)
    else:
        made = _content(parser, path, value)
    if made is None or not sound:
        return None
    every = value.get("every")
    return MessageModel(
        made.content,
        made.envelope,
        str(value.get("topic", USUAL_TOPIC)),
        float(every) if isinstance(every, int | float) else None,
        value.get("as") == "text",
    )


def _telemetry(parser: Parser, path: str, value: Json, own: Envelope) -> MessageModel | None:
    place = f"{path}telemetry"
    names = own.names
    for name in names:
        if names.count(name) > 1:
            parser.note(f"{path}envelope", f"has {name} twice")
            break
    for name in names:
        if isinstance(value, dict) and name in value:
            parser.note(
                f"{place}.{name}",
                "is in every message already; choose another name, or change the envelope",
            )
    members = parser.members(place, value)
    if members is None or not _fits(parser, place, members):
        return None
    return MessageModel(members, own)


def _content(parser: Parser, path: str, value: JsonObject) -> MessageModel | None:
    if "envelope" in value:
        parser.note(f"{path}.envelope", "is for telemetry; content is sent as it is")
    member = parser.member(f"{path}.content", value["content"])
    if member is None or not _fits(parser, f"{path}.content", member.generator):
        return None
    return MessageModel(member, envelope.NONE)


def _fits(parser: Parser, path: str, generator: Generator) -> bool:
    """Note what is too long, or takes too much work."""
    if not parser.affordable(path, generator):
        return False
    if (size := measures.most_bytes(generator)) > MAX_BYTES:
        parser.note(path, f"may have {size} bytes as JSON, more than {MAX_BYTES}")
    return size <= MAX_BYTES
