"""Structured logs and metrics, configured by the POWERTOOLS_* variables of the template.

Every line says whom it is about: `thing_name` and `execution_arn`, as soon as they are known
(docs/contracts.md).
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from aws_lambda_powertools import Logger, Metrics

from common.errors import PlaygroundError
from common.subjects import subject_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()

T = TypeVar("T")
Handler: TypeAlias = Callable[[Mapping[str, Any], "LambdaContext"], T]
"""What Lambda calls: `handler(event, context)`. Each is made by a `build(environment, session)`."""


def observed(handler: Handler[T]) -> Handler[T]:
    """What every handler is wrapped in: its lines name the subject, its failure is logged, its
    metrics are published.

    A warm function begins with none of the keys of the invocation before.
    """
    step = handler.__module__.rpartition(".")[2].title().replace("_", "")

    @logger.inject_lambda_context(clear_state=True)
    @wraps(handler)
    def watched(event: Mapping[str, Any], context: "LambdaContext") -> T:
        metrics.clear_metrics()
        logger.append_keys(step=step)
        about(**subject_of(event))
        try:
            return handler(event, context)
        except Exception as error:
            # Refusing is what a PlaygroundError is for; anything else is a fault of ours or of
            # AWS's.
            say = logger.warning if isinstance(error, PlaygroundError) else logger.error
            say("failed", error=type(error).__name__, reason=str(error))
            raise
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    return watched


def about(**keys: str) -> None:
    """From here on every line of this invocation, metrics too, carries these keys: `thing_name`,
    `execution_arn`.
    """
    logger.append_keys(**keys)
    for name, value in keys.items():
        metrics.add_metadata(name, value)


def about_row(row: Mapping[str, Any]) -> None:
    """What a catalog row knows that the event did not tell: the execution that made the device."""
    known = logger.get_current_keys()
    told = {"thing_name": row["thing_name"], "execution_arn": row.get("execution_arn")}
    about(**{name: value for name, value in told.items() if value and name not in known})
