"""A message that no rule can read is delivered all the same, and the publisher hears of no error.

AWS: rules are evaluated beside the delivery. What goes wrong with one, such as a payload that it
can't decode, is in the log of AWS IoT, and the message is published. `encode(*, 'base64')` takes
any payload.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html and
https://docs.aws.amazon.com/iot/latest/developerguide/binary-payloads.html

Emulator: reads the payload without a limit to its depth, so that 60,000 brackets end the
evaluation, and the publication with it, as an error that nobody catches.
"""

from typing import Any

from ministack.services import iot


def fill() -> None:
    """Take a payload that is nested too deeply for text, as all else that is no JSON."""
    read = iot._rule_message

    def message(payload: bytes) -> Any:
        try:
            return read(payload)
        except (RecursionError, ValueError):  # also an integer of thousands of digits
            return payload.decode()

    iot._rule_message = message
