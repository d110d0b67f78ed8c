"""Which calls of AWS IoT the laptop answers: `python -m tests.gaps.calls` writes the page.

Every operation of boto3's own models is asked for, with whatever it requires; the emulator says of
those that it does not know that their path is unsupported.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any

from playground.home.paths import PROJECT, Paths
from tests.gaps import filled

PAGE = PROJECT / "docs" / "iot-calls.md"
MODULES = {"iot": "iot", "iot-data": "iot_data", "iot-jobs-data": "iot_jobs_data"}
UNKNOWN = re.compile(r"[Uu]nsupported .*(path|method)")
# The first that matches; a service's name stands before the call's.
GROUPS = {
    "connections, messages, shadows (`iot-data`)": "iot-data:",
    "job executions (`iot-jobs-data`)": "iot-jobs-data:",
    "Device Defender": "Audit|SecurityProfile|Violation|Mitigation|Dimension|CustomMetric|"
    "MetricValues|BehaviorModel",
    "commands": "Command",
    "packages": "Package|Sbom",
    "OTA updates and streams": "OTA|Stream",
    "authorizers, role aliases": "Authorizer$|Authorizers$|RoleAlias",
    "jobs": "Job",
    "provisioning": "Provisioning|RegisterThing|ThingRegistration|CertificateProvider",
    "fleet indexing and metrics": "Ind(ex|ices)|FleetMetric|Statistics|Cardinality|Percentiles"
    "|BucketsAggregation|Connectivity",
    "billing groups": "BillingGroup",
    "rules": "TopicRule",
    "certificates": "Certificate|RegistrationCode",
    "policies": "Polic|TestAuthorization",
    "logging": "Logging",
    "thing groups": "ThingGroup",
    "thing types": "ThingType",
    "things": "Thing|Principal",
    "all else": "",
}
HEAD = """# Calls of AWS IoT, and who answers them on the laptop

Of {all} calls the emulator answers {emulator}, the playground adds {added}
(`playground/local/gaps/`), and {missing} are answered on AWS alone: on the laptop their path is
unsupported. A call that is answered may still know less than AWS does; [homes.md](homes.md) has
what we know of that.
`python -m tests.gaps.calls` writes this page.

| what | the emulator | the playground adds | AWS alone |
|---|---|---|---|
"""


def operations() -> Iterator[tuple[str, str]]:
    """Service and name of every call."""
    for service in MODULES:
        for name in filled.model_of(service).operation_names:
            yield service, name


def unanswered() -> set[tuple[str, str]]:
    """Those that the loaded modules do not know."""
    return {(service, name) for service, name in operations() if not _is_known(service, name)}


def _is_known(service: str, name: str) -> bool:
    shape = filled.model_of(service).operation_model(name).input_shape
    answer = filled.call(service, MODULES[service], name, **(_least(shape) if shape else {}))
    return not UNKNOWN.search(str(answer.body))


def _least(shape: Any) -> Any:
    """The smallest value of a shape, as far as a model says."""
    if shape.type_name == "structure":
        return {name: _least(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [_least(shape.member)]
    if shape.type_name == "string":
        return (shape.enum or ["x"])[0]
    return {"map": {}, "blob": b"x", "boolean": True}.get(shape.type_name, 1)


def page(before: set[tuple[str, str]], after: set[tuple[str, str]]) -> str:
    """The page, from what is unanswered without gaps and with them."""
    groups: dict[str, list[tuple[str, str]]] = {name: [] for name in GROUPS}
    for one in operations():
        found = (name for name, rule in GROUPS.items() if re.search(rule, ":".join(one)))
        groups[next(found)].append(one)
    count = len(list(operations()))
    figures = {"emulator": count - len(before), "added": len(before - after), "missing": len(after)}
    lines = [
        (
            f"| {name} | {_names(set(of) - before)} | {_names(set(of) & (before - after))} | "
            f"{_names(set(of) & after)} |"
        )
        for name, of in groups.items()
        if of
    ]
    return HEAD.format(all=count, **figures) + "\n".join(lines) + "\n"


def _names(calls: set[tuple[str, str]]) -> str:
    return ", ".join(sorted(name for _, name in calls)) or "-"


def main() -> None:
    """Write the page."""
    packages = next(Paths().tool("emulator", "python").parents[1].glob("lib/python*/site-packages"))
    sys.path.append(str(packages))
    before = unanswered()
    filled.fill_all()
    PAGE.write_text(page(before, unanswered()))


if __name__ == "__main__":
    main()
