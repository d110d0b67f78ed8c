"""TestAuthorization: whether a certificate's policies allow what is asked, as the broker itself
would decide it.

AWS gives `ALLOWED`, `EXPLICIT_DENY` or `IMPLICIT_DENY` for each action and resource, and the
policies that allow or deny it; policies may be added to the certificate's own, or left out, for the
question.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_TestAuthorization.html

Emulator: answers `Unsupported IoT path`.
"""

from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import iot

PATH = "/test-authorization"
DECISIONS = {"Allow": "ALLOWED", "Deny": "EXPLICIT_DENY"}


def fill() -> None:
    """Answer it, before the emulator's own routes are looked at."""
    route = iot._route_request

    async def routed(
        method: str, path: str, headers: Any, body: bytes, query: dict[str, Any]
    ) -> Any:
        if method == "POST" and path == PATH:
            client = query.get("clientId", "")
            return _tested(iot._parse_body(body), client[0] if isinstance(client, list) else client)
        return await route(method, path, headers, body, query)

    iot._route_request = routed


def _tested(asked: dict[str, Any], client_id: str) -> Any:
    principal = str(asked.get("principal", ""))
    certificate = iot._certificates.get(principal.rpartition("/")[2])
    if certificate is None:
        return error_response_json(
            "ResourceNotFoundException", "The certificate does not exist.", 404
        )
    names = [*certificate.get("attachedPolicies", []), *asked.get("policyNamesToAdd", [])]
    names = [
        name for name in dict.fromkeys(names) if name not in asked.get("policyNamesToSkip", [])
    ]
    missing = [name for name in names if name not in iot._policies]
    if missing:
        return error_response_json(
            "ResourceNotFoundException", f"Policy not found: {missing[0]}", 404
        )
    context = iot._mqtt_policy_context(
        get_account_id(), get_region(), principal.rpartition("/")[2], client_id
    )
    results = [
        _result(principal, names, context, info.get("actionType", ""), resource)
        for info in asked.get("authInfos", [])
        for resource in info.get("resources", [])
    ]
    return json_response({"authResults": results})


def _result(
    principal: str, names: list[str], context: dict[str, Any], action: str, resource: str
) -> dict[str, Any]:
    decided = {name: _decided([name], principal, context, action, resource) for name in names}
    decision = DECISIONS.get(_decided(names, principal, context, action, resource), "IMPLICIT_DENY")
    allowing, denying = (_policies(decided, word) for word in ("Allow", "Deny"))
    denied = (
        {"explicitDeny": {"policies": denying}} if denying else {"implicitDeny": {"policies": []}}
    )
    return {
        "authInfo": {"actionType": action, "resources": [resource]},
        "allowed": {"policies": allowing},
        "denied": {} if decision == "ALLOWED" else denied,
        "authDecision": decision,
        "missingContextValues": [],
    }


def _policies(decided: dict[str, str], word: str) -> list[dict[str, str]]:
    return [
        {"policyName": name, "policyArn": iot._policies[name]["policyArn"]}
        for name, decision in decided.items()
        if decision == word
    ]


def _decided(
    names: list[str], principal: str, context: dict[str, Any], action: str, resource: str
) -> str:
    policies = [iot._policies[name] for name in names]
    variables = tuple(sorted(context.items()))
    statements = [
        iot._parsed_iot_policy(one["versions"][one["defaultVersionId"]]["document"], variables)
        for one in policies
    ]
    asked = EvalContext(
        principal_arn=principal,
        principal_type="Certificate",
        principal_account=get_account_id(),
        action=f"iot:{action.capitalize()}",
        resource_arn=resource,
        region=get_region(),
        service_context=context,
    )
    decision: str = evaluate(asked, statements).decision
    return decision
