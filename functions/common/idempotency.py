"""One answer per execution, for a function whose effect can't be repeated.

https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/. A second call with the
same key gets the first one's answer; one that comes while the first is under way is refused
(IdempotencyAlreadyInProgressError), and the workflow tries again: when the first was killed, its
record is void as soon as its time would have been up.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyPersistenceLayerError

from common.clients import CONFIG, session
from common.errors import TransientError

# Longer than an execution can take with all its retries.
KEPT_SECONDS = 3600

# The execution alone, for each function has records of its own. Never anything that could be a
# secret.
PER_EXECUTION = IdempotencyConfig(
    event_key_jmespath="execution",
    raise_on_no_idempotency_key=True,
    expires_after_seconds=KEPT_SECONDS,
    hash_function="sha256",
)


def records(table_name: str) -> DynamoDBPersistenceLayer:
    """The records in that table."""
    return DynamoDBPersistenceLayer(
        table_name=table_name, boto3_client=session.client("dynamodb", config=CONFIG)
    )


@contextmanager
def record_faults_named() -> Iterator[None]:
    """Raise TransientError when the record could not be read or written: nothing is lost, the next
    attempt goes on.
    """
    try:
        yield
    except IdempotencyPersistenceLayerError as error:
        raise TransientError(str(error)) from error
