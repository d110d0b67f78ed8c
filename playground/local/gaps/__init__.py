"""What the emulator lacks of AWS, filled in the emulator's own process: one module a gap.

A gap's docstring says what AWS does, where that is written (`Source: `), and what the emulator does
instead (`Emulator: `). Its `fill()` changes the emulator's modules, before they serve anything; the
order of gaps does not matter. Beside each gap stands a test in `tests/gaps/` that fails once the
emulator fills it itself: then the module goes. Nothing of this is in what AWS runs: `functions/`,
`device/`, the template.

These modules run with the emulator's interpreter, so they import what stands in
`requirements/emulator.in`, the standard library and one another, and nothing else of ours.
"""

import importlib
import pkgutil


def names() -> list[str]:
    """The gaps, by the names of their modules."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def fill() -> None:
    """Fill all gaps."""
    for name in names():
        importlib.import_module(f"{__name__}.{name}").fill()
