"""Whether a device is restarted: the judgement alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.errors import InvalidInput
from restart.decision import MOST_RESTARTS, STABLE, Decision, RestartRequest, Verdict, decide
from tests.unit.stack import OTHER_RESTART, RESTART

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASK = "arn:task"
BY_EVENT = RestartRequest("lamp", RESTART, TASK)
BY_HAND = RestartRequest("lamp", RESTART)


def row(**more: Any) -> dict[str, Any]:
    return {"thing_name": "lamp", "status": "OFFLINE", "task_arn": TASK, **more}


def ago(since: timedelta) -> str:
    return (NOON - since).isoformat().replace("+00:00", "Z")


def verdict(
    found: dict[str, Any] | None, request: RestartRequest, dead: str | None = None
) -> tuple[Verdict, int]:
    decision = decide(found, request, NOON, dead)
    return decision.verdict, decision.restarts


@pytest.mark.parametrize(
    ("found", "by_event", "by_hand"),
    [
        (None, Verdict.IGNORE, Verdict.IGNORE),
        (row(status="TERMINATED"), Verdict.IGNORE, Verdict.IGNORE),
        (row(status="FAILED"), Verdict.IGNORE, Verdict.IGNORE),
        (row(status="FAILED", given_up_at="now"), Verdict.IGNORE, Verdict.RESTART),
        (row(status="QUARANTINED", quarantined_at="now"), Verdict.RESTART, Verdict.RESTART),
        (
            row(status="QUARANTINED", quarantined_at="now", releasing="arn"),
            Verdict.RESTART,
            Verdict.RESTART,
        ),
        (
            row(status="QUARANTINED", quarantined_at="now", quarantining="arn"),
            Verdict.WAIT,
            Verdict.IGNORE,
        ),
        (
            row(status="QUARANTINED", quarantined_at="now", readmitting=True),
            Verdict.WAIT,
            Verdict.IGNORE,
        ),
        (
            row(status="QUARANTINED", quarantining="arn", task_arn="arn:new"),
            Verdict.IGNORE,
            Verdict.IGNORE,
        ),
        (row(status="PROVISIONING"), Verdict.IGNORE, Verdict.IGNORE),
        (row(task_token="token"), Verdict.IGNORE, Verdict.IGNORE),
        (row(deprovisioning="arn"), Verdict.IGNORE, Verdict.IGNORE),
        (row(deprovisioning="arn", restarting=RESTART), Verdict.IGNORE, Verdict.IGNORE),
        (row(restarting=OTHER_RESTART), Verdict.WAIT, Verdict.IGNORE),
        (row(restarting=OTHER_RESTART, task_arn="arn:new"), Verdict.IGNORE, Verdict.IGNORE),
        (row(restarting=OTHER_RESTART, deprovisioning="arn"), Verdict.IGNORE, Verdict.IGNORE),
        (row(task_arn="arn:new"), Verdict.IGNORE, Verdict.RESTART),
        (row(status="ONLINE"), Verdict.RESTART, Verdict.RESTART),
        (row(), Verdict.RESTART, Verdict.RESTART),
        (row(restarting=RESTART, restarts=1), Verdict.RESTART, Verdict.RESTART),
        ({"thing_name": "lamp", "status": "OFFLINE"}, Verdict.RESTART, Verdict.RESTART),
    ],
    ids=str,
)
def test_what_is_restarted(
    found: dict[str, Any] | None, by_event: Verdict, by_hand: Verdict
) -> None:
    assert (verdict(found, BY_EVENT)[0], verdict(found, BY_HAND)[0]) == (by_event, by_hand)


def test_who_is_dead_is_in_nobodys_way() -> None:
    held = row(restarting=OTHER_RESTART, task_token="token", restarts=1)
    assert verdict(held, BY_EVENT, dead=OTHER_RESTART) == (Verdict.RESTART, 2)
    assert verdict(held, BY_HAND, dead=OTHER_RESTART) == (Verdict.RESTART, 1)
    # but not when another one has the device since
    assert verdict(
        {**held, "restarting": "arn:third", "task_arn": "new"}, BY_EVENT, dead=OTHER_RESTART
    )[0] == (Verdict.IGNORE)


@pytest.mark.parametrize(
    ("more", "by_event", "by_hand"),
    [
        ({}, 1, 1),
        ({"restarts": 2}, 3, 1),
        ({"restarts": 2, "restarted_by": RESTART}, 3, 3),
        ({"restarts": 2, "restarted_at": ago(STABLE - timedelta(seconds=1))}, 3, 1),
        ({"restarts": 2, "restarted_at": ago(STABLE)}, 1, 1),
        ({"restarts": 2, "restarting": RESTART}, 2, 2),
    ],
    ids=str,
)
def test_restarts_in_a_row_are_counted(more: dict[str, Any], by_event: int, by_hand: int) -> None:
    assert (verdict(row(**more), BY_EVENT)[1], verdict(row(**more), BY_HAND)[1]) == (
        by_event,
        by_hand,
    )


def test_too_many_in_a_row_end_in_giving_up() -> None:
    assert verdict(row(restarts=MOST_RESTARTS - 1), BY_EVENT)[0] is Verdict.RESTART
    assert decide(row(restarts=MOST_RESTARTS), BY_EVENT, NOON) == Decision(
        Verdict.GIVE_UP, "failed after 3 restarts in a row", MOST_RESTARTS + 1
    )


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("input", "lamp"),
        ("thingName", {}),
        ("thingName", {"thingName": "no spaces"}),
        ("force", {"thingName": "lamp", "force": True}),
        ("stoppedTask", {"thingName": "lamp", "stoppedTask": {}}),
        ("once", {"thingName": "lamp", "once": "yes"}),
    ],
)
def test_bad_input_is_refused_by_its_field(field: str, asked: object) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        RestartRequest.from_event({"input": asked, "restart": RESTART})
