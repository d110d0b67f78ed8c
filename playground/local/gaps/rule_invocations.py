"""What a rule hands to a function waits in the function's queue.

AWS IoT calls a function asynchronously: Lambda puts the event into a queue of the function, calls
the function as it has room, and tries again what was throttled, for up to six hours.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html (how Lambda handles)
Emulator: it starts a thread for each event, which calls the function at once or not at all. When a
fleet leaves, each device's event gets a worker process of its own: half a second of CPU and 46 MiB.

AWS has room for a thousand at a time, a laptop for two a core.
"""

import os
import threading
from collections import defaultdict
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from ministack.services import iot

AT_A_TIME = 2 * (os.cpu_count() or 1)
"""Of each function."""

Call = Callable[[], object]


class Calls:
    """The queue of a function, and the threads that call it. They end with the process."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Call] = SimpleQueue()
        for _ in range(AT_A_TIME):
            threading.Thread(target=self._serve, name="rule-invocations", daemon=True).start()

    def put(self, call: Call) -> None:
        """Call this when there is room."""
        self._waiting.put(call)

    def _serve(self) -> None:
        while True:
            call = self._waiting.get()
            try:
                call()
            except Exception:  # noqa: BLE001 - it ends this call alone
                iot._broker_logger.exception("a rule could not call its function")


def fill() -> None:
    """Put what rules hand to functions into queues."""
    from ministack.services import lambda_svc  # noqa: PLC0415 - it is large

    calls: defaultdict[str, Calls] = defaultdict(Calls)
    not_there = iot._dispatch_rule_to_lambda

    def dispatch(account_id: str, region: str, function: str, event: Any) -> None:
        found, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
            function,
            account_id=account_id,
            region=region,
        )
        if not found or not config:
            not_there(account_id, region, function, event)
            return
        record = lambda_svc._execution_record_for_config(found, config)
        call = lambda_svc._execute_function_with_config_scope
        calls[config["FunctionArn"]].put(lambda: call(record, event))

    iot._dispatch_rule_to_lambda = dispatch
