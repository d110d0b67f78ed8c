"""Modules of the emulator and of our gaps, loaded anew for each test (see conftest)."""

import importlib
from typing import Any


def service(name: str) -> Any:
    """One of the emulator's services."""
    return importlib.import_module(f"ministack.services.{name}")


def gap(name: str) -> Any:
    """One of the gaps. `from ... import ...` would give the one of the test before."""
    return importlib.import_module(f"playground.local.gaps.{name}")
