"""How devices, their models and their answers look at the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.identifiers import host_of
from playground.devices.devices import Answer, Row, answer_of
from playground.devices.models import Bundled, Sample
from playground.show.ages import age, short, time_of
from playground.show.rows import Line, Rows
from playground.show.views import as_words, cell, fields_table, headed_table, moment

if TYPE_CHECKING:
    from playground.messages.commands import Reply

STATUS_STYLES = {
    "PROVISIONING": "cyan",
    "ONLINE": "green",
    "OFFLINE": "yellow",
    "FAILED": "red",
    "QUARANTINED": "magenta",
    "STOPPED": "dim",
    "TERMINATED": "dim",
}
RESULT_STYLES = {"pending": "yellow", "rejected": "red"}

GIVE_WAY = (("REASON", 16), ("NAME", 24), ("REASON", 6), ("NAME", 8), ("TYPE", 6))
"""Which columns of the list are cut where a terminal is narrow, and the least that each keeps."""

SHOWN_FIRST = 12
"""Characters of a certificate's id that tell it from all others here."""


def devices_table(rows: Sequence[Row], *, wide: bool = False) -> Rows:
    """The catalog, a device a line; `wide` has addresses and times as well."""
    more = ("IP", "SINCE", "MADE") if wide else ()
    headings = ("NAME", "TYPE", "STATUS", "CONNECTED", "AGE", *more, "REASON")
    table = Rows(headings, GIVE_WAY, whole=wide)
    for row in rows:
        address, since, made = (row.get(key) for key in ("ip", "last_seen_at", "created_at"))
        table.add(
            str(row["thing_name"]),
            str(row.get("device_type", "")),
            status_text(row),
            connected(row),
            age(made),
            *((str(address or ""), moment(since), moment(made)) if wide else ()),
            reason_of(row),
        )
    return table


def status_text(row: Row) -> Text:
    """The status in its colour."""
    status = str(row.get("status", ""))
    return Text(status, style=STATUS_STYLES.get(status, ""))


def connected(row: Row) -> str:
    """For how long a device is connected, or since when it is not: by the broker's presence events,
    not by its messages."""
    since = age(row.get("last_seen_at"))
    return since if not since or is_connected(row) else f"until {since} ago"


def is_connected(row: Row) -> bool:
    """In quarantine the status says nothing of it."""
    if row.get("status") == "QUARANTINED":
        return bool(row.get("presence_connected"))
    return row.get("status") == "ONLINE"


def reason_of(row: Row) -> str:
    """Why a device is not online, as far as somebody has written it down."""
    return str(row.get("status_reason") or row.get("quarantine_reason") or "")


def shown_device(found: Mapping[str, Any], *, wide: bool = False) -> Group:
    """A device: what matters; `wide` has its row and its shadow as they are, too."""
    row, shadow = found["catalog"], found["shadow"]
    parts: list[RenderableType] = [*_matters(row), Text(), settings_table(shadow, wide=wide)]
    if wide:
        parts += [Text("\ncatalog", style="bold"), fields_table(row)]
        for part in ("desired", "reported", "delta"):
            if part in shadow:
                parts += [Text(f"\n{part}", style="bold"), fields_table(shadow[part])]
    return Group(*parts)


def _matters(row: Row) -> Iterator[Line]:
    reason = reason_of(row)
    status = status_text(row).append(f": {reason}" if reason else "", style="default")
    told = {"status": status, "type": Text(str(row.get("device_type", "")))}
    told |= {"connected": _presence(row), "age": _since(row.get("created_at"))}
    told |= {"host": Text(host_of(str(row.get("task_arn", ""))) or "")}
    told |= {"expires": _until(row.get("expires_at"))}
    told |= {"certificate": _certificate(row)}
    told |= {name: Text(", ".join(sorted(row.get(key, ())))) for name, key in LINKED.items()}
    yield Line(Text(str(row["thing_name"]), style="bold"))
    for name, text in told.items():
        if text.plain:
            yield Line(Text(f"{name:<12} ", style="dim").append_text(text))


LINKED = {"drives": "links", "driven by": "linked_from"}


def _presence(row: Row) -> Text:
    seen = row.get("last_seen_at")
    if not seen:
        return Text("never yet")
    address = f", from {row['ip']}" if row.get("ip") and is_connected(row) else ""
    return Text(f"{connected(row)} ({moment(seen)}){address}")


def _since(at: Any) -> Text:
    return Text(f"{age(at)} ({moment(at)})" if at else "")


def _until(at: Any) -> Text:
    end = time_of(at)
    if end is None:
        return Text()
    return Text(f"in {short((end - datetime.now(UTC)).total_seconds())} ({moment(at)})")


def _certificate(row: Row) -> Text:
    """Status, age, and both ends: when the stack has it replaced, and when it expires."""
    if not row.get("certificate_id"):
        return Text()
    status = str(row.get("certificate_status", ""))
    text = Text(status, style="green" if status == "ACTIVE" else "red")
    told = {"age": age(row.get("certificate_created_at"))}
    told |= {"replaced by": moment(row.get("certificate_replaced_by"))[:10]}
    told |= {"expires": moment(row.get("certificate_expires_at"))[:10]}
    rest = "".join(f", {name} {value}" for name, value in told.items() if value)
    return text.append(f"{rest} ({str(row['certificate_id'])[:SHOWN_FIRST]})", style="default")


def settings_table(shadow: Mapping[str, Any], *, wide: bool = False) -> Rows:
    """Each setting: what is desired, what is reported, and what of it is pending or rejected."""
    desired, reported = _object(shadow.get("desired")), _object(shadow.get("reported"))
    cut = (("REPORTED", 16), ("DESIRED", 16))
    table = Rows(("SETTING", "DESIRED", "REPORTED", "ANSWER"), cut, whole=wide)
    for key in [*desired, *(key for key in reported if key not in desired and key != "rejected")]:
        answer = answer_of(key, desired[key], shadow) if key in desired else None
        told = answer.result if answer and answer.result != "accepted" else ""
        reason = f": {answer.reason}" if answer and answer.reason else ""
        table.add(
            Text(key),
            cell(desired[key]) if key in desired else "",
            cell(reported[key]) if key in reported else "",
            Text(f"{told}{reason}", style=RESULT_STYLES.get(told, "")),
        )
    return table


def models_table(models: Sequence[Bundled]) -> Table:
    """Name, description, sample message and replies of each model."""
    table = headed_table("TYPE", "DESCRIPTION, SAMPLE MESSAGE, REPLIES")
    for model in models:
        table.add_row(model.name, Text(model.description))
        table.add_row("", Text(as_words(model.sample), style="dim"))
        for name, description in model.replies.items():
            table.add_row("", Text(f"answers {name}: {description}"))
    return table


def samples_table(samples: Sequence[Sample]) -> Table:
    """Topic, interval and content of the first of each message."""
    table = headed_table("EVERY", "TOPIC, FIRST MESSAGE")
    for sample in samples:
        every = "time" if sample.every is None else f"{sample.every:g} s"
        table.add_row(every, Text(sample.topic))
        table.add_row("", Text(sample.payload or "nothing to say at first", style="dim"))
    return table


def answer_text(answer: Answer) -> Text:
    """The device's answer to one setting."""
    value = as_words(answer.value)
    if answer.value is None:
        return _removed(answer)
    if answer.result == "accepted":
        return Text(f"✓ {answer.key} = {value}", style="green")
    if answer.result == "rejected":
        return Text(f"✗ {answer.key} = {value} refused: {answer.reason}", style="red")
    return Text(f"… {answer.key} = {value} not answered yet", style="yellow")


def _removed(answer: Answer) -> Text:
    """Of a key that was taken out of `desired`; nobody refuses that."""
    if answer.result == "accepted":
        return Text(f"✓ {answer.key} removed", style="green")
    return Text(f"… {answer.key} removed, not answered yet", style="yellow")


def answers_text(answers: Sequence[Answer]) -> Text:
    """The device's answer to each setting, one per line."""
    return Text("\n").join(answer_text(answer) for answer in answers)


def reply_text(reply: "Reply") -> Text:
    """How a command ended, on one line."""
    if reply.accepted:
        return Text(f"✓ {reply.command}", style="green")
    field, reason = reply.error.get("field", ""), reply.error.get("reason", "")
    return Text(f"✗ {reply.command} {reply.status}: {field} {reason}", style="red")


def shown_reply(reply: "Reply") -> RenderableType:
    """How a command ended, and what came of it."""
    if reply.command == "help" and reply.accepted:
        return commands_table(reply.result)
    return (
        Group(reply_text(reply), fields_table(reply.result)) if reply.result else reply_text(reply)
    )


def commands_table(commands: Mapping[str, Any]) -> Table:
    """The device's answer to `help`."""
    table = headed_table("COMMAND", "ARGUMENTS", "DOES")
    for name, row in commands.items():
        given = _object(_object(row).get("arguments"))
        rules = ((key, _object(rule)) for key, rule in given.items())
        lines = (
            f"{key}: {rule.get('rule', '')} ({as_words(rule.get('default'))})"
            for key, rule in rules
        )
        arguments = "\n".join(lines)
        table.add_row(name, Text(arguments), Text(str(_object(row).get("description", ""))))
    return table


def _object(value: Any) -> Mapping[str, Any]:
    """What a device should have said as an object; nothing when it has said something else."""
    return value if isinstance(value, Mapping) else {}
