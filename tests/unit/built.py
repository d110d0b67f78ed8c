"""The functions as AWS would make them, each by its `build`: of the environment that the template
gives it, and of a session whose clients the tests know.
"""

from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import moto.core  # noqa: F401 - see CLIENTS
from botocore.config import Config

from common import clients
from common.environment import Environment
from common.observability import Handler, observed
from tests.unit.stack import ENVIRONMENT
from tests.unit.template import FUNCTIONS as IN_THE_TEMPLATE

if TYPE_CHECKING:
    from boto3 import Session

FUNCTIONS = tuple(
    str(function["Handler"]).removesuffix(".handler") for function in IN_THE_TEMPLATE.values()
)
"""The modules of all functions."""


class Clients:
    """A session that makes one client for each service and configuration: to make a client takes
    longer than most tests, and a double has to stand behind each.
    """

    def __init__(self, session: "Session") -> None:
        self._session: Any = session
        self._made: dict[tuple[str, str, str], Any] = {}

    def client(self, service: str, config: Config = clients.CONFIG) -> Any:
        """As boto3's."""
        return self._once("client", service, config)

    def resource(self, service: str, config: Config = clients.CONFIG) -> Any:
        """As boto3's."""
        return self._once("resource", service, config)

    def all(self, service: str = "") -> list[Any]:
        """Every client that any function has; of one service, when that is named."""
        found = [
            made.meta.client if kind == "resource" else made
            for (kind, name, _), made in self._made.items()
            if service in ("", name)
        ]
        return list({id(client): client for client in found}.values())

    def _once(self, kind: str, service: str, config: Config) -> Any:
        key = (kind, service, repr(vars(config)))
        if key not in self._made:
            self._made[key] = getattr(self._session, kind)(service, config=config)
        return self._made[key]


# Of a session that was made after moto was loaded: another one's clients would ask AWS. Other
# layers of tests may have loaded the functions' own session before.
CLIENTS = Clients(clients.session_with_extras())
SESSION = cast("Session", CLIENTS)


def environment(**other: str) -> Environment:
    """What the template gives to the functions, with some variables as a test wants them."""
    variables: Mapping[str, str] = {**ENVIRONMENT, **other}
    return Environment(variables)


@cache
def built(module: ModuleType) -> Handler[Any]:
    """The handler of this function."""
    handler: Handler[Any] = observed(module.build(environment(), SESSION))
    return handler
