"""LinkDevices: a switch may change the light of a bulb, or may no longer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.observability import Handler, logger, metrics, observed
from devices import wiring
from links.linker import Linker
from links.policy import LinksPolicies
from links.request import LinkRequest
from links.rows import LinkRows

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


def linker_of(environment: Environment, session: "Session") -> Linker:
    """Who links the stack's devices."""
    return Linker(
        rows=LinkRows(wiring.catalog_table(environment, session)),
        policies=LinksPolicies(
            iot=session.client("iot", config=CONFIG),
            prefix=environment.required("LINKS_POLICY_PREFIX"),
            topics=environment.required("TOPIC_ARN_PREFIX"),
        ),
        iot_data=session.client("iot-data", config=CONFIG),
    )


def _done(linker: Linker, request: LinkRequest, request_id: str) -> list[str]:
    if request.action == "link":
        return linker.link(request.thing_name, request.target, request_id)
    if request.action == "unlink":
        return linker.unlink(request.thing_name, request.target, request_id)
    if request.action == "forget":
        linker.forget(request.thing_name, request_id)
        return []
    return linker.mend(request.thing_name, request_id)


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Called by the control plane, `playground link`, CleanUp and the sweep. Gives `{thingName,
    links}`.

    Refuses with InvalidInput, ThingNotFound or DeviceBusy.
    """
    linker = linker_of(environment, session)

    def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        request = LinkRequest.from_event(event)
        with transient_faults_named():
            links = _done(linker, request, context.aws_request_id)
        metrics.add_metric("Links" + request.action.title(), unit="Count", value=1)
        logger.info("links settled", action=request.action, target=request.target, links=links)
        return {"thingName": request.thing_name, "links": links}

    return handler


handler = observed(build(environment, session))
