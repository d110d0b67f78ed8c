"""What `sam deploy` is given: one archive for all functions that share a build."""

import json
import zipfile
from pathlib import Path

import pytest

from playground.local.packing import pack

TEMPLATE = """
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Shared, Handler: one.handler}
  Two:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Shared, Handler: two.handler}
  Elsewhere:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: s3://bucket/key}
  Inline:
    Type: AWS::Serverless::Function
    Properties: {InlineCode: pass}
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17}}
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    code = tmp_path / "Shared"
    (code / "package").mkdir(parents=True)
    (code / "one.py").write_text("ONE = 1\n")
    (code / "package" / "two.py").write_text("TWO = 2\n")
    return tmp_path


def test_functions_of_one_build_have_one_archive(build: Path) -> None:
    target = pack(build)
    assert target.parent == build
    resources = json.loads(target.read_text())["Resources"]
    assert resources["One"]["Properties"] == {"CodeUri": "Shared.zip", "Handler": "one.handler"}
    assert resources["Two"]["Properties"]["CodeUri"] == "Shared.zip"
    with zipfile.ZipFile(build / "Shared.zip") as archive:
        assert archive.namelist() == ["one.py", "package/two.py"]
        assert archive.read("package/two.py") == b"TWO = 2\n"
        assert {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()} == {0o755}


def test_whatever_else_the_template_says_stays(build: Path) -> None:
    resources = json.loads(pack(build).read_text())["Resources"]
    assert resources["Elsewhere"]["Properties"]["CodeUri"] == "s3://bucket/key"
    assert resources["Inline"]["Properties"] == {"InlineCode": "pass"}
    assert resources["Role"]["Properties"]["AssumeRolePolicyDocument"] == {"Version": "2012-10-17"}


def test_the_same_files_give_the_same_bytes(build: Path) -> None:
    pack(build)
    first = (build / "Shared.zip").read_bytes()
    (build / "Shared" / "one.py").touch()
    pack(build)
    assert (build / "Shared.zip").read_bytes() == first
    # and others do not
    (build / "Shared" / "one.py").write_text("ONE = 3\n")
    pack(build)
    assert (build / "Shared.zip").read_bytes() != first


def test_a_link_is_followed_as_sam_makes_them(build: Path) -> None:
    (build / "elsewhere.py").write_text("THREE = 3\n")
    (build / "Shared" / "three.py").symlink_to(build / "elsewhere.py")
    pack(build)
    with zipfile.ZipFile(build / "Shared.zip") as archive:
        assert archive.read("three.py") == b"THREE = 3\n"
    assert sorted(file.name for file in build.iterdir()) == [
        "Shared",
        "Shared.zip",
        "elsewhere.py",
        "packed.json",
        "template.yaml",
    ]
