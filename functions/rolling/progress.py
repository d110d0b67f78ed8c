"""What the roll workflow carries from one device to the next, and the input that it begins with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.errors import InvalidInput
from common.identifiers import checked_thing_name

# One execution's history holds 25,000 events, of which a device takes fewer than 20.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MOST_DEVICES = 1000


def checked_names(asked: object) -> tuple[str, ...] | None:
    """The devices that the input names, in order; None for all of them. Raises InvalidInput."""
    if not isinstance(asked, dict):
        raise InvalidInput(
            "input", 'must be a JSON object such as {} or {"thingNames": ["dev-SAMPLE"]}'
        )
    for field in sorted(asked.keys() - {"thingNames"}):
        raise InvalidInput(field, "is not a field of this workflow; it knows thingNames")
    if "thingNames" not in asked:
        return None
    names = asked["thingNames"]
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_DEVICES:
        raise InvalidInput("thingNames", f"must be a list of 1 to {MOST_DEVICES} thing names")
    return tuple(sorted({_checked(number, name) for number, name in enumerate(names)}))


def _checked(number: int, name: object) -> str:
    try:
        return checked_thing_name(name)
    except InvalidInput as error:
        raise InvalidInput(f"thingNames[{number}]", error.rule) from error


@dataclass(frozen=True)
class Progress:
    """How far a roll has come: `thing_name` is the device in hand, those before it in the alphabet
    are done with.

    `image` is the digest that devices are moved to, `previous` and `task_arn` are what the device
    in hand had before. `remaining`: devices that this execution leaves to another one, see
    `MOST_DEVICES`.
    """

    verdict: str = ""
    image: str = ""
    thing_name: str = ""
    previous: str = ""
    task_arn: str = ""
    rolled: int = 0
    skipped: int = 0
    remaining: int = 0

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Progress":
        """From what `data` gave; {} at the beginning."""
        return cls(
            data.get("verdict", ""),
            data.get("image", ""),
            data.get("thingName", ""),
            data.get("previous", ""),
            data.get("taskArn", ""),
            data.get("rolled", 0),
            data.get("skipped", 0),
            data.get("remaining", 0),
        )

    @property
    def data(self) -> dict[str, Any]:
        """As the workflow takes it."""
        return {
            "verdict": self.verdict,
            "image": self.image,
            "thingName": self.thing_name,
            "previous": self.previous,
            "taskArn": self.task_arn,
            "rolled": self.rolled,
            "skipped": self.skipped,
            "remaining": self.remaining,
        }

    def passed_over(self) -> "Progress":
        """The device in hand was not moved after all."""
        return replace(self, verdict="GO_ON", rolled=self.rolled - 1, skipped=self.skipped + 1)
