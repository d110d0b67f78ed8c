"""The checks, in the order of docs/first-aws-run.md: what one would type, what is to be seen, what
to report."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from playground.devices.workflows import DEPROVISION, RESTART, Workflow
from playground.images.images import Images
from playground.images.push import Push
from playground.images.rolling import Roll
from playground.messages.commands import ask
from playground.messages.watch import Watcher, kind_of, watching
from playground.security.quarantine import quarantine, release
from playground.selfcheck.definitions import differences
from playground.selfcheck.trial import Differs, Trial, gone, heard

PATIENCE = 90.0
METRICS_PATIENCE = 400.0
"""Device Defender takes a report in 5 minutes, and the first comes up to half a minute later."""
SILENCE = 5.0


@dataclass(frozen=True)
class Check:
    """One line of the list. `look` does it, and gives what was seen or raises what was not."""

    title: str
    command: str
    expected: str
    when_it_differs: str
    look: Callable[[Trial], str]
    needs_device: bool = True


def definitions(trial: Trial) -> str:
    """The workflows as they were deployed against those of this folder."""
    found = differences(trial.home, trial.paths)
    if found:
        raise Differs("; ".join(found[:5]))
    return "all workflows are as in statemachines/"


def provisioning(trial: Trial) -> str:
    """A device from nothing, which has connected by itself; without an image, one is made first."""
    if Images(trial.home).current() is None:
        Push(trial.paths, trial.home, lambda _text: None).run()
    begun = time.monotonic()
    output = trial.provision(trial.first, "bulb")
    if output.get("status") != "ONLINE":
        raise Differs(f"the workflow ended with {output.get('status')}")
    return f"ONLINE after {time.monotonic() - begun:.1f} s"


def watched(trial: Trial) -> str:
    """All subscriptions of `watch`, and a connection that stays."""
    with watching(trial.home, trial.first) as watcher:
        trial.devices.desire(trial.first, {"time": 1})
        if heard(watcher, lambda message: kind_of(message.topic) == "shadow", PATIENCE) is None:
            raise Differs("no message of the shadow")
        count, deadline = 0, time.monotonic() + 2 * SILENCE
        while time.monotonic() < deadline:
            # A connection that AWS IoT ends raises WatchError here.
            message = next(watcher.messages(limit=max(0.1, deadline - time.monotonic())), None)
            count += message is not None and kind_of(message.topic) == "telemetry"
    if count < 3:
        raise Differs(f"{count} telemetry messages in {2 * SILENCE:.0f} s")
    return f"{len(watcher.subscribed)} subscriptions, {count} telemetry messages"


def presence(trial: Trial) -> str:
    """How far AWS IoT's time is from this machine's, of which it says 2 minutes at most."""
    row = trial.devices.row(trial.first)
    made = datetime.fromisoformat(str(row["created_at"]))
    at = datetime.fromtimestamp(int(row["presence_at"]) / 1000, UTC)
    apart = (at - made).total_seconds()
    if not -120 <= apart <= 900:
        raise Differs(f"connected {apart:.0f} s after it was made")
    return f"connected {apart:.1f} s after it was made, versionNumber {row['presence_version']}"


def commanded(trial: Trial) -> str:
    """A request over MQTT 5, and its reply."""
    reply = ask(trial.home, trial.first, "ping", {}, PATIENCE)
    if not reply.accepted:
        raise Differs(f"the reply is {reply.status}")
    return "accepted"


def metrics(trial: Trial) -> str:
    """A report, told again where others may hear it."""
    seconds = 300 if trial.on_aws else 1
    with watching(trial.home, trial.first) as watcher:
        trial.devices.desire(trial.first, {"metrics": seconds})
        message = heard(watcher, lambda found: kind_of(found.topic) == "metrics", METRICS_PATIENCE)
    trial.devices.desire(trial.first, {"metrics": 0})
    if message is None:
        raise Differs(f"no event `metrics` within {METRICS_PATIENCE:.0f} s")
    return f"the event `metrics`, report_id {message.payload['header']['report_id']}"


def confined(trial: Trial) -> str:
    """In quarantine, silent, and with its connection ended."""
    outcome = quarantine(trial.home, trial.first, "selfcheck", lambda _steps: None).require()
    with watching(trial.home, trial.first) as watcher:
        _drained(watcher)
        said = heard(watcher, lambda found: kind_of(found.topic) == "telemetry", SILENCE)
    if said is not None:
        raise Differs("its messages arrive although it is in quarantine")
    if outcome.get("connection") not in ("DELETED", "TAKEN_OVER"):
        raise Differs(f"its connection: {outcome.get('connection')}")
    return f"connection {outcome['connection']}, silent for {SILENCE:.0f} s"


def _drained(watcher: Watcher) -> None:
    """What was on its way."""
    for _ in watcher.messages(limit=0.5):
        pass


def let_out(trial: Trial) -> str:
    """Out again, with another certificate, and heard."""
    before = trial.devices.row(trial.first)["certificate_id"]
    release(trial.home, trial.first, lambda _steps: None).require()
    after = trial.devices.row(trial.first)["certificate_id"]
    if before == after:
        raise Differs("it still has its old certificate")
    with watching(trial.home, trial.first) as watcher:
        if heard(watcher, lambda found: kind_of(found.topic) == "telemetry", PATIENCE) is None:
            raise Differs("none of its messages arrives")
    return "ONLINE with another certificate"


def restarted(trial: Trial) -> str:
    """A new task for the same device."""
    before = trial.devices.row(trial.first)["task_arn"]
    Workflow(trial.home, RESTART).run({"thingName": trial.first}, lambda _steps: None).require()
    if trial.devices.row(trial.first)["task_arn"] == before:
        raise Differs("it still runs in its old task")
    return "ONLINE in another task"


def rolled(trial: Trial) -> str:
    """Two devices to an image that does the same, one by one."""
    trial.provision(trial.second, "generic")
    trial.image_before = Images(trial.home).current()
    with trial.other_sources() as folder:
        pushed = Push(trial.paths, trial.home, lambda _text: None, folder).run()
    trial.image_made = pushed.digest
    outcome = Roll(trial.home).run([trial.first, trial.second], lambda _move: None).require()
    if outcome["rolled"] != 2:
        raise Differs(f"{outcome['rolled']} of 2 were moved")
    return f"image {pushed.done}, 2 devices moved"


def removed(trial: Trial) -> str:
    """Nothing is left of a device but its row."""
    row = trial.devices.row(trial.first)
    Workflow(trial.home, DEPROVISION).run({"thingName": trial.first}, lambda _steps: None).require()
    iot = trial.home.client("iot")
    there = {
        "thing": not gone(iot.describe_thing, thingName=trial.first),
        "certificate": not gone(iot.describe_certificate, certificateId=row["certificate_id"]),
        "row": trial.devices.row(trial.first)["status"] != "TERMINATED",
    }
    if any(there.values()):
        raise Differs(
            f"still there: {', '.join(name for name, is_there in there.items() if is_there)}"
        )
    return "thing and certificate are gone, the row says TERMINATED"


CHECKS = (
    Check(
        "The workflows as deployed",
        "make deploy",
        "every state of all six workflows, as in statemachines/",
        "the states that are named; the transform of AWS has changed them",
        definitions,
        needs_device=False,
    ),
    Check(
        "One provisioning",
        "playground create NAME --type bulb",
        "each step done, the device ONLINE, within 2 minutes",
        "the step that fails and its error; `playground logs NAME`",
        provisioning,
        needs_device=False,
    ),
    Check(
        "Watch it",
        "playground watch NAME",
        "telemetry and shadow messages, and a connection that stays",
        "the subscription that is refused, or after how many seconds the connection ends",
        watched,
    ),
    Check(
        "When AWS IoT says that it came",
        "playground show NAME",
        "`presence_at` within 2 minutes of `created_at`, or what Fargate takes later",
        "both, and `presence_version`",
        presence,
    ),
    Check(
        "A command",
        "playground command NAME ping",
        "the reply, accepted",
        "the reply that came instead; `playground logs NAME`",
        commanded,
    ),
    Check(
        "Metrics",
        "playground set NAME metrics=300",
        "in `watch` an event `metrics`, 5 to 6 minutes later",
        "whether the device's log says `metrics report rejected`, and why",
        metrics,
    ),
    Check(
        "Quarantine",
        "playground quarantine NAME --reason selfcheck",
        "`connection` DELETED, and no telemetry any more",
        "the step and its error; `connection`; whether telemetry goes on, and for how long",
        confined,
    ),
    Check(
        "Release",
        "playground release NAME",
        "ONLINE, with another certificate",
        "the step and its error; `playground job list`",
        let_out,
    ),
    Check(
        "Restart",
        "playground restart NAME",
        "ONLINE, with another task",
        "the step and its error; the reason that ECS gives for the old task",
        restarted,
    ),
    Check(
        "Push and roll",
        "playground push --from COPY && playground roll NAME OTHER",
        "a build that ends, an image, both devices moved",
        "what the build says, or that none has begun; the device that does not come up, and why",
        rolled,
    ),
    Check(
        "Delete",
        "playground delete NAME",
        "every step done; no thing, no certificate, no task",
        "what is left; `playground sweep --dry-run`",
        removed,
    ),
)
