"""`playground selfcheck` on the laptop: it passes, and leaves everything as it was."""

import json
from pathlib import Path

import pytest

from playground.images.images import Images
from playground.selfcheck.checks import CHECKS
from tests.playground_cloud import Cloud

pytestmark = pytest.mark.thorough


@pytest.mark.timeout(400)
def test_all_is_as_it_should_be_and_nothing_stays(
    cloud: Cloud, nothing_left: None, tmp_path: Path
) -> None:
    # given
    images = Images(cloud.home)
    before = (images.current(), {image.digest for image in images.listed()})
    report = tmp_path / "seen.md"
    # when
    done = cloud.playground(
        "selfcheck", "--report", str(report), "--output", "json", timeout=380, check=False
    )
    # then
    said = json.loads(done.stdout)
    assert [
        (one["title"], one["status"], one["seen"])
        for one in said["checks"]
        if one["status"] != "passed"
    ] == []
    assert len(said["checks"]) == len(CHECKS)
    assert (done.returncode, said["passed"], said["left"]) == (0, True, [])
    assert (images.current(), {image.digest for image in images.listed()}) == before
    # and the report can be sent
    text = report.read_text()
    assert f"{len(CHECKS)} of {len(CHECKS)} passed" in text
    assert cloud.home.account not in text
