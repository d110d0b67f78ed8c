"""python -m virtual_device [CONFIG | DIRECTORY ...]

Runs the devices of the given config documents, or of all `*.json` in the given directories; without
an argument the device that CONFIG_FILE_URL leads to, or those whose identity is in STATE_DIR. A
device of the type `host` runs others beside. See docs/contracts.md.

Exit codes: 0 after SIGTERM or SIGINT; 1 when something failed that may be better next time (a
restart helps); 2 when it can't ever work as it is (configuration, expired URL, damaged identity: a
restart doesn't help).
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from virtual_device.base import descriptors
from virtual_device.base.errors import (
    ConfigInvalidError,
    DeviceError,
    NothingToHostError,
    UnreadableError,
)
from virtual_device.base.log import hosting, set_up
from virtual_device.state import enrol
from virtual_device.state.config import Config, Environment, Identity
from virtual_device.state.store import Enrolment, Store

EXIT_GOODBYE, EXIT_TEMPORARY, EXIT_PERMANENT = 0, 1, 2

log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Run until a signal; the exit code."""
    if any(argument.startswith("-") for argument in arguments):
        return _usage(sys.stdout if {"-h", "--help"} & set(arguments) else sys.stderr)
    set_up()
    # The first process of a container ignores SIGTERM unless it says otherwise; the host takes over
    # later.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_GOODBYE))
    try:
        environment = Environment.from_variables()
        store = Store(environment.state_dir)
        enrolments = _enrol(arguments, environment, store)
        hosting([enrolment.config.thing.name for enrolment in enrolments])
        descriptors.require(len(enrolments))
        return _run(environment, store, enrolments)
    except DeviceError as error:
        log.error("%s", error, extra={"data": {"error": type(error).__name__}})  # noqa: TRY400 - it says it all
        return EXIT_PERMANENT if error.permanent else EXIT_TEMPORARY


def _usage(stream: TextIO) -> int:
    print(__doc__, file=stream)
    return EXIT_GOODBYE if stream is sys.stdout else EXIT_PERMANENT


def _enrol(arguments: Sequence[str], environment: Environment, store: Store) -> list[Enrolment]:
    sources, exchange = environment.sources, partial(_exchange, environment)
    if not arguments:
        return enrol.from_url(environment.config_url, store, sources, exchange=exchange)
    paths = list(_config_files(arguments))
    if len(paths) == 1:
        return [enrol.from_file(paths[0], store, sources, exchange=exchange)]
    return _all_that_work(
        paths, lambda path: enrol.from_file(path, store, sources, exchange=exchange)
    )


def _exchange(environment: Environment, config: Config, claim: Identity, store: Store) -> Identity:
    _trust_little(environment)
    from virtual_device.connection.claiming import exchange  # noqa: PLC0415 - loads awscrt

    return exchange(config, claim, store, environment)


def _config_files(arguments: Sequence[str]) -> Iterator[Path]:
    for argument in arguments:
        path = Path(argument)
        try:
            yield from (file for file in sorted(path.iterdir()) if file.suffix == ".json")
        except (FileNotFoundError, NotADirectoryError):
            yield path
        except OSError as error:
            raise UnreadableError(f"{path} can't be read: {error}") from error


def _all_that_work(paths: Iterable[Path], take: Callable[[Path], Enrolment]) -> list[Enrolment]:
    """One device's bad config keeps no other from running, unless none is left or two have one
    name.
    """
    enrolments: dict[str, Enrolment] = {}
    problem: DeviceError = NothingToHostError("there is no config document in what was given")
    for path in paths:
        try:
            enrolment = take(path)
            name = enrolment.config.thing.name
            if name in enrolments:
                raise ConfigInvalidError(f"{path}: {name} is configured twice")
        except DeviceError as error:
            problem = error if problem.permanent else problem
            log.error("%s", error, extra={"data": {"error": type(error).__name__}})  # noqa: TRY400 - it says it all
        else:
            enrolments[name] = enrolment
    if not enrolments:
        raise problem
    return list(enrolments.values())


def _trust_little(environment: Environment) -> None:
    """Before awscrt is loaded."""
    # awscrt builds a TLS context in 1 ms instead of 10 when the default trust store that it loads
    # first is this small. What is fetched from here on over https, such as firmware and
    # manifests, comes from Amazon S3, whose certificates Amazon Trust Services has signed, too.
    os.environ.setdefault("SSL_CERT_FILE", str(environment.ca_file))


def _run(environment: Environment, store: Store, enrolments: list[Enrolment]) -> int:
    _trust_little(environment)
    from virtual_device.host import Host  # noqa: PLC0415 - loads awscrt, which reads the variable above

    return EXIT_GOODBYE if Host(environment, store).run(enrolments) else EXIT_PERMANENT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
