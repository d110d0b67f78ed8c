"""What functions that have to do with hosts are made of, from the environment that the template
gives them.
"""

from typing import TYPE_CHECKING

from common.clients import CONFIG
from common.environment import Environment
from hosting.board import Board, Queue
from hosting.device_tasks import DeviceTasks
from hosting.seats import Seats

if TYPE_CHECKING:
    from boto3 import Session


def seats(environment: Environment, session: "Session") -> Seats:
    """The table of hosts."""
    name = environment.required("HOSTS_TABLE")
    return Seats(session.resource("dynamodb", config=CONFIG).Table(name))


def board(environment: Environment, session: "Session") -> Board:
    """The table, and the queue of who is to be told."""
    queue = environment.required("HOSTS_QUEUE_URL")
    sqs: Queue = session.client("sqs", config=CONFIG)
    return Board(seats(environment, session), sqs, queue)


def device_tasks(environment: Environment, session: "Session") -> DeviceTasks:
    """What devices run in."""
    return DeviceTasks(
        session.client("ecs", config=CONFIG),
        environment.required("CLUSTER_ARN"),
        board(environment, session),
    )
