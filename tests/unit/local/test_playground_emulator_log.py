"""The emulator's log has an end, whoever writes into it, and tells what is read of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from playground.home.paths import PROJECT
from playground.local.emulator_log import MOST_BYTES, older
from playground.local.iot_log import entry_of

pytestmark = pytest.mark.processes

# As the emulator's process is started: its output goes into the file already.
WRITER = """
import logging, sys
from pathlib import Path

import pytest
from playground.local import emulator_log
logging.basicConfig(level=logging.DEBUG)
emulator_log.OutputFile.__init__.__defaults__ = (10_000,)
emulator_log.keep_short(Path(sys.argv[1]))
"""


def written(path: Path, code: str) -> None:
    """Run code in a process whose output goes to this file."""
    with path.open("ab") as out:
        command = [sys.executable, "-c", WRITER + code, str(path)]
        subprocess.run(command, stdout=out, stderr=out, cwd=PROJECT, check=True)


def test_the_file_begins_anew_and_takes_all_output_with_it(tmp_path: Path) -> None:
    path = tmp_path / "emulator.log"
    written(
        path,
        """
for number in range(1000):
    logging.getLogger("ministack").info("a line of fifty characters or so, number %d", number)
print("printed", flush=True)
print("complained", file=sys.stderr, flush=True)
logging.getLogger("ministack").info("the last line")
""",
    )

    assert path.read_text().splitlines()[-3:-1] == ["printed", "complained"]
    assert path.read_text().splitlines()[-1].endswith(" INFO [ministack] the last line")
    assert 0 < older(path).stat().st_size <= 10_000
    assert sorted(tmp_path.iterdir()) == [path, older(path)]


def test_what_functions_print_and_clients_that_go_away_are_not_in_it(tmp_path: Path) -> None:
    path = tmp_path / "emulator.log"
    written(
        path,
        """
logging.getLogger("lambda").info("ESM: Lambda f output: %s", "x" * 1000)
logging.getLogger("lambda").warning("ESM: Lambda f failed")
tls = logging.getLogger("iot_mtls")
tls.info("IoT mTLS: connection from x")
tls.debug("IoT mTLS: TLS handshake failed: TLS/SSL connection has been closed (EOF)")
tls.debug("IoT mTLS: TLS handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] it failed")
logging.getLogger("iot_broker").warning(
    "IoT broker: PUBLISH from %r to %r refused by the attached policies", "d", "a/b")
""",
    )

    lines = path.read_text().splitlines()
    assert [line.split(maxsplit=3)[2] for line in lines] == ["WARNING", "DEBUG", "WARNING"]
    assert [(entry_of(line) or {}).get("eventType") for line in lines] == [
        None,
        "Connect",
        "Publish-In",
    ]


def test_a_day_of_it_is_sixteen_megabytes_at_the_most() -> None:
    assert 2 * MOST_BYTES == 16 * 2**20
