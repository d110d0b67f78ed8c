"""What a switch does for its lights: its position becomes `desired.status` of every device in
`links`. A capability.

The device policy allows nothing across things, so each link needs a permission of its own
(docs/contracts.md, "Switch"). What is refused is not tried again before the next change; what was
lost is, with the next connection.
"""

from collections.abc import Sequence
from functools import partial

from virtual_device.base.jsonvalue import JsonObject, encode
from virtual_device.connection import topics
from virtual_device.connection.transport import Failure
from virtual_device.core import brain
from virtual_device.core.capability import Capability, Surroundings

REFUSED_LINKS = "refusedLinks"
"""The fact in `reported`: links whose last publish was refused."""


class Links(Capability):
    """One device's; of other types than a switch it has nothing to do."""

    __slots__ = ("_device", "_due", "_refused", "_sent")

    def __init__(self, surroundings: Surroundings) -> None:
        self._device = surroundings
        # Links that the position has not reached yet, with the number of the latest attempt.
        self._due: dict[str, int] = {}
        self._refused: tuple[str, ...] = ()
        self._sent = 0

    def on_settings(self, before: JsonObject) -> None:
        """Send what is new, and forget about links that are no more."""
        settings = self._device.settings
        present = linked(settings)
        if present == linked(before) and settings.get("position") == before.get("position"):
            return
        self._due = {link: number for link, number in self._due.items() if link in present}
        self._report(tuple(link for link in self._refused if link in present))
        for link in affected(before, settings):
            self._send(link)

    def on_ready(self) -> None:
        """Send what was lost with the last connection."""
        for link in list(self._due):
            self._send(link)

    def _send(self, link: str) -> None:
        self._sent += 1
        self._due[link] = self._sent
        payload = encode({"state": {"desired": {"status": self._device.settings["position"]}}})
        topic = f"{topics.shadow(link)}/update"
        self._device.publish(topic, payload, partial(self._on_sent, link, self._sent))

    def _on_sent(self, link: str, number: int, failure: Failure | None) -> None:
        if self._due.get(link) != number:
            return  # a newer one is on its way, or the link is no more
        if failure is not None and not failure.refused:
            return
        del self._due[link]
        others = tuple(other for other in self._refused if other != link)
        if failure is None:
            self._report(others)
            return
        self._report((*others, link))
        details: JsonObject = {"link": link, "reason": failure.reason}
        event = brain.event(self._device.thing, "link-refused", self._device.now().wall, details)
        self._device.publish(event.topic, event.payload, _nothing_more)

    def _report(self, refused: tuple[str, ...]) -> None:
        if refused != self._refused:
            self._refused = refused
            self._device.report(REFUSED_LINKS, list(refused) or None)


def linked(settings: JsonObject) -> Sequence[str]:
    """The linked things; none where there is no such setting."""
    links = settings.get("links")
    return [str(link) for link in links] if isinstance(links, list) else []


def affected(before: JsonObject, settings: JsonObject) -> Sequence[str]:
    """The links that don't know the position yet: all when it has changed, else those that are
    new.
    """
    if settings.get("position") != before.get("position"):
        return linked(settings)
    known = linked(before)
    return [link for link in linked(settings) if link not in known]


def _nothing_more(_failure: Failure | None) -> None:
    """A failure is in the log."""
