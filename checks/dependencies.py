"""Known vulnerabilities in what the lock files name, by pip-audit.

The advisories are looked up on the network. Where that service cannot be reached, or does not know
a package, this says how much was not audited, and is no failure: a laptop in a train must be able
to pass its checks.
"""

from dataclasses import dataclass, field
from typing import Any

from checks.tools import CheckError, run_json

LOCKS = (
    "functions/requirements.txt",
    "device/requirements.txt",
    "requirements/app.txt",
    "requirements/sam.txt",
    "requirements/node.txt",
    "requirements/browser.txt",
    "requirements/emulator.txt",
    "requirements/checks.txt",
    "requirements/uv.txt",
)
# Advisory -> why it is no danger here. Each is looked at again when its package is upgraded.
ACCEPTED: dict[str, str] = {}


@dataclass
class Audit:
    """What became of the packages of one lock file."""

    audited: int = 0
    skipped: int = 0
    findings: list[str] = field(default_factory=list)


def read(lock: str, report: Any) -> Audit:
    """pip-audit's JSON, `{"dependencies": [{"name", "version", "vulns" | "skip_reason"}]}`, as
    figures and findings.
    """
    audit = Audit()
    for package in report["dependencies"]:
        if "skip_reason" in package:
            audit.skipped += 1
            continue
        audit.audited += 1
        for advisory in package["vulns"]:
            names = {advisory["id"], *advisory.get("aliases", [])}
            if not names & ACCEPTED.keys():
                fixed = ", ".join(advisory.get("fix_versions", [])) or "no version"
                audit.findings.append(
                    f"{lock}: {package['name']} {package['version']}: {advisory['id']} "
                    f"(mended in {fixed})"
                )
    return audit


def check() -> str:
    """Audit every lock file. Returns what was done; raises CheckError with a line for each
    vulnerability.
    """
    audits = []
    for lock in LOCKS:
        audits.append(
            read(
                lock,
                run_json(
                    "pip-audit", "--disable-pip", "--require-hashes", "-f", "json", "-r", lock
                ),
            )
        )
    findings = [finding for audit in audits for finding in audit.findings]
    if findings:
        raise CheckError("\n".join(findings))
    audited, skipped = (
        sum(audit.audited for audit in audits),
        sum(audit.skipped for audit in audits),
    )
    if not audited:
        return (
            "dependencies: NOT audited, the service of the advisories can't be reached "
            f"({skipped} packages)"
        )
    return (
        f"dependencies: {audited} packages without a known vulnerability, {skipped} not "
        "known to the service"
    )
