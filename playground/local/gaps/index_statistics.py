"""GetStatistics: how many things a query of the fleet index finds, and figures of one of their
fields.

AWS counts the things that have the field; of one with numbers it tells least, most, sum, mean,
variance, standard deviation and sum of squares as well. The field is `registry.version` unless told
otherwise.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_GetStatistics.html and
https://docs.aws.amazon.com/iot/latest/developerguide/index-aggregate.html

Emulator: answers `Unsupported IoT path`; its search finds the things.
"""

import json
import statistics
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region, json_response
from ministack.services import iot

PATH = "/indices/statistics"
VERSION = "registry.version"


def fill() -> None:
    """Answer it from what the search finds."""
    route = iot._route_request

    async def routed(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if method == "POST" and path == PATH:
            return _statistics(iot._parse_body(body))
        return await route(method, path, headers, body, query)

    iot._route_request = routed


def _statistics(asked: dict[str, Any]) -> Any:
    names: list[str] = []
    for status, headers, body in _pages(asked):
        if status != 200:
            return status, headers, body
        names += [thing["thingName"] for thing in json.loads(body)["things"]]
    field = asked.get("aggregationField", VERSION)
    found = [value for value in (_value(name, field) for name in names) if value is not None]
    numbers = [
        float(value)
        for value in found
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return json_response(
        {"statistics": {"count": len(found), **(_figures(numbers) if numbers else {})}}
    )


def _pages(asked: dict[str, Any]) -> Iterator[tuple[int, dict[str, str], bytes]]:
    names = ("indexName", "queryString")
    question: dict[str, Any] = {name: asked[name] for name in names if name in asked}
    while True:
        answer = iot._search_index(question)
        yield answer
        token = json.loads(answer[2]).get("nextToken")
        if answer[0] != 200 or token is None:
            return
        question["nextToken"] = token


def _value(name: str, field: str) -> Any:
    thing = iot._things.get(name) or {}
    if field == VERSION:
        return thing.get("version")
    connectivity = iot._thing_connectivity(get_account_id(), get_region(), name)
    return iot._search_field_value(thing, field, iot._classic_shadow_state(name), connectivity)


def _figures(numbers: list[float]) -> dict[str, float]:
    return {
        "average": statistics.fmean(numbers),
        "sum": sum(numbers),
        "minimum": min(numbers),
        "maximum": max(numbers),
        "sumOfSquares": sum(number * number for number in numbers),
        "variance": statistics.pvariance(numbers),
        "stdDeviation": statistics.pstdev(numbers),
    }
