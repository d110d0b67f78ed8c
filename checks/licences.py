"""The licences of everything that gets installed, by pip-licenses; `--write` makes docs/licences.md
of them.

Nothing of these packages is part of this project. What goes into functions and devices gets
deployed with it, and must be permissive; for a tool that is only run, copyleft is no hindrance once
somebody has looked.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from checks.tools import ROOT, CheckError, python_of, run_json

PAGE = ROOT / "docs" / "licences.md"
ENVIRONMENTS = {
    "app": "the command, the device, tests",
    "emulator": "the local cloud",
    "sam": "SAM CLI",
    "node": "Node.js, which builds the console's page",
    "checks": "checks",
    "browser": "what the app has not, for the tests that click through the console",
    "console": "the console's page, and what builds it",
}
CONSOLE_LOCK = ROOT / "console" / "package-lock.json"
PERMISSIVE = (
    "MIT",
    "MIT-0",
    "MIT License",
    "MIT No Attribution License (MIT-0)",
    "ISC",
    "ISC License (ISCL)",
    "0BSD",
    "Zlib",
    "CC0-1.0",
    "BSD",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CNRI-Python",
    "PSF-2.0",
    "Python Software Foundation License",
    "Apache-2.0",
    "Apache License 2.0",
    "Apache Software License",
    "Public Domain",
    "Unlicense",
    "DFSG approved",
    "Freely Distributable",
)
# Copyleft by file: what changes one of its files must publish that file, and nothing here does.
BY_FILE = ("MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)")
ALLOWED = (*PERMISSIVE, *BY_FILE)
# Packages whose licence needs a look -> what was seen.
JUDGED = {
    "axe-playwright-python": (
        "MIT, as its LICENSE file says, with axe-core (MPL-2.0) in it; a tool of tests, only run"
    ),
    "docutils": (
        "public domain and BSD for what is imported; the GPL holds for an Emacs file in its sources"
    ),
    "text-unidecode": "Artistic License, by choice of the user; a tool of SAM CLI's, only run",
    "cookiecutter": "BSD-3-Clause, as its LICENSE file says; a tool of SAM CLI's, only run",
}
OURS = "iot-playground"


@dataclass(frozen=True, order=True)
class Package:
    """One installed distribution."""

    name: str
    version: str
    licence: str


def packages(environment: str) -> list[Package]:
    """What is installed in an environment, by name. Raises CheckError when it can't be told."""
    found = run_json(
        "pip-licenses", "--python", str(python_of(environment)), "--from=mixed", "--format=json"
    )
    return sorted(
        Package(one["Name"], one["Version"], one["License"]) for one in found if one["Name"] != OURS
    )


def packages_of_console() -> list[Package]:
    """What console/package-lock.json names, but for what only its own tests and checks need."""
    named = json.loads(CONSOLE_LOCK.read_text(encoding="utf-8"))["packages"]
    return sorted(
        {
            Package(name.rpartition("node_modules/")[2], one["version"], one["license"])
            for name, one in named.items()
            if name and not one.get("dev")
        }
    )


def installed() -> dict[str, list[Package]]:
    """Of every environment that is made; of the browser's only what the app has not."""
    found = {
        name: packages(name)
        for name in ENVIRONMENTS
        if name != "console" and python_of(name).exists()
    }
    if "browser" in found:
        found["browser"] = sorted({*found["browser"]} - {*found["app"]})
    return {**found, "console": packages_of_console()}


def is_fine(package: Package) -> bool:
    """Whether each part of the licence, or one of the alternatives that the part offers, is
    permissive or by file.
    """
    if package.name.lower() in JUDGED:
        return True
    return all(_offers(part) for part in re.split(r"; | AND ", package.licence))


def _offers(part: str) -> bool:
    stripped = part if part in ALLOWED else part.strip("()")
    return any(name in ALLOWED for name in stripped.split(" OR "))


def page(listed: dict[str, list[Package]]) -> str:
    """docs/licences.md."""
    lines = [
        "# Licences",
        "",
        "Everything that gets installed, with the licence that it states (`make security` checks",
        "them, `make licences` writes this page, here on Linux).",
        "",
    ]
    for environment, found in listed.items():
        lines += [
            f"## {environment}: {ENVIRONMENTS[environment]}",
            "",
            "| package | version | licence |",
            "|---|---|---|",
        ]
        lines += [f"| {one.name} | {one.version} | {judgement(one)} |" for one in found] + [""]
    return "\n".join(lines)


def judgement(package: Package) -> str:
    """The licence as the page tells it."""
    licence = package.licence.replace("\n", " ")
    return (
        f"{licence}: {JUDGED[package.name.lower()]}" if package.name.lower() in JUDGED else licence
    )


def check(*, write: bool = False, target: Path = PAGE) -> str:
    """Look at every environment that is made. Raises CheckError with a line for each licence that
    nobody has judged.
    """
    listed = installed()
    wrong = [
        f"{one.name} {one.version}: {one.licence}"
        for found in listed.values()
        for one in found
        if not is_fine(one)
    ]
    if wrong:
        raise CheckError("\n".join(wrong))
    if write:
        target.write_text(page(listed))
    return (
        f"licences: {sum(len(found) for found in listed.values())} packages, all permissive, "
        "or judged one by one"
    )
