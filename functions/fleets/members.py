"""The devices of a fleet. Each belongs to it by the execution that made it.

That execution's name is made from the fleet's own execution and the thing's name. So a device that
somebody has removed and made again by hand is theirs, and the fleet leaves it alone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from common.errors import TransientError
from common.identifiers import owner_of
from common.row import Row, is_free
from common.waiting import Patience

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

MOST_KEYS = 100
"""Of a BatchGetItem."""

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
MOST_LETTERS = 80

PATIENCE = Patience(seconds=10, pause=0.2, growth=2.0, longest=2.0)

READ = ("thing_name", "execution_arn", "status", "given_up_at", "created_at")


@dataclass(frozen=True)
class Member:
    """A device's name, and the name of the execution that makes it."""

    thing_name: str
    execution: str

    @property
    def data(self) -> dict[str, str]:
        """As the lists of a fleet have it."""
        return {"thingName": self.thing_name, "execution": self.execution}


def member(thing_name: str, fleet_execution: str) -> Member:
    """The device that this execution of the fleet makes: the same at each call."""
    mark = owner_of(f"{fleet_execution}#{thing_name}")
    readable = thing_name.replace(":", "_")[: MOST_LETTERS - len(mark) - 1]
    return Member(thing_name, f"{readable}-{mark}")


@dataclass(frozen=True)
class Catalog:
    """What the device catalog says of members. `machine` is the ARN of the workflow that makes
    them.
    """

    table: "Table"
    machine: str
    patience: Patience = PATIENCE

    def rows(self, thing_names: Iterable[str]) -> dict[str, Row]:
        """The rows that there are, as they are now, by thing name. Raises TransientError."""
        names = iter(thing_names)
        found: dict[str, Row] = {}
        while some := list(islice(names, MOST_KEYS)):
            found |= self._read(some)
        return found

    def own(self, members: Collection[Member]) -> dict[str, Row]:
        """Of these members the rows of those that are there and the fleet's, by thing name."""
        rows = self.rows(one.thing_name for one in members)
        return {
            one.thing_name: rows[one.thing_name]
            for one in members
            if one.thing_name in rows and self._is_own(one, rows[one.thing_name])
        }

    def arn(self, one: Member) -> str:
        """Of the execution that makes it."""
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{one.execution}"

    def _is_own(self, one: Member, row: Row) -> bool:
        return not is_free(row) and row["execution_arn"] == self.arn(one)

    def _read(self, names: list[str]) -> Mapping[str, Row]:
        asked: Any = {self.table.name: _request(names)}
        found: dict[str, Row] = {}
        for _ in self.patience.tries():
            answer = self.table.meta.client.batch_get_item(RequestItems=asked)
            found |= {str(row["thing_name"]): row for row in answer["Responses"][self.table.name]}
            asked = answer["UnprocessedKeys"]
            if not asked:
                return found
        raise TransientError("DynamoDB leaves rows of the catalog unread")


def _request(names: list[str]) -> Mapping[str, Any]:
    return {
        "Keys": [{"thing_name": name} for name in names],
        "ConsistentRead": True,
        "ProjectionExpression": ", ".join(f"#{name}" for name in READ),
        "ExpressionAttributeNames": {f"#{name}": name for name in READ},
    }


def from_data(found: Iterable[Mapping[str, str]]) -> Iterator[Member]:
    """Members as a list of a fleet has them."""
    return (Member(one["thingName"], one["execution"]) for one in found)
