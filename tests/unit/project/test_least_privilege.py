"""Who keeps the roles' actions: what is asked for is refused once and given back, and what is not
asked for is not.
"""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from proofs.fault_matrix.calls import Call
from proofs.fault_matrix.rules import Answer
from proofs.least_privilege.keeper import Keeper, Refusal, action_refused
from tests.role_policies import Document, Grant, actions_in

READ, WRITE, FORGET = "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"
SHADOW, OBJECT, NEEDLESS = "iot:UpdateThingShadow", "s3:GetObject", "iot:ListThings"
LAMP = "LampFunction"
WHOLE = {"inline": {"Statement": [{"Action": [READ, WRITE, FORGET, SHADOW, OBJECT, NEEDLESS]}]}}


class InMemory:
    """In IAM's place: what each function may do now."""

    def __init__(self) -> None:
        self.allowed = {LAMP: actions_in(WHOLE)}

    def grants(self) -> list[Grant]:
        return [
            Grant(function, action)
            for function, actions in self.allowed.items()
            for action in sorted(actions)
        ]

    def allow(self, function: str, whole: Mapping[str, Document], actions: Collection[str]) -> None:
        assert whole == WHOLE
        self.allowed[function] = set(actions)


@pytest.fixture
def roles() -> InMemory:
    return InMemory()


@pytest.fixture
def keeper(roles: InMemory) -> Keeper:
    keeper = Keeper(roles, {LAMP: WHOLE})
    keeper.withhold_all()
    return keeper


def asked(
    keeper: Keeper, roles: InMemory, action: str, invocation: str = "1", function: str = "Lamp"
) -> bool:
    """Whether a call comes through, as the proxy has it: it is passed on as long as the keeper says
    so.
    """
    call = Call("dynamodb", action.partition(":")[2], function, "lamp", invocation, key="KEY")
    if action == OBJECT:
        call = Call("s3", "GetObject", thing="lamp", key="KEY")
    while True:
        allowed = action in roles.allowed[LAMP]
        answer = Answer(200, {}, b"{}") if allowed else refused(action)
        if not keeper.again(call, answer):
            return allowed


def refused(action: str) -> Answer:
    text = f"User: arn:aws:sts::1:assumed-role/lamp is not authorized to perform: {action} because"
    return Answer(400, {}, text.encode())


def failed(keeper: Keeper, message: str = "", invocation: str = "1") -> bool:
    content = {"errorType": "AccessRefused", "errorMessage": message}
    return keeper.ended(
        {"function": "Lamp", "invocation": invocation, "kind": "error", "content": content}
    )


def went_well(keeper: Keeper, content: Any = None) -> bool:
    return keeper.ended(
        {"function": "Lamp", "invocation": "1", "kind": "response", "content": content}
    )


def test_at_first_no_role_may_do_anything(keeper: Keeper, roles: InMemory) -> None:
    assert roles.allowed == {LAMP: set()}


def test_what_a_run_was_refused_first_it_gets_back_and_runs_again(
    keeper: Keeper, roles: InMemory
) -> None:
    # when
    came_through = asked(keeper, roles, READ), asked(keeper, roles, READ)
    again = failed(keeper, "(AccessDeniedException) when calling the GetItem operation: User: x")
    # then
    assert came_through == (False, False)
    assert again
    assert roles.allowed[LAMP] == {READ}
    refusal = Refusal(fails=True, what="AccessRefused: AccessDeniedException, calling GetItem")
    assert keeper.refused == {Grant(LAMP, READ): refusal}
    # and the second time it comes through
    assert asked(keeper, roles, READ)
    assert not went_well(keeper)


def test_what_undoes_a_run_that_failed_is_lent_to_it_and_no_longer(
    keeper: Keeper, roles: InMemory
) -> None:
    # when
    asked(keeper, roles, READ)
    undone = asked(keeper, roles, WRITE)
    failed(keeper)
    # then
    assert undone
    assert roles.allowed[LAMP] == {READ}
    assert keeper.while_undoing == {Grant(LAMP, WRITE)}


def test_what_is_only_for_failures_is_never_a_runs_first_refusal(
    keeper: Keeper, roles: InMemory
) -> None:
    assert asked(keeper, roles, FORGET)
    assert not failed(keeper)
    assert keeper.while_undoing == {Grant(LAMP, FORGET)}
    assert roles.allowed[LAMP] == set()


def test_what_the_device_is_refused_is_the_functions_that_signed_the_url(
    keeper: Keeper, roles: InMemory
) -> None:
    # given: the function has been seen with its key
    asked(keeper, roles, READ)
    failed(keeper)
    # then
    assert asked(keeper, roles, OBJECT)
    assert Grant(LAMP, OBJECT) in keeper.refused


def test_a_function_that_goes_on_without_it_is_told_apart(keeper: Keeper, roles: InMemory) -> None:
    asked(keeper, roles, READ)
    assert went_well(keeper, {"done": "IGNORED"})
    assert not keeper.refused[Grant(LAMP, READ)].fails


def test_an_answer_that_is_an_error_is_a_failure(keeper: Keeper, roles: InMemory) -> None:
    asked(keeper, roles, READ)
    went_well(keeper, {"statusCode": 500})
    assert keeper.refused[Grant(LAMP, READ)] == Refusal(fails=True, what="answers 500")


def test_two_runs_at_a_time_are_two(keeper: Keeper, roles: InMemory) -> None:
    # when
    asked(keeper, roles, READ, "1")
    asked(keeper, roles, WRITE, "2")
    both = failed(keeper, invocation="1"), failed(keeper, invocation="2")
    # then
    assert both == (True, True)
    assert keeper.refused.keys() == {Grant(LAMP, READ), Grant(LAMP, WRITE)}
    assert not keeper.while_undoing


def test_what_nobody_asks_for_stays_withheld(keeper: Keeper, roles: InMemory) -> None:
    for action in (READ, WRITE, SHADOW):
        asked(keeper, roles, action)
        failed(keeper)
    assert Grant(LAMP, NEEDLESS) in keeper.withheld
    keeper.give_back_all()
    assert roles.allowed == {LAMP: actions_in(WHOLE)}


def test_what_another_run_has_got_back_meanwhile_is_asked_for_once_more(
    keeper: Keeper, roles: InMemory
) -> None:
    # given
    asked(keeper, roles, READ)
    failed(keeper)
    late = Call("dynamodb", "GetItem", "Lamp", "lamp", "2", attempts_of="a", key="KEY")
    # then
    assert keeper.again(late, refused(READ))
    assert not keeper.strays
    # and not for ever
    assert not keeper.again(late, refused(READ))
    assert keeper.strays == [f"{LAMP}: {READ}"]


def test_a_refusal_of_what_was_never_allowed_is_noticed(keeper: Keeper) -> None:
    call = Call("iot", "DeleteThing", "Lamp", "lamp", "1", key="KEY")
    assert not keeper.again(call, refused("iot:DeleteThing"))
    assert keeper.strays == ["LampFunction: iot:DeleteThing"]


@pytest.mark.parametrize(
    ("call", "answer", "action"),
    [
        (Call("iot-data", "UpdateThingShadow"), Answer(403,
        {"x-amzn-ErrorType": "ForbiddenException"}, b""), SHADOW),
        (Call("iot", "GetPolicy"), Answer(404, {}, b'{"message": "no policy"}'), ""),
        (Call("iot", "GetPolicy"), Answer(200, {}, b"is not authorized to perform: iot:GetPolicy"),
        ""),
    ],
)  # fmt: skip
def test_a_refusal_is_known_by_its_answer(call: Call, answer: Answer, action: str) -> None:
    assert action_refused(call, answer) == action
