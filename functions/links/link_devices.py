"""LinkDevices: a switch may change the light of a bulb, or may no longer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common import environment
from common.clients import CONFIG, session, transient_faults_named
from common.observability import logger, metrics, observed
from devices import wiring
from links.linker import Linker
from links.policy import LinksPolicies
from links.request import LinkRequest
from links.rows import LinkRows

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

iot_client = session.client("iot", config=CONFIG)
device_catalog = wiring.catalog_table()
linker = Linker(
    rows=LinkRows(device_catalog),
    policies=LinksPolicies(
        iot=iot_client,
        prefix=environment.required("LINKS_POLICY_PREFIX"),
        topics=environment.required("TOPIC_ARN_PREFIX"),
    ),
    iot_data=session.client("iot-data", config=CONFIG),
)


@observed
def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Called by the control plane, `playground link`, CleanUp and the sweep. Gives `{thingName,
    links}`.

    Refuses with InvalidInput, ThingNotFound or DeviceBusy.
    """
    request = LinkRequest.from_event(event)
    with transient_faults_named():
        links = _done(request, context.aws_request_id)
    metrics.add_metric("Links" + request.action.title(), unit="Count", value=1)
    logger.info("links settled", action=request.action, target=request.target, links=links)
    return {"thingName": request.thing_name, "links": links}


def _done(request: LinkRequest, request_id: str) -> list[str]:
    if request.action == "link":
        return linker.link(request.thing_name, request.target, request_id)
    if request.action == "unlink":
        return linker.unlink(request.thing_name, request.target, request_id)
    if request.action == "forget":
        linker.forget(request.thing_name, request_id)
        return []
    return linker.mend(request.thing_name, request_id)
