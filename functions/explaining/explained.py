"""The answer to "may this device do that?", as the API and `playground explain` give it."""

from typing import Any

from explaining.asked import Asked
from explaining.policies import IMPLICIT_DENY, named_variables
from explaining.principal import Principal


def explained(thing_name: str, principal: Principal | None, asked: Asked) -> dict[str, Any]:
    """`decision`, the deciding `statement`, the `nearest` one, the `variables` that the policies
    name (null: without a value here), and a `sentence`.
    """
    if principal is None:
        sentence = f"{thing_name} has no certificate: it can do nothing at AWS IoT."
        return {
            "decision": IMPLICIT_DENY, "statement": None, "nearest": None, "variables": {},
            "sentence": sentence,
        }  # fmt: skip
    found = principal.decide(asked)
    values = {name.lower(): value for name, value in principal.variables_for(asked).items()}
    return {
        "decision": found.decision,
        "statement": found.statement.as_dict() if found.statement else None,
        "nearest": found.nearest.as_dict() if found.nearest else None,
        "variables": {
            name: values.get(name.lower()) for name in sorted(named_variables(principal.policies))
        },
        "sentence": principal.sentence(asked, found),
    }
