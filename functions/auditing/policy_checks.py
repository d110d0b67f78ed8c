"""The checks of policies: the stack's device policy, and whatever else hangs on its
certificates.
"""

from collections.abc import Iterator

from auditing.facts import Facts
from auditing.findings import Resource, Violation
from auditing.misconfigured import doubts
from auditing.permissive import REASON_CODE, breadths

FIX = (
    "`playground audit --fix` gives the stack's device policy its restrictive version "
    "back; any other policy is for "
    "you to narrow."
)
MOST_TOLD = 3


def overly_permissive(facts: Facts) -> Iterator[Violation]:
    """IOT_POLICY_OVERLY_PERMISSIVE_CHECK."""
    for policy in facts.policies:
        found = breadths(policy.document)
        if found:
            told = [f"{broad.action} on {broad.resource}" for broad in found[:MOST_TOLD]]
            more = len(found) - len(told)
            reason = f"version {policy.version} allows {'; '.join(told)}" + (
                f" and {more} more" if more else ""
            )
            yield Violation(Resource("IOT_POLICY", policy.name), REASON_CODE, reason, FIX)


def potentially_misconfigured(facts: Facts) -> Iterator[Violation]:
    """IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK."""
    for policy in facts.policies:
        for doubt in doubts(policy.document):
            yield Violation(
                Resource("IOT_POLICY", policy.name),
                doubt.reason_code,
                f"version {policy.version}: {doubt.reason}",
                (
                    "Deny with * in the place of + and #, and deny receiving too; AWS's page "
                    "on this check has examples."
                ),
            )
