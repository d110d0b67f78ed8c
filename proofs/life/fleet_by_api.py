"""What the HTTP API does with fleets: a fleet of one device is made, looked at and removed."""

from proofs.life.by_api import ask, followed
from proofs.life.life import Life
from proofs.life.of_a_fleet import fleet_name


def fleet_by_api(life: Life) -> None:
    """By the workflows that the API starts, from the request to the end."""
    name = fleet_name(life)
    file = {"name": name, "groups": [{"name": "lamp", "count": 1, "deviceType": "bulb"}]}
    followed(life, ask(life, "POST /v1/fleets", file))
    listed = ask(life, "GET /v1/fleets")["fleets"]
    life.expect("ControlPlane", "the fleet is listed", name in [one["name"] for one in listed])
    shown = ask(life, "GET /v1/fleets/{fleetName}", fleetName=name)
    life.expect("ControlPlane", "its groups are shown", bool(shown["groups"]))
    followed(life, ask(life, "DELETE /v1/fleets/{fleetName}", fleetName=name))


def forget_fleets_device(life: Life) -> None:
    """Remove it, whatever became of it."""
    name = f"{fleet_name(life)}-lamp-0001"
    if life.cloud.row(name):
        ended = life.cloud.deprovision(name)
        assert ended.status == "SUCCEEDED", ended
