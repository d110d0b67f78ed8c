"""TakeTurn: a rate limit. It gives each execution a time of its own, so many a second, at which it
may go on.

AWS IoT makes some ten certificates a second in an account (docs/evidence/load.md). The moments are
handed out from one item of a table, by conditional writes, and the workflow waits until its own: a
queue without a server, and waiting costs nothing.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.errors import TransientError
from common.items import update_if
from common.moments import of_milliseconds
from common.observability import Handler, logger, observed
from devices import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_dynamodb.service_resource import Table

QUEUE = "certificates"
ATTEMPTS = 10


def _clock() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Turnstile:
    """Hands out moments that are at least `interval_ms` apart, the first one now when nobody is
    waiting.
    """

    table: "Table"
    interval_ms: int
    clock: Callable[[], int] = _clock
    """Milliseconds since 1970."""

    def next_turn(self) -> int:
        """A moment that nobody else gets, in milliseconds since 1970.

        Raises TransientError when others were faster every time.
        """
        for _ in range(ATTEMPTS):
            now = self.clock()
            # Whether anybody waits, only the write itself can tell.
            free_from = self._write("SET free_from = :now + :interval", "<=", now) or self._write(
                "SET free_from = free_from + :interval", ">", now
            )
            if free_from is not None:
                return free_from - self.interval_ms
        raise TransientError(
            f"no time slot after {ATTEMPTS} attempts: too many executions ask at once"
        )

    def _write(self, update: str, comparison: str, now: int) -> int | None:
        """`free_from` as it is then; None when it does not compare so with `now`."""
        values = {":now": now, ":interval": self.interval_ms}
        nobody_yet = "attribute_not_exists(queue) OR " if comparison == "<=" else ""
        item = update_if(
            self.table,
            {"queue": QUEUE},
            update,
            (f"{nobody_yet}free_from {comparison} :now"),
            values,
        )
        return None if item is None else int(item["free_from"])


def as_timestamp(milliseconds: int) -> str:
    """As a Wait state takes it. Step Functions leaves out the milliseconds, so some begin early,
    less than a second.

    https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-wait-state.html
    """
    return of_milliseconds(milliseconds)


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State TakeTurn. Gives `{at}`: until when to wait. A repetition wastes one time slot, nothing
    else.
    """
    turnstile = Turnstile(
        wiring.turns_table(environment, session),
        interval_ms=-(-1000 // int(environment.required("DEVICES_PER_SECOND"))),
    )

    def handler(_event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        with transient_faults_named():
            at = as_timestamp(turnstile.next_turn())
        logger.info("rate limit: time slot taken", at=at)
        return {"at": at}

    return handler


handler = observed(build(environment, session))
