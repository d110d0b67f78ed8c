"""A process that has loaded what functions load, and becomes their workers: each is a copy of it.

`python -P -m playground.local.worker_server ROOM`, started by the emulator (see `worker_forks`),
one for each package of functions, in the folder where that is unpacked. It is as `fork_server` is
for devices: on Linux only, with one thread, and it ends when the emulator does.

What it loads is nobody's: modules that functions import and that are not theirs, and what botocore
reads of its own files to make a client. No client and no session, and no module of ours. Those are
made of the environment, and each worker loads them itself: its own variables and its own
credentials are all that it ever has. Should a module look at a variable while it is loaded,
whoever has another value of it gets no copy, and a module that sets one, or starts a thread, is the
end of copies.
"""

import atexit
import contextlib
import gc
import importlib
import os
import runpy
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playground.local.fork_server import (
    Noting,
    Place,
    Request,
    is_there,
    main,
    put_on,
    settle,
)

MODULES = (
    "boto3",
    "boto3.dynamodb.conditions",
    "boto3.dynamodb.table",
    "boto3.dynamodb.transform",
    "boto3.ec2.createtags",
    "boto3.resources.factory",
    "boto3.s3.inject",
    "botocore.handlers",
    "botocore.session",
    "botocore.signers",
    "aws_lambda_powertools",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.idempotency",
)
"""What functions import and none of it is theirs. A package may lack the last ones."""
SERVICES = (
    "dynamodb", "ecr", "ecs", "iot", "iot-data", "lambda", "s3", "sns", "sqs", "stepfunctions",
    "sts",
)  # fmt: skip
"""What functions make clients of; tests/unit/local/test_playground_workers.py compares."""
OF_SERVICES = ("service-2", "endpoint-rule-set-1")
FILLING = 100_000
"""Bytes of each size of small objects."""
LARGEST_SMALL, OF_BYTES = 512, 33
"""What Python's own allocator has pages for (Objects/obmalloc.c), and the size of `b""`."""
_FILLING: list[object] = []
OF_ALL = ("endpoints", "partitions", "sdk-default-configuration")


def load(package: Path) -> None:
    """Import what workers will. Raises whatever that raises."""
    gc.disable()  # until all is there
    _refuse_names(package)
    before = dict(os.environ)
    sys.path.insert(0, str(package))
    os.environ.__class__ = Noting
    for name in filter(is_there, MODULES):
        importlib.import_module(name)
    os.environ.__class__ = os._Environ
    sys.path.remove(str(package))  # a worker has its own link to it there
    sys.path_importer_cache.pop(str(package), None)
    if dict(os.environ) != before:
        raise RuntimeError("its import has set variables")
    _hold_models()
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # OpenSSL makes 3 MB of tables for its first one
    _fill_pages()
    settle()


def _refuse_names(package: Path) -> None:
    """Raises RuntimeError when a module that is loaded by now is another one in the package."""
    names = {path.stem for path in package.iterdir()} - {"__pycache__"}
    taken = names & {name.partition(".")[0] for name in sys.modules}
    if taken:
        raise RuntimeError(f"it has modules of its own that are called {', '.join(sorted(taken))}")


def _hold_models() -> None:
    """Read the files that make a client.

    Whoever loads one first gets what was read; then it is no longer held, for botocore may put more
    into it.
    """
    if not is_there("botocore.loaders"):
        return
    from botocore.loaders import JSONFileLoader, Loader  # noqa: PLC0415 - the package may have one

    held: dict[str, Any] = {}
    reader: Any = JSONFileLoader
    read: Callable[[Any, str], Any] = reader.load_file

    def keep(loader: Any, path: str) -> Any:
        held[path] = read(loader, path)
        return held[path]

    def give(loader: Any, path: str) -> Any:
        found = held.pop(path, None)
        return read(loader, path) if found is None else found

    reader.load_file = keep
    try:
        _read_all(Loader(extra_search_paths=[str(_boto3_data())]))
    finally:
        reader.load_file = give


def _read_all(loader: Any) -> None:
    for name in OF_ALL:
        loader.load_data(name)
    for service in SERVICES:
        for kind in OF_SERVICES:
            version = loader.determine_latest_version(service, kind)
            loader.load_data(os.path.join(service, version, kind))  # noqa: PTH118 - as botocore does
    version = loader.determine_latest_version("dynamodb", "resources-1")
    loader.load_data(os.path.join("dynamodb", version, "resources-1"))  # noqa: PTH118


def _boto3_data() -> Path:
    import boto3  # noqa: PLC0415 - the package may have one

    return Path(boto3.__file__).with_name("data")


def _fill_pages() -> None:
    """Fill what is free between objects.

    What a worker makes would go there, and each time a shared page would become its own: 1.6 MB of
    each worker, for 3 MB once.
    """
    gc.collect()
    _FILLING.extend(float(number) for number in range(FILLING // 32))
    _FILLING.extend(
        bytes(size - OF_BYTES)
        for size in range(48, LARGEST_SMALL + 1, 16)
        for _ in range(FILLING // size)
    )


def become(request: Request, place: Place) -> None:
    """Be the worker, in a copy: `python FILE`, in its directory, with its input and output."""
    for own, given in enumerate(request.descriptors):
        os.dup2(given, own)
        os.close(given)
    put_on(request, place)
    os.chdir(request.directory)
    program = request.command[1]
    sys.orig_argv, sys.argv = list(request.command), [program]
    sys.path.insert(0, str(Path(program).parent))
    runpy.run_path(program, run_name="__main__")
    _leave()


def _leave() -> None:
    """End as an interpreter does that has come to the end of its program.

    But for the freeing of what is shared: that would become its own first, 60 MB of each worker, at
    the moment when all of them end.
    """
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(0)


if __name__ == "__main__":
    main(lambda: load(Path.cwd()), become)
