"""What a function asks of AWS: service and operation, told from the HTTP request alone, and on
whose behalf it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session

# Names in the credential scope of a signature, where they are not boto3's own names of the
# services.
SERVICES = {"iotdata": "iot-data", "states": "stepfunctions"}
REST = ("iot", "iot-data", "lambda")
# Where a call's name stands in its body.
QUERY = ("sns", "sqs")

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/aws4_request")
_MARK = re.compile(r"(?:^|;)(\w+)=([^;]*)")
_DEVICE_KEY = re.compile(r"/devices/([^/]+)/")


@dataclass(frozen=True)
class Call:
    """One request to AWS. `function` is the state's name, "" for whoever is no function, such as a
    device.
    """

    service: str
    operation: str
    function: str = ""
    thing: str = ""
    invocation: str = ""
    """Id of the function's invocation, which makes many calls."""
    attempts_of: str = ""
    """Id that the SDK gives a call; its own repetitions carry the same."""
    key: str = ""
    """Id of the access key that it is signed with, in a presigned URL too."""

    @property
    def name(self) -> str:
        """Service and operation, as IAM writes an action."""
        return f"{self.service}:{self.operation}"

    @property
    def changes(self) -> bool:
        """Whether it may have an effect, by its name."""
        return not self.operation.startswith(
            ("Describe", "Get", "BatchGet", "List", "Head", "Search", "Query", "Scan")
        )


def call_of(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Call:
    """The call that a request makes. `target` is path and query as sent; header names in lower
    case.
    """
    url = urlsplit(target)
    key, service = _signed_for(url.query, headers)
    marks = dict(_MARK.findall(headers.get("x-amzn-trace-id", "")))
    found = _DEVICE_KEY.search(unquote(url.path))
    return Call(
        service,
        _operation(service, method, url.path, headers, body),
        function=marks.get("Function", ""),
        thing=marks.get("Thing") or (found[1] if found else ""),
        invocation=marks.get("Request", ""),
        attempts_of=headers.get("amz-sdk-invocation-id", ""),
        key=key,
    )


def _signed_for(query: str, headers: Mapping[str, str]) -> tuple[str, str]:
    """The access key's id, and the service's name."""
    scope = _SCOPE.search(headers.get("authorization", ""))
    if scope is None:
        credential = parse_qs(query).get("X-Amz-Credential", [""])[0]
        scope = _SCOPE.search(f"Credential={credential}")
    key, name = scope.groups() if scope else ("", "")
    return key, SERVICES.get(name, name)


def _operation(
    service: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> str:
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if service == "s3":
        # Our calls are about one object, or list a bucket, whose name is all of the path then.
        return f"{method.capitalize()}Object" if path.count("/") > 1 else "ListObjectsV2"
    if service in QUERY:
        return parse_qs(body.decode()).get("Action", [""])[0]
    if service in REST:
        return next(
            (name for verb, uri, name in _uris(service) if verb == method and uri.fullmatch(path)),
            "",
        )
    return ""


@cache
def _uris(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """Method, path and name of a REST service's operations; those with the fewest variable parts
    first.
    """
    model = botocore.session.Session().get_service_model(service)
    https = [(name, model.operation_model(name).http) for name in model.operation_names]
    https.sort(key=lambda item: item[1]["requestUri"].count("{"))
    return [
        (
            http["method"],
            re.compile(
                re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(urlsplit(http["requestUri"]).path))
            ),
            name,
        )
        for name, http in https
    ]
