"""What the `sam` of the local cloud's shell adds, and what it refuses."""

from pathlib import Path

import pytest

from playground.home.paths import Paths
from playground.sam_command import arguments_of, environment, is_local, refusal

NAMED = "PythonRuntime=python3.11"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("build", f"build --parameter-overrides {NAMED}"),
        ("--debug build", f"--debug build --parameter-overrides {NAMED}"),
        ("deploy --parameter-overrides A=1 B=2", f"deploy --parameter-overrides {NAMED} A=1 B=2"),
        ("deploy --parameter-overrides=A=1", f"deploy --parameter-overrides=A=1 {NAMED}"),
        (
            "build --parameter-overrides ParameterKey=A,ParameterValue=1",
            "build --parameter-overrides ParameterKey=PythonRuntime,ParameterValue=python3.11"
            " ParameterKey=A,ParameterValue=1",
        ),
        (
            "local invoke CreateThingFunction --event e.json",
            f"local invoke CreateThingFunction --event e.json --parameter-overrides {NAMED}",
        ),
    ],
)
def test_the_runtime_of_this_machine_is_named_where_a_template_is_read(
    given: str, expected: str
) -> None:
    assert " ".join(arguments_of(given.split(), "python3.11")) == expected


@pytest.mark.parametrize(
    "given",
    [
        "",
        "--version",
        "list resources",
        "local generate-event s3 put",
        "build --parameter-overrides PythonRuntime=x",
    ],
)
def test_everything_else_goes_through_as_it_is(given: str) -> None:
    assert arguments_of(given.split(), "python3.11") == given.split()


def test_a_deployment_without_a_build_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    assert "run `sam build` first" in refusal(["deploy"], tmp_path)
    assert refusal(["build"], tmp_path) == ""
    assert refusal(["deploy", "--template-file", "mine.yaml"], tmp_path) == ""
    (tmp_path / ".aws-sam" / "build").mkdir(parents=True)
    (tmp_path / ".aws-sam" / "build" / "template.yaml").touch()
    assert refusal(["deploy"], tmp_path) == ""


def test_only_a_shell_that_speaks_to_this_machine_is_local() -> None:
    assert is_local({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    assert is_local({"AWS_ENDPOINT_URL": "http://localhost:4566"})
    assert not is_local({"AWS_ENDPOINT_URL": "https://aws.example.com"})
    assert not is_local({})


def test_sam_finds_the_python_that_has_pip_before_the_users_own() -> None:
    paths = Paths()
    path = environment(paths, {"PATH": "/usr/bin"})["PATH"]
    assert path == f"{paths.tool('uv', 'python').parent}:/usr/bin"
