"""What the fault matrix calls a device, one in quarantine, nothing, and a leak."""

import pytest

from proofs.fault_matrix.phases import COURSES, UNDOINGS, Phase
from proofs.fault_matrix.remains import CONFINED, NOTHING, STOPPED, WHOLE, Remains

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
    # then: what a failure leaves is what there was before it, except that a removal may have begun
    there = past[-1].done if past else NOTHING
    assert course.states
    assert there in course.failed or phase in UNDOINGS
