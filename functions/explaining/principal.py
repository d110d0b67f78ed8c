"""What a device is to the policies of AWS IoT: those that count for its certificate, and the values
of their variables.

https://docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html and
https://docs.aws.amazon.com/iot/latest/developerguide/basic-policy-variables.html. Policies are
attached to the certificate, or to a group that the thing is in
(https://docs.aws.amazon.com/iot/latest/developerguide/attach-to-cert.html).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common.certificates import tolerating
from common.jsontext import read
from explaining.asked import Asked
from explaining.policies import Decision, Policy, decide, filled, listed

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient


@dataclass(frozen=True)
class Principal:
    """`arn_base` ends with the colon behind the account; `certificate_arn` is None for a device
    without one.
    """

    thing_name: str
    certificate_arn: str | None
    policies: tuple[Policy, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def decide(self, asked: Asked) -> Decision:
        """What the policies say. Connect is decided with the client id that is asked for."""
        return decide(
            self.policies, asked.action, asked.arn(self.arn_base), self.variables_for(asked)
        )

    def variables_for(self, asked: Asked) -> Mapping[str, str]:
        """The values of the variables for this question."""
        if asked.verb != "connect" or asked.resource == self.thing_name:
            return self.variables
        # The thing of a connection is the one that is called like the client.
        kept = {
            name: value
            for name, value in self.variables.items()
            if not name.startswith("iot:Connection.Thing.")
        }
        return {
            **kept,
            "iot:ClientId": asked.resource,
            "iot:Connection.Thing.IsAttached": "false",
        }

    @property
    def arn_base(self) -> str:
        """`arn:aws:iot:eu-west-1:111122223333:`."""
        return (self.certificate_arn or "arn:aws:iot:*:*:cert/").rpartition("cert/")[0]

    def sentence(self, asked: Asked, found: Decision) -> str:
        """The decision for people."""
        subject = self.thing_name
        if self.certificate_arn is None:
            return f"{subject} has no certificate: it can do nothing at AWS IoT."
        if found.statement is not None:
            where = place(found.statement.policy, found.statement.index)
            if found.decision == "ALLOWED":
                return f"{subject} may {asked.words}: {where} allows it."
            return f"{subject} may not {asked.words}: {where} denies it, whatever else allows it."
        return f"{subject} may not {asked.words}: {self._lack(asked, found)}"

    def _lack(self, asked: Asked, found: Decision) -> str:
        if not self.policies:
            return "no policy is attached to its certificate."
        if found.nearest is None:
            return f"no statement of its policies is about {asked.action}."
        where = place(found.nearest.policy, found.nearest.index)
        if found.lacking == "condition":
            return f"{where} would allow it, but its condition does not hold."
        resources = ", ".join(
            filled(one, self.variables).removeprefix(self.arn_base)
            for one in listed(found.nearest.statement.get("Resource"))
        )
        return f"no statement allows it. The nearest, {where}, is for {resources} only."


def place(policy: str, index: int) -> str:
    """`statement 2 of the policy NAME`, counted from 1."""
    return f"statement {index + 1} of the policy {policy}"


@dataclass(frozen=True)
class Principals:
    """Reads what AWS IoT knows."""

    iot: "IoTClient"

    def of(self, thing_name: str, certificate_arn: str | None) -> Principal:
        """The device as it is now."""
        if certificate_arn is None:
            return Principal(thing_name, None)
        policies = tuple(self._policies(thing_name, certificate_arn))
        return Principal(
            thing_name, certificate_arn, policies, self._variables(thing_name, certificate_arn)
        )

    def _policies(self, thing_name: str, certificate_arn: str) -> Iterator[Policy]:
        names: dict[str, None] = {}
        for target in (certificate_arn, *self._groups(thing_name)):
            with tolerating("ResourceNotFoundException"):
                for page in self.iot.get_paginator("list_attached_policies").paginate(
                    target=target, recursive=target != certificate_arn
                ):
                    names |= dict.fromkeys(one["policyName"] for one in page["policies"])
        for name in names:
            with tolerating("ResourceNotFoundException"):
                found = self.iot.get_policy(policyName=name)
                yield Policy(name, read(found["policyDocument"]))

    def _groups(self, thing_name: str) -> Iterator[str]:
        with tolerating("ResourceNotFoundException"):
            for page in self.iot.get_paginator("list_thing_groups_for_thing").paginate(
                thingName=thing_name
            ):
                yield from (group["groupArn"] for group in page["thingGroups"])

    def _variables(self, thing_name: str, certificate_arn: str) -> dict[str, str]:
        found = {"iot:ClientId": thing_name, "iot:Connection.Thing.IsAttached": "false"}
        thing: Mapping[str, Any] = {}
        with tolerating("ResourceNotFoundException"):
            thing = self.iot.describe_thing(thingName=thing_name)
            principals = self.iot.list_thing_principals(thingName=thing_name)["principals"]
            if certificate_arn in principals:
                found["iot:Connection.Thing.IsAttached"] = "true"
                found["iot:Connection.Thing.ThingName"] = thing_name
                if "thingTypeName" in thing:
                    found["iot:Connection.Thing.ThingTypeName"] = thing["thingTypeName"]
                for name, value in thing.get("attributes", {}).items():
                    found[f"iot:Connection.Thing.Attributes[{name}]"] = value
        return found
