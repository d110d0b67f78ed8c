"""What `up` does about devices that have lost something while the emulator was away."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from playground.home.paths import Paths
from playground.local.identities import Owner
from playground.local.mending import Mending

LAMP = {"thing_name": "lamp", "status": "ONLINE", "task_arn": "c/task", "certificate_id": "c-1"}
GATE = {"thing_name": "gate", "status": "OFFLINE", "certificate_id": "c-1", "hosting": "none"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """With the lamp's identity."""
    paths = Paths(directory=tmp_path)
    folder = paths.devices / "task" / "lamp"
    folder.mkdir(parents=True)
    document = {"certificateId": "c-1"}
    (folder / "identity.json").write_text(json.dumps(document))
    return paths


def mended(paths: Paths, row: dict[str, str], **there: Any) -> tuple[str, list[str], list[str]]:
    """What is said, who is restarted, and who is removed, where this is there."""
    mending = Mending(cast("Any", None), paths, cast("Any", None))
    owners = [owner for owner in [Owner.from_row(row)] if owner is not None]
    mending.__dict__.update(
        book=SimpleNamespace(owners=lambda: owners),
        _things=there.get("things", {row["thing_name"]}),
        _certificates=there.get("certificates", {"c-1"}),
    )
    return " ".join(mending._devices()), mending._restart, mending._remove


def test_a_device_that_has_everything_is_left_alone(paths: Paths) -> None:
    assert mended(paths, LAMP) == ("", [], [])
    assert mended(paths, GATE) == ("", [], [])


def test_whose_thing_is_lost_is_removed(paths: Paths) -> None:
    for row in (LAMP, GATE):
        name = row["thing_name"]
        said = f"{name} has lost its thing, and is removed."
        assert mended(paths, row, things=set()) == (said, [], [name])


def test_whose_certificate_is_lost_gets_another_if_it_runs_here(paths: Paths) -> None:
    said = "lamp has lost its certificate, and gets a new one."
    assert mended(paths, LAMP, certificates=set()) == (said, ["lamp"], [])
    said = "gate has lost its certificate, and is removed."
    assert mended(paths, GATE, certificates=set()) == (said, [], ["gate"])


def test_whose_key_is_lost_gets_another_certificate(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    said = "lamp has lost its key, and gets a new certificate."
    assert mended(Paths(directory=tmp_path), LAMP) == (said, ["lamp"], [])


def test_who_has_no_task_is_restarted(paths: Paths) -> None:
    said = "lamp has no task, and is restarted."
    assert mended(paths, {**LAMP, "task_arn": ""}) == (said, ["lamp"], [])
