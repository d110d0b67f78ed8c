"""The checks of client ids and of the account's settings."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from auditing.facts import Facts
from auditing.findings import Resource, Violation
from common.row import is_free

# https://docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-conflicting-client-ids.html
LOOKS_BACK = timedelta(days=31)


def conflicting_client_ids(facts: Facts) -> Iterator[Violation]:
    """CONFLICTING_CLIENT_IDS_CHECK: the broker has ended a connection because another one came with
    its client id.
    """
    for name, row in facts.rows.items():
        at = row.get("client_id_conflict_at")
        if at and not is_free(row) and datetime.fromisoformat(at) >= facts.at - LOOKS_BACK:
            yield Violation(
                Resource("CLIENT_ID", name),
                "DUPLICATE_CLIENT_ID_ACROSS_CONNECTIONS",
                f"a connection of {name} was taken over on {at}",
                "When nobody has connected twice on purpose, its key may have been copied: "
                f"playground job create {name} rotate-cert --wait",
                name,
            )


def logging_disabled(facts: Facts) -> Iterator[Violation]:
    """LOGGING_DISABLED_CHECK, of the whole account in this region."""
    if not facts.logging.enabled:
        yield Violation(
            Resource("ACCOUNT_SETTINGS", "logging"),
            "LOGGING_DISABLED",
            "AWS IoT writes no logs in this account and region",
            (
                "aws iot set-v2-logging-options --default-log-level ERROR --role-arn ROLE; "
                "costs by what it writes."
            ),
        )
