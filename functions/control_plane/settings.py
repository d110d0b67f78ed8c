"""Settings: what a caller wishes becomes `desired`, when the device could run with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.answers import merged
from common.clients import error_code
from common.row import Row
from common.waiting import Patience
from control_plane import settings_table
from control_plane.present import present
from control_plane.problem import (
    FieldError,
    Problem,
    conflict,
    invalid,
    pointer,
    too_large,
    try_again,
)
from control_plane.request import Answer, Request
from control_plane.setting_rules import Subject
from control_plane.shadow import Shadow, Shadows
from devices.catalog import Catalog

if TYPE_CHECKING:
    from control_plane.routes import Act

TRIES = 5
"""How often a wish without a version is tried again, when the device or somebody else has changed
the shadow.
"""

FIRST_LOOK_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 1.0
"""AWS IoT answers 20 requests a second for the shadow of a thing, of which the device needs some;
each has a price.
"""


class StaleVersion(Problem):
    """The shadow has another version than the caller has seen; nothing was changed."""

    def __init__(self, current: int | None) -> None:
        rule = (
            f"is stale: the shadow is at version {current}"
            if current
            else "is stale: there is no shadow"
        )
        error = FieldError("/version", rule)
        super().__init__(409, "stale-version", "The version is stale", f"/version: {rule}", [error])
        self.current = current

    def document(self) -> dict[str, Any]:
        """With the version that the shadow has, `currentVersion`."""
        return {**super().document(), "currentVersion": self.current}


@dataclass(frozen=True)
class Settings:
    """Changes settings of devices."""

    catalog: Catalog
    shadows: Shadows
    metrics_floor: int

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {"changeSettings": self.change}

    def change(self, request: Request) -> Answer:
        """Merge the body's `desired` into the shadow's. Raises Problem 400, 404, 409 or 413:
        nothing was changed.
        """
        row = present(self.catalog, request.parameters["thingName"])
        patch = request.body["desired"]
        shadow = self._desired(row, patch, request.body.get("version"))
        shadow = self._answered(row["thing_name"], shadow, patch, request.parameters.get("wait", 0))
        return Answer(
            200,
            {
                "thingName": row["thing_name"],
                "version": shadow.version,
                "desired": shadow.desired,
                "reported": shadow.reported,
                "pending": shadow.pending(patch),
            },
        )

    def _desired(self, row: Row, patch: Mapping[str, Any], version: int | None) -> Shadow:
        """What is checked is what the shadow then holds: it is written to the version that was
        read, or not at all.
        """
        for _ in range(TRIES):
            seen = self.shadows.read(row["thing_name"])
            if version is not None and version != seen.version:
                raise StaleVersion(seen.version)
            if seen.version is None and row["status"] == "PROVISIONING":
                raise conflict(f"{row['thing_name']} is being made: it has no settings yet")
            self._check(row, merged(seen.desired, patch), patch)
            with _said_of_the_body():
                written = self.shadows.desire(row["thing_name"], patch, seen)
            if written:
                return written
        raise try_again("others kept changing the shadow; try again")

    def _check(self, row: Row, desired: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
        """What is removed is never wrong, so that a key that nobody knows can be got rid of; but
        for the workflows'.
        """
        subject = Subject(row["thing_name"], row["device_type"], self.metrics_floor)
        given = [key for key, value in patch.items() if value is not None]
        faults = {
            **settings_table.faults(desired, given, subject),
            **settings_table.reserved(patch),
        }
        if faults:
            raise invalid(
                *(FieldError(pointer(f"desired.{key}"), rule) for key, rule in faults.items())
            )

    def _answered(
        self, thing_name: str, shadow: Shadow, patch: Mapping[str, Any], seconds: int
    ) -> Shadow:
        """The shadow when the device has answered, or when the time is up."""
        for _ in Patience(seconds, FIRST_LOOK_SECONDS, 1.5, LONGEST_PAUSE_SECONDS).tries():
            if seconds == 0 or shadow.is_answered(patch):
                return shadow
            shadow = self._later(thing_name, shadow)
        return shadow

    def _later(self, thing_name: str, shadow: Shadow) -> Shadow:
        """Another look. The change is made: a look that fails, or finds no shadow, takes nothing of
        it back.
        """
        with suppress(ClientError):
            found = self.shadows.read(thing_name)
            return found if found.version is not None else shadow
        return shadow


@contextmanager
def _said_of_the_body() -> Iterator[None]:
    """What the shadow service takes no more of:
    https://docs.aws.amazon.com/general/latest/gr/iot-core.html.
    """
    try:
        yield
    except ClientError as error:
        if error_code(error) == "RequestEntityTooLargeException":
            raise too_large(
                "desired and reported would have more than the 8 KB that a shadow holds"
            ) from error
        if error_code(error) == "InvalidRequestException":
            raise invalid(FieldError("/desired", error.response["Error"]["Message"])) from error
        raise
