"""Settings that are missing are told by name, when the function starts."""

import importlib.util

import pytest

from common import environment


def test_a_variable_that_is_set_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_TABLE", "devices")
    assert environment.required("CATALOG_TABLE") == "devices"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_missing_or_empty_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("CATALOG_TABLE")
    else:
        monkeypatch.setenv("CATALOG_TABLE", value)
    with pytest.raises(environment.MissingEnvironmentError, match="CATALOG_TABLE"):
        environment.required("CATALOG_TABLE")


def test_a_function_does_not_start_without_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # given: a copy, beside the module that is loaded
    spec = importlib.util.find_spec("provisioning.attach_policy")
    assert spec
    assert spec.loader
    monkeypatch.delenv("DEVICE_POLICY")
    # when
    with pytest.raises(environment.MissingEnvironmentError, match="DEVICE_POLICY"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
