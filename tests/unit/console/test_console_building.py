"""The page is built when its sources have changed, by the real Node.js and npm; of a build that
fails the page of before stays.
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from playground.errors import ConsoleError
from playground.home import running
from playground.home.paths import PROJECT, Paths
from playground.local import console
from playground.web import building
from playground.web.building import ALSO_READ, STAMP, Builder, digest, environment, installed

pytestmark = [pytest.mark.processes, pytest.mark.thorough]

BUILD = """
const fs = require('node:fs');
const out = process.argv[process.argv.indexOf('--outDir') + 1];
fs.mkdirSync(out, {recursive: true});
fs.writeFileSync(out + '/index.html', fs.readFileSync('src/main.txt', 'utf8'));
fs.appendFileSync('../built', 'x');
"""
PACKAGE = {
    "name": "page",
    "version": "1.0.0",
    "scripts": {"made": "node build.cjs", "build": "npm run made --"},
}
LOCK = {
    "name": "page",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {"": {"name": "page", "version": "1.0.0"}},
}


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    """Of a page without packages, which npm installs without a network."""
    if not (PROJECT / ".venvs" / "node" / ".stamp").exists():
        pytest.skip("Node.js is not installed: run `make up`")
    root = tmp_path / "project"
    for name in ALSO_READ:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    (root / ".venvs").mkdir()
    (root / ".venvs" / "node").symlink_to(PROJECT / ".venvs" / "node")
    sources = root / "console"
    (sources / "src").mkdir(parents=True)
    (sources / "package.json").write_text(json.dumps(PACKAGE))
    (sources / "package-lock.json").write_text(json.dumps(LOCK))
    (sources / ".npmrc").write_text("audit=false\n")
    (sources / "build.cjs").write_text(BUILD)
    (sources / "src" / "main.txt").write_text("first")
    return Builder(Paths(root, tmp_path / "home"))


def page(builder: Builder) -> str:
    return (builder.folder / "index.html").read_text()


def builds(builder: Builder) -> int:
    return len((builder.paths.root / "built").read_text())


def test_it_is_built_once_and_again_when_a_source_has_changed(builder: Builder) -> None:
    assert builder.built() == ""
    first = builder.build()
    assert (page(builder), builder.built()) == ("first", first)
    # when
    assert builder.build() == first
    (builder.sources / "src" / "main.txt").write_text("second")
    second = builder.build()
    # then
    assert second != first
    assert (page(builder), builds(builder)) == ("second", 2)


def test_of_a_build_that_fails_one_sentence_is_told_and_the_page_stays(builder: Builder) -> None:
    first = builder.build()
    (builder.sources / "build.cjs").write_text("throw new Error('no such component')")

    with pytest.raises(ConsoleError, match=r"was not built: .*no such component.*build\.log"):
        builder.build()

    assert (page(builder), builder.built()) == ("first", first)


def test_a_build_that_makes_no_page_is_none(builder: Builder) -> None:
    (builder.sources / "build.cjs").write_text("")

    with pytest.raises(ConsoleError, match="has made no page"):
        builder.build()

    assert builder.built() == ""


def test_a_page_that_somebody_has_built_by_hand_is_built_again(builder: Builder) -> None:
    builder.build()
    (builder.folder / STAMP).unlink()
    builder.build()

    assert builds(builder) == 2


def test_an_interrupted_build_leaves_no_process(builder: Builder) -> None:
    # given a build that takes its time
    (builder.sources / "build.cjs").write_text("setTimeout(() => {}, 60000)")
    failed: list[BaseException] = []

    def build() -> None:
        try:
            builder.build()
        except ConsoleError as error:
            failed.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    wait_for(lambda: any("build.cjs" in word for word in commands_below()))
    # when
    builder.end()
    thread.join(20)
    # then
    assert len(failed) == 1
    wait_for(lambda: not any("build.cjs" in word for word in commands_below()))


def commands_below() -> list[str]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            found += process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def wait_for(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_build_beside_goes_on_alone_with_node_first_and_who_builds_waits_for_it(
    builder: Builder,
) -> None:
    # given a project without Node.js, and a program that installs it
    node = builder.paths.root / ".venvs" / "node"
    there = node.readlink()
    node.unlink()
    program = builder.paths.root / "playground" / "bootstrap.py"
    program.parent.mkdir()
    program.write_text(f"import os\nos.symlink({str(there)!r}, {str(node)!r})\n")
    # when
    builder.build_beside()
    wait_for(node.is_symlink)
    found = builder.build()
    # then
    assert (page(builder), builds(builder), found) == ("first", 1, digest(builder.paths.root))
    assert builder.up_to_date()
    wait_for(lambda: not running.find(builder.paths).builders)


def test_a_build_beside_ends_with_the_local_cloud(builder: Builder) -> None:
    (builder.sources / "build.cjs").write_text("setTimeout(() => {}, 60000)")
    program = builder.paths.root / "playground" / "bootstrap.py"
    program.parent.mkdir()
    program.write_text("")
    builder.build_beside()
    wait_for(lambda: any("build.cjs" in word for word in commands_below()))
    (beside,) = running.find(builder.paths).builders
    # when
    console.end_builds(builder.paths)
    # then
    assert not beside.process.alive()
    wait_for(lambda: not any("build.cjs" in word for word in commands_below()))


def test_what_goes_wrong_beside_the_build_ends_it(builder: Builder) -> None:
    (builder.sources / "build.cjs").write_text("setTimeout(() => {}, 60000)")
    began = time.monotonic()

    def interrupted() -> None:
        with building.building(builder):
            wait_for(lambda: any("build.cjs" in word for word in commands_below()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert time.monotonic() - began < 30


def test_a_registry_that_does_not_answer_is_told_in_plain_words_and_soon(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a package that has to be fetched, and nobody who listens
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}/")
    integrity = "sha512-" + "A" * 86 + "=="
    wanted = {"dependencies": {"left": "1.0.0"}}
    packages = {
        "": {**wanted, "name": "page", "version": "1.0.0"},
        "node_modules/left": {"version": "1.0.0", "integrity": integrity},
    }
    (builder.sources / "package.json").write_text(json.dumps({**PACKAGE, **wanted}))
    (builder.sources / "package-lock.json").write_text(json.dumps({**LOCK, "packages": packages}))
    began = time.monotonic()
    # when
    with pytest.raises(ConsoleError, match="the npm registry did not answer"):
        builder.build()
    # then
    assert time.monotonic() - began < 60


def test_without_node_it_says_what_to_do(builder: Builder) -> None:
    (builder.paths.root / ".venvs" / "node").unlink()

    with pytest.raises(ConsoleError, match="run `make up`"):
        builder.build()


@pytest.mark.parametrize(
    "name",
    [
        "console/src/main.txt",
        "console/src/new.txt",
        "console/package-lock.json",
        "console/.npmrc",
        *ALSO_READ,
    ],
)
def test_the_digest_is_of_all_that_the_build_reads(builder: Builder, name: str) -> None:
    before = digest(builder.paths.root)
    (builder.paths.root / name).write_text("changed")

    assert digest(builder.paths.root) != before


@pytest.mark.parametrize(
    "name",
    [
        "console/node_modules/a/index.js",
        "console/dist/index.html",
        "console/src/generated/openapi.ts",
        "console/tests/a.test.ts",
        "console/.vscode/settings.json",
        "docs/api.md",
    ],
)
def test_and_of_nothing_else(builder: Builder, name: str) -> None:
    before = digest(builder.paths.root)
    (builder.paths.root / name).parent.mkdir(parents=True, exist_ok=True)
    (builder.paths.root / name).write_text("changed")

    assert digest(builder.paths.root) == before


def test_a_file_can_not_pass_for_two(builder: Builder) -> None:
    folder = builder.sources / "src"
    (folder / "a").write_text("b")
    (folder / "c").write_text("d")
    before = digest(builder.paths.root)
    (folder / "c").unlink()
    (folder / "a").write_text("bconsole/src/cd")

    assert digest(builder.paths.root) != before


def lock(**packages: object) -> str:
    return json.dumps({"packages": {"": {}, **packages}})


@pytest.mark.parametrize(
    ("there", "enough"),
    [
        (lock(a={"integrity": "sha512-1"}, b={"integrity": "sha512-2"}), True),
        (lock(a={"integrity": "sha512-1"}), False),
        (lock(a={"integrity": "sha512-1"}, b={"integrity": "sha512-3"}), False),
        ("{", False),
        (None, False),
    ],
)
def test_packages_are_installed_when_they_are_those_of_the_lock_file(
    tmp_path: Path, there: str | None, enough: object
) -> None:
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "package-lock.json").write_text(
        lock(
            a={"integrity": "sha512-1"},
            b={"integrity": "sha512-2"},
            c={"integrity": "sha512-4", "dev": True},
            d={"integrity": "sha512-5", "optional": True},
        )
    )
    if there is not None:
        (tmp_path / "node_modules" / ".package-lock.json").write_text(there)

    assert installed(tmp_path) is enough


def test_npm_hears_nothing_of_an_aws_account_and_writes_into_the_project_only() -> None:
    given = environment(
        PROJECT,
        {
            "AWS_SECRET_ACCESS_KEY": "s",
            "NODE_ENV": "production",
            "npm_config_proxy": "http://proxy",
            "HTTPS_PROXY": "http://proxy",
            "HOME": "/home/me",
            "PATH": "/bin",
        },
    )

    assert not any(name.startswith("AWS_") or name == "NODE_ENV" for name in given)
    assert given["npm_config_proxy"] == given["HTTPS_PROXY"] == "http://proxy"
    assert given["npm_config_cache"] == str(PROJECT / ".venvs" / "npm")
    assert given["PATH"] == f"{PROJECT}/.venvs/node/bin:/bin"
