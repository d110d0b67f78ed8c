"""Following the build that an upload has started, in CodeBuild."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from playground.errors import ImageError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_codebuild import CodeBuildClient

# EventBridge delivers in seconds.
BEGIN_LIMIT = 120.0
PAUSE = 2.0

Step = Callable[[str], None]


class Builds(Protocol):
    """Whoever builds what is uploaded."""

    def follow(self, version: str, step: Step) -> None:
        """Wait for the end of the build of this version of the source; tell each part of it. Raises
        ImageError.
        """


@dataclass(frozen=True)
class CodeBuilds:
    """The stack's CodeBuild project."""

    home: Home
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def follow(self, version: str, step: Step) -> None:
        """See `Builds`. The build is the one whose source version is that of the upload."""
        step("Waiting for the upload to start the build")
        build_id, told = "", 0
        deadline = self.clock() + BEGIN_LIMIT
        while True:
            build = self._get(build_id) if build_id else self._find(version)
            if build is not None:
                build_id = build["id"]
                begun = list(_phases(build))
                for name in begun[told:]:
                    step(f"Building: {name} ({build_id})")
                told = len(begun)
                if build["buildStatus"] == "SUCCEEDED":
                    return
                if build["buildStatus"] != "IN_PROGRESS":
                    raise ImageError(_failure(build))
            elif self.clock() > deadline:
                raise ImageError(self._not_begun())
            self.sleep(PAUSE)

    def _not_begun(self) -> str:
        """A new account may have no build at a time, or one: then CodeBuild refuses, and only
        EventBridge hears of it.

        https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
        """
        return (
            f"No build has begun within {BEGIN_LIMIT:.0f} s after the upload. How many builds may "
            "run at a time is a quota, 0 or 1 in a new account: look at CodeBuild in "
            "Service Quotas, "
            "and push again when other builds have ended. Or the rule on uploads of the stack "
            f"{self.home.stack_name} is disabled. "
            "`playground push --with docker` needs neither."
        )

    @property
    def _client(self) -> "CodeBuildClient":
        client: CodeBuildClient = self.home.client("codebuild")
        return client

    def _find(self, version: str) -> Mapping[str, Any] | None:
        """Among the latest hundred builds: the upload was a moment ago."""
        project = self.home.output("DeviceBuildProjectName")
        ids = self._client.list_builds_for_project(projectName=project, sortOrder="DESCENDING")[
            "ids"
        ]
        builds = self._client.batch_get_builds(ids=ids[:100])["builds"] if ids else []
        return next((build for build in builds if build.get("sourceVersion") == version), None)

    def _get(self, build_id: str) -> Mapping[str, Any]:
        return self._client.batch_get_builds(ids=[build_id])["builds"][0]


def _phases(build: Mapping[str, Any]) -> Iterator[str]:
    """What has begun so far, as `BUILD` or `PRE_BUILD`."""
    for phase in build.get("phases", ()):
        if phase["phaseType"] != "COMPLETED":
            yield phase["phaseType"]


def _failure(build: Mapping[str, Any]) -> str:
    """What the failed phases say, and where the log is."""
    said = [
        f"{phase['phaseType']}: {context.get('message') or context.get('statusCode', '')}"
        for phase in build.get("phases", ())
        if phase.get("phaseStatus") not in (None, "SUCCEEDED")
        for context in phase.get("contexts") or [{}]
    ]
    link = build.get("logs", {}).get("deepLink", "")
    return (
        f"The build {build['id']} ended as {build['buildStatus']}. {'; '.join(said)} {link}"
    ).rstrip()
