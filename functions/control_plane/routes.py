"""From the operations of the document to the routes of Powertools' resolver.

Every request goes the same way: who asks, may they, is it what the document says; then the
operation; then the answer, or the problem that was in the way.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from common.clients import transient_faults_named
from common.errors import AccessRefused, InvalidInput, TransientError
from common.jsonvalues import writable
from common.observability import logger
from control_plane import problem
from control_plane.caller import Caller
from control_plane.document import Operation, is_for_viewers, methods_of, operations
from control_plane.problem import Problem
from control_plane.request import Answer, Request, request_of

Act = Callable[[Request], Answer]


def resolver_of(acts: Mapping[str, Act]) -> APIGatewayHttpResolver:
    """A resolver with a route for each operation id. Raises KeyError for one that the document does
    not know.
    """
    resolver = APIGatewayHttpResolver()
    known = operations()
    for operation_id, act in acts.items():
        operation = known[operation_id]
        rule = re.sub(r"\{(\w+)\}", r"<\1>", operation.path)
        resolver.route(rule, method=operation.method)(_route(resolver, operation, act))
    resolver.use([_authorized])
    resolver.not_found(lambda _error: _no_route(resolver))
    resolver.exception_handler(Exception)(lambda error: _problem(_of(error)))
    return resolver


def _authorized(
    app: APIGatewayHttpResolver, next_middleware: Callable[..., Response[str]]
) -> Response[str]:
    """Before anything is looked at, an unknown path too."""
    event = app.current_event.raw_event
    caller = Caller.of(event)
    logger.append_keys(caller=caller.name)
    method = event["requestContext"]["http"]["method"]
    caller.require(method, for_viewers=is_for_viewers(method, app.current_event.path))
    app.append_context(caller=caller)  # type: ignore[no-untyped-call]
    return next_middleware(app)


def _route(
    resolver: APIGatewayHttpResolver, operation: Operation, act: Act
) -> Callable[..., Response[str]]:
    def respond(**_path: str) -> Response[str]:
        # The path's parameters are taken from the event, where API Gateway has decoded them.
        request = request_of(
            resolver.current_event.raw_event, operation, resolver.context["caller"]
        )
        logger.append_keys(operation=operation.operation_id)
        if "thingName" in request.parameters:
            logger.append_keys(thing_name=request.parameters["thingName"])
        if "fleetName" in request.parameters:
            logger.append_keys(fleet_name=request.parameters["fleetName"])
        with transient_faults_named():
            answer = act(request)
        logger.info("answered", status=answer.status)
        return _response(answer.status, "application/json", answer.body, answer.headers)

    return respond


def _no_route(resolver: APIGatewayHttpResolver) -> Response[str]:
    event = resolver.current_event
    allowed = methods_of(event.path)
    # Powertools takes no control character in a path, API Gateway does: such a path is known, and
    # leads nowhere.
    if allowed and event.http_method not in allowed:
        return _problem(problem.method_not_allowed(event.http_method, allowed))
    return _problem(problem.not_found(f"there is no {event.path}"))


def _of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, InvalidInput):
        return problem.of_input(error)
    if isinstance(error, TransientError | AccessRefused):
        logger.warning("AWS limits the rate of requests", reason=str(error))
        return problem.try_again("AWS limits the rate of requests")
    logger.exception("unforeseen")
    return problem.unforeseen()


def _problem(found: Problem) -> Response[str]:
    logger.info("refused", status=found.status, problem=found.slug)
    return _response(found.status, problem.MEDIA_TYPE, found.document(), found.headers)


def _response(
    status: int, media_type: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> Response[str]:
    # What a token is needed for is in no cache.
    return Response(
        status,
        media_type,
        json.dumps(writable(body), allow_nan=False),
        {"Cache-Control": "no-store", **headers},
    )
