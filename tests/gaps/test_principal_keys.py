"""Keys of IAM's conditions that say who asks and how."""

import pytest

from tests.gaps.filled import ACCOUNT, REGION, fill, in_scope

SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/detect/some-session"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/of/ours/detect"
USER = f"arn:aws:iam::{ACCOUNT}:user/admin"


def value_of(key: str, principal: str = USER) -> object:
    from ministack.core import iam_evaluator

    context = iam_evaluator.EvalContext(
        principal, "AssumedRole", ACCOUNT, "sns:Publish", "*", REGION
    )
    return iam_evaluator._resolve_condition_key(key, context)


def test_the_emulator_still_takes_the_session_for_the_role() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    assert value_of("aws:PrincipalArn", SESSION) == SESSION


def test_whoever_has_assumed_a_role_is_the_role() -> None:
    # given
    fill("role_as_principal")
    from ministack.services import iam

    in_scope()
    iam._roles["detect"] = {"Arn": ROLE}
    # then
    assert value_of("aws:PrincipalArn", SESSION) == ROLE
    assert value_of("AWS:principalarn", USER) == USER


@pytest.mark.parametrize(
    ("address", "tls", "filled", "secure"),
    [
        ("127.0.0.1", False, False, "false"),
        ("127.0.0.1", False, True, "true"),
        ("::1", False, True, "true"),
        ("192.0.2.1", False, True, "false"),
        ("192.0.2.1", True, True, "true"),
        ("testclient", False, True, "false"),
    ],
)
def test_a_call_that_never_leaves_the_machine_is_secure(
    address: str, secure: str, *, tls: bool, filled: bool
) -> None:
    """When the first fails the emulator has learned it: away with the gap."""
    # given
    if filled:
        fill("loopback_is_private")
    from ministack import app

    # when
    app.pin_request_origin(address, tls)
    # then
    assert value_of("aws:SecureTransport") == secure
