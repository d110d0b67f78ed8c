"""What botocore and moto find out again at every call, though it stays as it is: found out once."""

from functools import cache

import botocore.useragent
import moto.core.responses

# Pure functions of strings and classes. Without them a call of moto's takes a seventh longer.
REPEATED = (
    (botocore.useragent, "sanitize_user_agent_string_component"),
    (moto.core.responses, "method_names_from_class"),
)


def remember() -> None:
    """For the rest of the process."""
    for module, name in REPEATED:
        setattr(module, name, cache(getattr(module, name)))
