"""The page's packages: each with its hash, from no registry in particular, and all there."""

import json
import re

import pytest

from playground.home.paths import PROJECT

LOCK = PROJECT / "console" / "package-lock.json"
PACKAGES = json.loads(LOCK.read_text())["packages"]
DECLARED = json.loads((PROJECT / "console" / "package.json").read_text())


def test_no_address_is_in_the_lock_file() -> None:
    assert not [name for name, one in PACKAGES.items() if "resolved" in one]


@pytest.mark.parametrize("name", [name for name in PACKAGES if name])
def test_every_package_is_locked_with_its_hash(name: str) -> None:
    assert PACKAGES[name]["integrity"].startswith("sha512-")
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", PACKAGES[name]["version"])


def test_versions_are_exact() -> None:
    for kind in ("dependencies", "devDependencies"):
        for name, version in DECLARED[kind].items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), name


@pytest.mark.parametrize("name", [name for name in PACKAGES if name])
def test_what_a_package_may_need_is_locked_too(name: str) -> None:
    wanted = {
        **PACKAGES[name].get("dependencies", {}),
        **PACKAGES[name].get("optionalDependencies", {}),
    }
    places = [name]
    while "/node_modules/" in places[-1]:
        places.append(places[-1].rpartition("/node_modules/")[0])
    for other in wanted:
        candidates = [f"{place}/node_modules/{other}" for place in places]
        assert {*candidates, f"node_modules/{other}"} & PACKAGES.keys(), other
