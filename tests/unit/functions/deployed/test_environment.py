"""Settings that are missing are told by name, when the function starts."""

import importlib
import importlib.util

import pytest

from common.environment import Environment, MissingEnvironmentError, environment
from provisioning import attach_policy
from tests.unit.built import FUNCTIONS, SESSION
from tests.unit.built import environment as given


def test_a_variable_of_the_process_that_is_set_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_TABLE", "devices")
    assert environment.required("CATALOG_TABLE") == "devices"


@pytest.mark.parametrize("variables", [{}, {"CATALOG_TABLE": ""}])
def test_a_variable_that_is_missing_or_empty_is_named(variables: dict[str, str]) -> None:
    with pytest.raises(MissingEnvironmentError, match="CATALOG_TABLE"):
        Environment(variables).required("CATALOG_TABLE")


def test_no_function_is_built_without_its_environment() -> None:
    with pytest.raises(MissingEnvironmentError, match="DEVICE_POLICY"):
        attach_policy.build(given(DEVICE_POLICY=""), SESSION)


@pytest.mark.parametrize("module", FUNCTIONS)
def test_what_lambda_calls_is_what_build_makes(module: str) -> None:
    handler = importlib.import_module(module).handler
    assert (handler.__module__, handler.__qualname__) == (module, "build.<locals>.handler")


def test_a_function_does_not_start_without_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # given: a copy, beside the module that is loaded
    spec = importlib.util.find_spec("provisioning.attach_policy")
    assert spec
    assert spec.loader
    monkeypatch.delenv("DEVICE_POLICY")
    # when
    with pytest.raises(MissingEnvironmentError, match="DEVICE_POLICY"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
