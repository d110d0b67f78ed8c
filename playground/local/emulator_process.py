"""The emulator as the playground runs it, with its own interpreter.

`python -P -m playground.local.emulator_process ACCOUNT LOG FOLDER`. The emulator's gaps are filled,
nothing gets to it without a right signature (see `guard`), its log LOG has an end (see
`emulator_log`), its state is kept in FOLDER while it runs (see `keeper`), the task agent is told of
what concerns it (see `news`), and functions run in copies of a loaded process (see `worker_forks`).
"""

import logging
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core.responses import set_request_account_id
from ministack.services import iot, lambda_svc, stepfunctions

from playground.local import emulator_log, gaps, guard, snapshot, worker_forks, writers
from playground.local.generations import Generations, running_marker
from playground.local.keeper import Keeper, NotWrittenError, keeping
from playground.local.loading import Loading, NothingReadableError
from playground.local.news import News, Refusals, telling
from playground.local.warming import warm, warming

WAY_OUT = (
    "So the local cloud can't be read. Restore {folder} from a copy if you have one, or delete all"
    " of it with `playground reset`."
)

log = logging.getLogger("keeper")


def main(account: str, log_file: Path, folder: Path) -> None:
    """Run the emulator until it is told to stop.

    Ends with a sentence when its state can't be read.
    """
    emulator_log.keep_short(log_file)
    gaps.fill()
    forks = worker_forks.install()
    generations = Generations(folder / "generations")
    loading = Loading(generations, folder / "state", folder / "s3", running_marker(folder))
    try:
        loading.read()
    except NothingReadableError as error:
        sys.exit(f"{error}. {WAY_OUT.format(folder=generations.folder)}")
    keeper = Keeper(writers.for_this_system(generations), on_mended=loading.mended)
    _keep(keeper, loading)
    _notice(keeper)
    news = News()
    logging.getLogger().addHandler(Refusals(news))
    served = warming(keeping(app.app, keeper), lambda: warm(account, forks))
    served = telling(served, news)
    app.app = guard.guarded(
        served, lambda: set_request_account_id(account), guard.signed_by(account)
    )
    sys.argv = sys.argv[:1]
    app.main()


def _keep(keeper: Keeper, loading: Loading) -> None:
    """Put ours where the emulator loads at its start and saves at its end."""
    snapshot.keep_code_in_memory()

    def load() -> None:
        loading.apply()
        keeper.loaded = loading.found.as_dict()
        loading.begun()
        keeper.changed()

    def save(_services: Any) -> None:
        try:
            keeper.note_final(writers.write_now(loading.generations))
        except NotWrittenError as error:
            log.error("the state could not be written: %s", error)  # noqa: TRY400 - one sentence
            return
        loading.ended()

    app._load_persisted_state = load
    app.save_all = save


def _notice(keeper: Keeper) -> None:
    """Have the keeper notice what changes the state without a request; its rules are silent on
    leaving.
    """
    for module, name in ((stepfunctions, "_add_event"), (lambda_svc, "_emit_lambda_logs")):
        setattr(module, name, _noticed(getattr(module, name), keeper))
    evaluate: Callable[..., Awaitable[None]] = iot._evaluate_topic_rules

    async def evaluate_unless_leaving(*arguments: Any, **named: Any) -> None:
        keeper.changed()
        if not keeper.leaving:
            await evaluate(*arguments, **named)

    iot._evaluate_topic_rules = evaluate_unless_leaving


def _noticed(function: Callable[..., Any], keeper: Keeper) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        finally:
            keeper.changed()

    return call


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
