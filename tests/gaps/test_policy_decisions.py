"""Our evaluator of AWS IoT policies against the emulator's own decisions."""

import json
from collections import Counter
from random import Random, SystemRandom
from typing import Any

import pytest

from explaining.policies import Policy, decide
from tests.gaps.modules import gap, service
from tests.gaps.policy_cases import Case, case

CASES = 20_000
DECISIONS = {"Allow": "ALLOWED", "Deny": "EXPLICIT_DENY", "ImplicitDeny": "IMPLICIT_DENY"}


def emulators(iot: Any, asked: Case) -> str:
    """What the emulator decides, by the way that a message takes through its broker."""
    context = iot.EvalContext(
        principal_arn="arn:aws:iot:eu-west-1:111122223333:cert/c",
        principal_type="Certificate",
        principal_account="111122223333",
        action=asked.action,
        resource_arn=asked.resource,
        region="eu-west-1",
        service_context=asked.given,
    )
    variables = tuple(sorted(asked.given.items()))
    policies = [iot._parsed_iot_policy(json.dumps(one), variables) for one in asked.documents]
    return DECISIONS[iot.evaluate(context, policies).decision]


def ours(asked: Case) -> str:
    policies = [Policy(f"p{number}", one) for number, one in enumerate(asked.documents)]
    return decide(policies, asked.action, asked.resource, asked.given).decision


@pytest.mark.parametrize(
    ("seed", "cases"),
    [
        pytest.param(1, CASES // 10, id="some"),
        pytest.param(1, CASES, id="seed", marks=pytest.mark.thorough),
        pytest.param(
            SystemRandom().randrange(2**32), CASES, id="new-seed", marks=pytest.mark.thorough
        ),
    ],
)
def test_both_decide_the_same(seed: int, cases: int) -> None:
    iot = service("iot")
    gap("condition_booleans").fill()
    random, seen = Random(seed), Counter[str]()  # noqa: S311 - cases, no secrets
    for _ in range(cases):
        asked = case(random)
        found = emulators(iot, asked)
        assert ours(asked) == found, (seed, asked)
        seen[found] += 1
    assert min(seen[decision] for decision in DECISIONS.values()) > cases // 50, seen


def attached(value: Any) -> Case:
    statement = {
        "Effect": "Allow",
        "Action": "iot:Connect",
        "Resource": "*",
        "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": value}},
    }
    given = {"iot:connection.thing.isattached": "true"}
    return Case([{"Statement": [statement]}], "iot:Connect", "arn:aws:iot:x:1:client/a", given)


def test_a_boolean_in_a_condition_is_its_text() -> None:
    iot = service("iot")
    gap("condition_booleans").fill()
    for value in (True, "true", ["true"], [True]):
        assert emulators(iot, attached(value)) == "ALLOWED"
    assert emulators(iot, attached(False)) == "IMPLICIT_DENY"  # noqa: FBT003


def a_list_of(value: Any) -> Case:
    found = attached([value])
    found.documents[0]["Statement"][0]["Condition"] = {
        "StringEquals": {"iot:Connection.Thing.IsAttached": [value]}
    }
    return found


def test_the_emulator_itself_makes_pythons_text_of_it() -> None:
    """Once it does not, the gap can go."""
    assert emulators(service("iot"), a_list_of(True)) == "IMPLICIT_DENY"  # noqa: FBT003
