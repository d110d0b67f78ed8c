"""What the oldest SDK knows that a supported runtime of Lambda may have: `python -m
tests.unit.oldest_sdk` writes it.

Run it with that botocore in the environment. Only operations that `functions/` uses are kept.
"""

import json
from pathlib import Path
from typing import Any

import botocore.session
from botocore import __version__, xform_name

PATH = Path(__file__).parent / "data" / "oldest_sdk.json"


def known(operations: set[tuple[str, str]]) -> dict[str, Any]:
    """Of each service the parameters of these operations, and its errors."""
    session = botocore.session.get_session()
    made: dict[str, Any] = {"botocore": __version__, "operations": {}, "errors": {}}
    for service in sorted({service for service, _ in operations}):
        model = session.get_service_model(service)
        spelled = {xform_name(name): name for name in model.operation_names}
        wanted = sorted(name for of, name in operations if of == service and name in spelled)
        shapes = {name: model.operation_model(spelled[name]).input_shape for name in wanted}
        made["operations"][service] = {
            name: sorted(shape.members) if shape else [] for name, shape in shapes.items()
        }
        made["errors"][service] = sorted(shape.name for shape in model.error_shapes)
    return made


def main() -> None:
    """Write it for the botocore that is here."""
    from tests.unit.sdk_calls import calls  # noqa: PLC0415 - it needs the repository's other data

    found, _ = calls()
    made = known({(call.service, call.operation) for call in found})
    PATH.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
