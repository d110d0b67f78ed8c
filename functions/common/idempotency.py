"""One answer per execution, for a function whose effect can't be repeated.

https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/. A second call with the
same key gets the first one's answer; one that comes while the first is under way is refused
(IdempotencyAlreadyInProgressError), and the workflow tries again: when the first was killed, its
record is void as soon as its time would have been up.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyPersistenceLayerError

from common.clients import CONFIG
from common.environment import Environment
from common.errors import TransientError
from common.observability import Handler

if TYPE_CHECKING:
    from boto3 import Session

T = TypeVar("T")

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


def once_per_execution(
    name: str, environment: Environment, session: "Session"
) -> Callable[[Handler[T]], Handler[T]]:
    """Decorates a function of an event with `execution`: it runs once for each, all others get what
    the first one has answered. The stack's table keeps that.

    `name` is the module's and the function's, as Powertools itself would put it into the keys of
    the records: an execution that began before an update finds its record after it.
    """
    return idempotent(
        persistence_store=DynamoDBPersistenceLayer(
            table_name=environment.required("IDEMPOTENCY_TABLE"),
            boto3_client=session.client("dynamodb", config=CONFIG),
        ),
        config=PER_EXECUTION,
        key_prefix=f"{environment.required('AWS_LAMBDA_FUNCTION_NAME')}.{name}",
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
