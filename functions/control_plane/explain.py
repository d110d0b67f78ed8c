"""Explain: the function behind the routes that answer "why?", and the one to live messages.

By itself, because it may read much that ControlPlane needs not, and change nothing.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session
from common.environment import Environment, environment
from common.observability import Handler, about_row, observed
from control_plane.explaining import Explaining
from control_plane.live import Live
from control_plane.routes import Act, resolver_of
from explaining.why import CATALOG, FINDINGS, HISTORY, sources_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


def acts_of(environment: Environment, session: "Session") -> Mapping[str, Act]:
    """What answers each of its operations."""
    tables = session.resource("dynamodb", config=CONFIG)
    names = {CATALOG: "CATALOG_TABLE", HISTORY: "HISTORY_TABLE", FINDINGS: "VERDICTS_TABLE"}
    sources = sources_of(
        {key: tables.Table(environment.required(name)) for key, name in names.items()},
        environment.optional("IOT_LOG_GROUP"),
        lambda service: session.client(service, config=CONFIG),  # type: ignore[call-overload]
        about_row,
    )
    iot = session.client("iot", config=CONFIG)
    live = Live(
        session.client("sts", config=CONFIG),
        iot,
        environment.required("LIVE_ROLE_ARN"),
        environment.required("IOT_ARN_BASE"),
        iot.meta.region_name,
        environment.optional("LIVE_ENDPOINT"),
    )
    return {**Explaining(sources).acts(), **live.acts()}


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """A request of API Gateway's HTTP API, payload format 2.0; openapi/ has what is asked and
    answered.
    """
    resolver = resolver_of(acts_of(environment, session))

    def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        return resolver.resolve(dict(event), context)

    return handler


handler = observed(build(environment, session))
