"""What `make security` makes of its tools' answers."""

import pytest

from checks import dependencies, licences, secrets
from checks.tools import CheckError


def audited(*vulnerabilities: dict[str, object]) -> dict[str, object]:
    return {
        "dependencies": [
            {"name": "one", "version": "1.0", "vulns": list(vulnerabilities)},
            {"name": "two", "skip_reason": "not known"},
        ]
    }


def test_a_vulnerability_is_a_finding_with_the_version_that_mends_it() -> None:
    found = dependencies.read("lock.txt", audited({"id": "PYSEC-1", "fix_versions": ["1.1"]}))

    assert found.findings == ["lock.txt: one 1.0: PYSEC-1 (mended in 1.1)"]
    assert (found.audited, found.skipped) == (1, 1)


def test_an_accepted_vulnerability_is_known_by_any_of_its_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(dependencies.ACCEPTED, "CVE-1", "not called here")

    assert (
        dependencies.read("lock.txt", audited({"id": "PYSEC-1", "aliases": ["CVE-1"]})).findings
        == []
    )


def test_what_was_not_audited_is_not_called_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    only_skipped = {"dependencies": [{"name": "two", "skip_reason": "not known"}]}
    monkeypatch.setattr(dependencies, "run_json", lambda *_: only_skipped)

    assert "NOT audited" in dependencies.check()


def test_a_new_secret_and_a_stale_exception_are_both_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accepted: dict[str, list[dict[str, str]]] = {}
    for path, kind in list(secrets.ACCEPTED)[1:]:
        accepted.setdefault(path, []).append({"type": kind})
    report = {"results": {**accepted, "new.py": [{"type": "AWS Access Key"}]}}
    monkeypatch.setattr(secrets, "run_json", lambda *_, **__: report)

    with pytest.raises(CheckError) as error:
        secrets.check()

    gone = next(iter(secrets.ACCEPTED))[0]
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == ["new.py", gone]


@pytest.mark.parametrize(
    ("licence", "fine"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("MIT License; MIT No Attribution License (MIT-0)", True),
        ("MIT AND GPL-3.0-only", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("UNKNOWN", False),
    ],
)
def test_each_part_of_a_licence_must_be_permissive_or_offer_something_that_is(
    licence: str, fine: object
) -> None:
    assert licences.is_fine(licences.Package("one", "1.0", licence)) is fine
