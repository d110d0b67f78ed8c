"""Why something happened to a device, and what its policies allow: by plain AWS calls, as the HTTP
API answers it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidInput, ThingNotFound
from explaining.asked import Asked
from explaining.explained import explained
from explaining.observed import observed
from explaining.timeline import Page, Timeline
from explaining.why import CATALOG, FINDINGS, HISTORY, Found, Sources, sources_of
from playground.errors import UnknownDeviceError, UsageError
from playground.home.homes import Home

OBSERVED_MESSAGES = 5000


@dataclass(frozen=True)
class Explainer:
    """Asks the stack of one home."""

    home: Home

    @property
    def sources(self) -> Sources:
        """Where everything that is known stands."""
        home, tables = self.home, self.home.resource("dynamodb")
        names = {
            CATALOG: "DeviceCatalogTableName",
            HISTORY: "HistoryTableName",
            FINDINGS: "VerdictsTableName",
        }
        return sources_of(
            {key: tables.Table(home.output(name)) for key, name in names.items()},
            home.outputs.get("IotLogGroupName", ""),
            home.client,
        )

    def why(self, name: str) -> Found:
        """What is wrong with a device. Raises UnknownDeviceError."""
        with _named(name):
            return self.sources.why(name)

    def timeline(self, name: str, most: int) -> Page:
        """The latest of what happened to it. Raises UnknownDeviceError."""
        with _named(name):
            return Timeline(self.sources).page(name, most)

    def explain(self, name: str, verb: str, resource: str) -> dict[str, Any]:
        """What its policies decide, and what AWS IoT itself answers (TestAuthorization). Raises
        NotFoundError, UsageError.
        """
        try:
            asked = Asked(verb, resource)
        except InvalidInput as error:
            place = error.field.upper() if error.field == "resource" else "ACTION"
            raise UsageError(f"{place}: {error.rule}.") from error
        row = self._row(name)
        sources = self.sources
        principal = sources.principal(row)
        found = explained(name, principal, asked)
        found["service"] = self._service(row.get("certificate_arn"), name, asked, principal)
        return found

    def observed(self, name: str) -> dict[str, Any]:
        """The least policy that what the device did needs. Raises UnknownDeviceError."""
        row = self._row(name)
        sources = self.sources
        principal = sources.principal(row)
        base = principal.arn_base if principal else "arn:aws:iot:*:*:"
        messages = sources.record.latest(name, OBSERVED_MESSAGES)
        _, reported = sources.shadow(name)
        topic = reported.get("topic")
        return observed(name, messages, topic if isinstance(topic, str) else None, base)

    def _row(self, name: str) -> Any:
        with _named(name):
            return self.sources.row(name)

    def _service(
        self, certificate_arn: str | None, name: str, asked: Asked, principal: Any
    ) -> str | None:
        """https://docs.aws.amazon.com/iot/latest/apireference/API_TestAuthorization.html"""
        if certificate_arn is None or principal is None:
            return None
        client_id = asked.resource if asked.verb == "connect" else name
        answer = self.home.client("iot").test_authorization(
            principal=certificate_arn,
            clientId=client_id,
            authInfos=[
                {
                    "actionType": asked.verb.upper(),
                    "resources": [asked.arn(principal.arn_base)],
                }
            ],
        )
        return str(answer["authResults"][0]["authDecision"])


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except ThingNotFound as error:
        raise UnknownDeviceError(
            f"There is no device {name}: `playground list` shows those that there are."
        ) from error
