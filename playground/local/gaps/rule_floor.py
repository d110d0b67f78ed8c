"""The function `floor` of rules' SQL: rounds a number down to an Int.

AWS has it for Int and Decimal, takes a string for the number that it stands for, and gives
Undefined for anything else.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-functions.html

Emulator: does not know it, so a field that is made with it is left out of what the rule passes on.
"""

import math
from typing import Any

from ministack.services import iot

NAME = "floor"


def fill() -> None:
    """Add the function."""
    others = iot._eval_select_function

    def evaluated(  # noqa: PLR0913, PLR0917 - the emulator's own parameters
        name: str,
        args: list[str],
        topic: str,
        payload: bytes,
        message: Any,
        client_id: str | None = None,
    ) -> Any:
        if name != NAME or len(args) != 1:
            return others(name, args, topic, payload, message, client_id)
        number = iot._sql_as_number(
            iot._eval_select_expr(args[0], topic, payload, message, client_id)
        )
        return iot._MISSING if number is None else math.floor(number)

    iot._eval_select_function = evaluated
    iot._IMPLEMENTED_SQL_FUNCS = iot._IMPLEMENTED_SQL_FUNCS | {NAME}
