"""What the fault matrix calls a device, one in quarantine, nothing, and a leak."""

import pytest

from proofs.fault_matrix.phases import COURSES, UNDOINGS, Phase
from proofs.fault_matrix.remains import (
    APART,
    AT_REST,
    BACK,
    CONFINED,
    GIVEN_BACK,
    KEPT,
    MOVED,
    NOTHING,
    STOPPED,
    WHOLE,
    Remains,
    Rolled,
)

THERE = {"thing": ["lamp"], "shadow": ["lamp"]}


@pytest.mark.parametrize(
    ("remains", "verdict"),
    [
        (Remains(THERE, {"status": "ONLINE"}, confined=["not QUARANTINED"]), WHOLE),
        (Remains(THERE, {"status": "QUARANTINED"}, free=["not ONLINE"]), CONFINED),
        (
            Remains(
                THERE, {"status": "OFFLINE"}, free=["no task"], confined=["no task"], stopped=[]
            ),
            STOPPED,
        ),
        (
            Remains(
                THERE,
                {"status": "STOPPED"},
                ["a certificate not active"],
                ["no task"],
                ["no"],
                at_rest=[],
            ),
            AT_REST,
        ),
        (
            Remains(
                {"thing": []},
                {"status": "TERMINATED"},
                ["no thing"],
                ["not ONLINE"],
                ["not QUARANTINED"],
            ),
            NOTHING,
        ),
        (Remains({"thing": []}, {}, ["no thing"], ["not ONLINE"], ["not QUARANTINED"]), NOTHING),
    ],
)
def test_what_there_is_has_a_name(remains: Remains, verdict: str) -> None:
    assert remains.verdict == verdict


@pytest.mark.parametrize(
    ("remains", "lacks"),
    [
        (
            Remains(
                THERE, {"status": "ONLINE"}, free=["a wide policy"], confined=["not QUARANTINED"]
            ),
            "a wide policy",
        ),
        (Remains(THERE, {"status": "QUARANTINED"}, ["held"], ["not ONLINE"]), "held"),
        (
            Remains(THERE, {"status": "QUARANTINED"}, (), ["not ONLINE"], ["a free policy"]),
            "a free policy",
        ),
        (
            Remains({"tasks": ["one"]}, {"status": "FAILED"}, ["no thing"], ["not ONLINE"], ["no"]),
            "no thing",
        ),
        (Remains({}, {"status": "OFFLINE"}, ["no thing"], ["not ONLINE"], ["no"]), "no thing"),
    ],
)
def test_a_leak_says_what_is_wrong_with_it(remains: Remains, lacks: str) -> None:
    assert remains.verdict.startswith("LEFT ")
    assert lacks in remains.verdict


@pytest.mark.parametrize("phase", Phase)
def test_each_phase_has_a_course_that_begins_where_another_ends(phase: Phase) -> None:
    # given
    course = COURSES[phase]
    past = [COURSES[earlier] for earlier in course.before]
    # then: what a failure leaves is what there was before it, except that a removal may have begun,
    # and that of a roll which puts a device back only the putting back is struck
    there = past[-1].done if past else NOTHING
    left = [APART.get(verdict, verdict) for verdict in course.failed]
    assert course.states
    assert there in left or phase in (*UNDOINGS, Phase.ROLL_PUT_BACK)


@pytest.mark.parametrize(
    ("recorded", "told", "tag", "verdict"),
    [
        ("new", "new", "new", MOVED),
        ("old", "old", "new", KEPT),
        ("old", "old", "old", BACK),
    ],
)
def test_a_device_that_was_to_be_rolled_is_called_by_its_image(
    recorded: str, told: str, tag: str, verdict: str
) -> None:
    row = {"status": "ONLINE", "image_digest": recorded}
    rolled = Rolled("old", "new", tag, [told])
    assert Remains(THERE, row, confined=["not QUARANTINED"], rolled=rolled).verdict == verdict


@pytest.mark.parametrize(
    ("recorded", "told", "tag"),
    [("new", "new", "old"), ("new", "old", "new"), ("old", "new", "new"), ("other", "new", "new")],
)
def test_an_image_that_is_not_the_right_one_is_told(recorded: str, told: str, tag: str) -> None:
    row = {"status": "ONLINE", "image_digest": recorded}
    left = Remains(THERE, row, confined=["not"], rolled=Rolled("old", "new", tag, [told]))
    assert left.verdict.startswith("LEFT ")


@pytest.mark.parametrize(("tag", "verdict"), [("new", STOPPED), ("old", GIVEN_BACK)])
def test_a_device_that_was_not_put_back_is_called_by_the_tag(tag: str, verdict: str) -> None:
    row, lacks = {"status": "OFFLINE"}, ["a task"]
    rolled = Rolled("old", "new", tag)
    left = Remains(THERE, row, free=lacks, confined=lacks, stopped=[], rolled=rolled)
    assert left.verdict == verdict


@pytest.mark.parametrize("there", [THERE, {}])
@pytest.mark.parametrize(
    ("rolled", "lacks"),
    [
        (Rolled("old", "new", "new", holder="the lock is held by arn"), "the lock is held by arn"),
        (Rolled("old", "new", "other"), "the tag stands for other"),
        (Rolled("old", "new", ""), "the tag stands for nothing"),
    ],
)
def test_what_a_roll_leaves_for_all_devices_is_told_even_where_its_own_is_gone(
    there: dict[str, list[str]], rolled: Rolled, lacks: str
) -> None:
    left = Remains(there, {"status": "ONLINE"} if there else {}, rolled=rolled)
    assert left.verdict.startswith("LEFT ")
    assert lacks in left.verdict
