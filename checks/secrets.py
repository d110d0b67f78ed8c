"""Secrets in the repository, by detect-secrets."""

from typing import Any

from checks.tools import CheckError, run_json

# (path, kind) -> why it is no secret.
ACCEPTED = {
    (
        "events/issue_next_certificate.json",
        "Base64 High Entropy String",
    ): "a certificate signing request: public",
    (
        "tests/unit/device/test_device_identity.py",
        "Private Key",
    ): "a word in PEM clothes that no program could use",
    (
        "tests/unit/device/test_device_identity.py",
        "Hex High Entropy String",
    ): "hashes of public keys, as Amazon Trust Services tells them",
    (
        "tests/unit/command/test_playground_selfcheck.py",
        "AWS Access Key",
    ): "the example of AWS's own documentation, which a report must not hold",
    (
        "tests/unit/command/test_playground_selfcheck.py",
        "Private Key",
    ): "words, which a report must not hold",
    (
        "tests/unit/doubles/iot.py",
        "Private Key",
    ): "made up: the word `secret` and a number between PEM's lines",
    ("tests/unit/rotation/walk.py", "Private Key"): "made up: a number between PEM's lines",
    (
        "tests/e2e/test_device_life.py",
        "Private Key",
    ): "the first line of PEM alone, planted to see that the search finds it",
    ("playground/stack/users.py", "Secret Keyword"): "a sentence about passwords that are refused",
    ("template.yaml", "Secret Keyword"): "GenerateSecret, which is false",
    (
        "tests/unit/functions/control_plane/test_control_plane_listing.py",
        "Base64 High Entropy String",
    ): "tokens that must be refused",
    (
        "tests/unit/command/test_playground_output.py",
        "AWS Access Key",
    ): "the example of AWS's own documentation",
    ("tests/e2e/test_access.py", "AWS Access Key"): "made up: a key that must open nothing",
    (
        "tests/unit/push/test_playground_builds.py",
        "Hex High Entropy String",
    ): "a hash of what the test uploads",
    (
        "tests/unit/functions/auditing/test_process_finding.py",
        "Hex High Entropy String",
    ): "the task id of a sample from AWS's documentation",
    (
        "tests/unit/functions/deployed/test_template_samples.py",
        "Hex High Entropy String",
    ): "the task id of a sample from AWS's documentation",
    ("console/tests/session.test.ts", "Secret Keyword"): "made up: what is typed into a form",
    ("tests/unit/console/stage.py", "Secret Keyword"): "made up: a user of a pool that is a test's",
    ("tests/unit/console/test_console_process.py", "Secret Keyword"): "made up, to be looked for",
    ("tests/unit/stack.py", "Secret Keyword"): "credentials for a double of AWS on this machine",
}


def findings(report: Any) -> set[tuple[str, str]]:
    """detect-secrets' JSON, `{"results": {path: [{"type"}]}}`, as pairs of path and kind."""
    return {
        (path, found["type"])
        for path, all_found in report["results"].items()
        for found in all_found
    }


def check() -> str:
    """Scan what git tracks. Raises CheckError with a line for each finding, and for each exception
    without one.
    """
    found = findings(run_json("detect-secrets", "scan", environment="app"))
    wrong = [f"{path}: {kind}" for path, kind in sorted(found - ACCEPTED.keys())]
    wrong += [
        f"{path}: {kind} is excepted in checks/secrets.py and not there"
        for path, kind in sorted(ACCEPTED.keys() - found)
    ]
    if wrong:
        raise CheckError("\n".join(wrong))
    return f"secrets: none, {len(ACCEPTED)} findings looked at and excepted with a reason"
