"""A real rogue in the local cloud: each misbehaviour is found, and nobody else is blamed."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest

from playground.local.log_files import device_log
from playground.security.findings import findings
from tests.playground_cloud import Cloud, wait_for

pytestmark = pytest.mark.thorough

ROGUE = "dev-ROGUE1"
CANARY = "dev-CANARY"
LIMIT = 90.0
"""Seconds until all are found, on a machine that runs other tests beside. docs/security.md has what
was measured.
"""

RULES: Mapping[str, tuple[str, str]] = {
    "forbidden-topic": ("forbidden-topic", ROGUE),
    "flood": ("flood", ROGUE),
    "oversized": ("oversized", ROGUE),
    "tamper": ("tamper", ROGUE),
    "stranger": ("stranger", ROGUE),
    "clone": ("clone", ROGUE),
    "foreign-shadow": ("foreign-shadow", ROGUE),
    # Nobody can know whose it was.
    "expired-certificate": ("bad-certificate", "?"),
}
"""Misbehaviours, the rule that finds each, and the thing that is blamed."""


@pytest.fixture
def canary(cloud: Cloud, nothing_left: None) -> Iterator[str]:
    """A well-behaved device, which the rogue pretends to be."""
    cloud.playground("create", "--name", CANARY, "--type", "bulb")
    cloud.desire(CANARY, time=1, metrics=1)
    yield CANARY
    cloud.playground("delete", CANARY)


@pytest.fixture
def rogue(cloud: Cloud, canary: str) -> Iterator[str]:
    """A rogue that behaves, so far."""
    cloud.playground("create", "--name", ROGUE, "--type", "rogue")
    cloud.wait_until_reported(ROGUE, misbehave=[])
    yield ROGUE
    cloud.playground("delete", ROGUE)


def misdeeds(cloud: Cloud) -> dict[str, float]:
    """When the rogue did what for the first time, Unix time, by its own log."""
    task_id = cloud.row(ROGUE)["task_arn"].rpartition("/")[2]
    done: dict[str, float] = {}
    for line in device_log(cloud.paths, task_id).read_text().splitlines():
        entry: dict[str, Any] = json.loads(line)
        if entry["message"] == "misbehaving":
            done.setdefault(
                entry["misbehaviour"], datetime.fromisoformat(entry["time"]).timestamp()
            )
    return done


@pytest.mark.timeout(180)
def test_each_misbehaviour_is_found_and_the_canary_is_not_blamed(cloud: Cloud, rogue: str) -> None:
    # given
    found: dict[tuple[str, str], float] = {}

    def all_found() -> bool:
        for one in findings(cloud.home):
            found.setdefault((one.rule, one.thing_name), time.time())
        # A finding on nobody may be that of another test.
        return found.keys() >= set(RULES.values()) and misdeeds(cloud).keys() >= RULES.keys()

    # when
    cloud.playground("set", rogue, "misbehave=all", "seed=1", "period=2", f"victim={CANARY}")
    # then
    try:
        wait_for("a finding on each misbehaviour", all_found, limit=LIMIT)
    finally:
        done = misdeeds(cloud)
        print(
            {
                name: round(found[key] - done[name], 2)
                for name, key in RULES.items()
                if key in found and name in done
            }
        )
    assert done.keys() == RULES.keys()
    assert CANARY not in {thing for _, thing in found}
    assert cloud.row(CANARY)["status"] == "ONLINE"
    # and it ends when it is told to, for it still hears its shadow
    cloud.desire(ROGUE, misbehave=[])
    cloud.wait_until_reported(ROGUE, misbehave=[])
    # and one sees it
    shown = json.loads(cloud.playground("findings", ROGUE, "--output", "json").stdout)["findings"]
    assert {one["rule"] for one in shown} >= {
        rule for rule, thing in RULES.values() if thing == ROGUE
    } | {"auth-error"}
    assert all(one["seen"] is not None and one["at"] and one["reason"] for one in shown)
