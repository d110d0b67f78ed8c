"""`--output text`: values with tabs between them, for a shell to read, in the AWS CLI's order.

An object is a line of its plain values in the order of their names, then what stands in it, each
line led by its name in capitals; an array of plain values is one line (AWS CLI user guide, "Text
output format").
"""

from collections.abc import Iterator
from typing import Any


def text_lines(value: Any, name: str = "") -> Iterator[str]:
    """The lines for any JSON value; `name` is where it stands in its object."""
    lead = [name.upper()] if name else []
    if isinstance(value, dict):
        ordered = sorted(value.items())
        scalars = [_word(item) for _, item in ordered if not isinstance(item, dict | list)]
        if scalars or lead:
            yield "\t".join(lead + scalars)
        for key, item in ordered:
            if isinstance(item, dict | list):
                yield from text_lines(item, key)
    elif not isinstance(value, list):
        yield "\t".join([*lead, _word(value)])
    elif value and not any(isinstance(item, dict | list) for item in value):
        yield "\t".join(lead + [_word(item) for item in value])
    else:
        for item in value:
            yield from text_lines(item, name)


def _word(value: Any) -> str:
    """As the AWS CLI, which is written in Python, has None, True and False."""
    return str(value)
