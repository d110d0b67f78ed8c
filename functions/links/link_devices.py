"""LinkDevices: a switch may change the light of a bulb, or may no longer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common import environment, wiring
from common.clients import CONFIG, session, transient_faults_named
from common.linking import REFUSALS
from common.observability import logger, metrics, observed
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
    """Called by the control plane, `playground link`, CleanUp and the sweep. Gives `{thingName, links}`.

    With `answerRefusals` a refusal is no error but `{refused: {error, message}}`, `error` the name of its class: the
    emulator does not tell the names of errors.
    """
    asked = {name: value for name, value in event.items() if name != "answerRefusals"}
    try:
        request = LinkRequest.from_event(asked)
        with transient_faults_named():
            links = _done(request, context.aws_request_id)
    except REFUSALS as error:
        if event.get("answerRefusals") is not True:
            raise
        logger.warning("refused", error=type(error).__name__, reason=str(error))
        return {"refused": {"error": type(error).__name__, "message": str(error)}}
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
