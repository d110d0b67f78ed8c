"""What device A tries on B's behalf, and what strangers try. Topics are those of
docs/contracts.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.accounts import Member, member, mqtt_server
from benchmarks.clients import Server
from proofs.access.visitor import ALLOWED, publish, subscribe, visit
from tests.device.pki import CertificateAuthority, KeyPair
from tests.playground_cloud import Cloud

Action = Literal["connect", "publish", "subscribe"]
A, B = "access-a", "access-b"
HEARD_WITHIN_SECONDS = 20.0


@dataclass(frozen=True)
class Attempt:
    """Something that somebody tried; `wanted` is whether it should be allowed."""

    who: str
    action: Action
    what: str
    outcome: str
    wanted: bool = False

    @property
    def is_right(self) -> bool:
        """Whether it ended as it should."""
        return (self.outcome == ALLOWED) is self.wanted


# What A may do for itself: without these, a server that refuses everything would pass.
OWN_TOPICS = (
    f"dt/playground/{A}/telemetry",
    f"evt/playground/{A}/online",
    f"newtopic/{A}",
    f"$aws/things/{A}/shadow/update",
    f"$aws/things/{A}/jobs/$next/get",
    f"cmd/playground/{A}/res",
)
OWN_FILTERS = (
    f"$aws/things/{A}/shadow/update/delta",
    f"$aws/things/{A}/jobs/notify-next",
    f"cmd/playground/{A}/req",
)

TOPICS_OF_B = (
    f"dt/playground/{B}/telemetry",
    f"evt/playground/{B}/online",
    f"evt/playground/{B}/tamper",
    f"evt/playground/{B}/{A}",
    f"newtopic/{B}",
    B,
    f"$aws/things/{B}/shadow/update",
    f"$aws/things/{B}/shadow/get",
    f"$aws/things/{B}/shadow/delete",
    f"$aws/things/{B}/shadow/name/config/update",
    f"$aws/things/{B}/shadow/update/{A}",
    f"$aws/things/{B}/jobs/start-next",
    f"$aws/things/{B}/jobs/$next/get",
    f"$aws/things/{B}/jobs/some-job/update",
    f"$aws/things/{B}/defender/metrics/json",
    f"$aws/commands/things/{B}/executions/some-execution/response/json",
    f"cmd/playground/{B}/req",
    f"cmd/playground/{B}/res",
    f"cmd/playground/{B}/{A}",
    f"cmd/playground/{B}/certificate/create",
    f"cmd/playground/{B}/certificate/confirm",
    f"cmd/playground/{B}/certificate/abandon",
)
RESERVED_TOPICS = (
    f"$aws/events/presence/connected/{A}",
    f"$aws/events/presence/disconnected/{B}",
    f"$aws/events/thing/{A}/deleted",
    f"$aws/events/{A}",
    "$aws/certificates/create/json",
    "$aws/certificates/create-from-csr/json",
    "$aws/provisioning-templates/some-template/provision/json",
    f"$aws/things/{A}/tunnels/notify",
    f"$aws/things/{A}/streams/some-stream/get/json",
)
RULES = (
    "$aws/rules/some_rule",
    f"$aws/rules/some_rule/{A}",
    f"$aws/rules/some_rule/dt/playground/{B}/telemetry",
)
FILTERS = (
    "#",
    "+/#",
    "dt/#",
    f"dt/playground/{B}/telemetry",
    f"evt/playground/{B}/+",
    "cmd/#",
    "cmd/playground/+/req",
    f"cmd/playground/{B}/req",
    f"cmd/playground/{B}/certificate/#",
    "$aws/things/#",
    "$aws/things/+/shadow/update/delta",
    f"$aws/things/{B}/shadow/update/accepted",
    f"$aws/things/{B}/jobs/notify-next",
    f"$aws/commands/things/{B}/executions/+/request/json",
    "$aws/events/#",
    f"$aws/events/presence/connected/{B}",
    "$aws/rules/#",
    "+/+",
    "cmd/playground/#",
    "$share/a/#",
    f"$share/a/cmd/playground/{B}/req",
    f"$share/a/$aws/things/{B}/#",
)
WILLS = (f"evt/playground/{B}/tamper", f"cmd/playground/{B}/req", f"$aws/things/{B}/shadow/update")


def attempts(cloud: Cloud, policy: str = "") -> list[Attempt]:
    """Try everything, with things and certificates of its own, which are removed afterwards.

    `policy` stands for the stack's device policy.
    """
    server, policy = mqtt_server(cloud), policy or cloud.home.output("DevicePolicyName")
    with member(cloud, A, policy) as one, member(cloud, B, policy):
        return [*_with_the_own_certificate(server, one), *_as_somebody_else(cloud, server, one)]


def _with_the_own_certificate(server: Server, one: Member) -> Iterator[Attempt]:
    who = "A"
    with visit(server, A, one.pair) as at:
        yield Attempt(who, "connect", "as A", at.outcome, wanted=True)
        assert at.client is not None, at
        for topic in OWN_TOPICS:
            yield Attempt(who, "publish", topic, publish(at.client, topic), wanted=True)
        for topic_filter in OWN_FILTERS:
            yield Attempt(
                who, "subscribe", topic_filter, subscribe(at.client, topic_filter), wanted=True
            )
        for topic in (*TOPICS_OF_B, *RESERVED_TOPICS, *RULES):
            yield Attempt(who, "publish", topic, publish(at.client, topic))
        # Nothing that a device says is to reach whoever comes later, when it may be in quarantine.
        kept = f"dt/playground/{A}/telemetry"
        yield Attempt(who, "publish", f"{kept}, retained", publish(at.client, kept, retain=True))
        for topic_filter in FILTERS:
            yield Attempt(who, "subscribe", topic_filter, subscribe(at.client, topic_filter))
    for topic in WILLS:
        with visit(server, A, one.pair, will=topic) as at:
            yield Attempt("A, with a last will", "connect", topic, at.outcome)
    for client_id in (B, "nobody-knows", f"{A}-2", f"{A}/{B}"):
        yield _connects(server, "A, with another client id", client_id, one.pair)


def _as_somebody_else(cloud: Cloud, server: Server, one: Member) -> Iterator[Attempt]:
    stranger = CertificateAuthority("Somebody's CA").device(A)
    yield _connects(server, "a certificate of another CA", A, stranger)
    yield _connects(server, "no certificate", A, None)
    iot = cloud.client("iot")
    certificate_id = one.certificate_arn.rpartition("/")[2]
    iot.detach_thing_principal(thingName=A, principal=one.certificate_arn)
    yield _connects(server, "A's certificate, detached from A", A, one.pair)
    iot.attach_thing_principal(thingName=A, principal=one.certificate_arn)
    for status in ("INACTIVE", "REVOKED"):
        iot.update_certificate(certificateId=certificate_id, newStatus=status)
        yield _connects(server, f"A's certificate, {status.lower()}", A, one.pair)


def _connects(server: Server, who: str, client_id: str, pair: KeyPair | None) -> Attempt:
    with visit(server, client_id, pair) as at:
        return Attempt(who, "connect", f"as {client_id}", at.outcome)
