"""The commands that answer "why?": `why` and `explain`."""

from enum import StrEnum
from typing import Annotated

import typer

from playground.devices.explaining import Explainer
from playground.errors import UsageError
from playground.line.context import Name, context
from playground.show.views import note
from playground.show.why import decision_text, policy_text, timeline_text, why_text

app = typer.Typer()

MOST_OF_TIMELINE = 100


class Verb(StrEnum):
    """What MQTT lets a client do."""

    CONNECT = "connect"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    RECEIVE = "receive"


@app.command()
def why(
    ctx: typer.Context,
    name: Name,
    timeline: Annotated[  # noqa: FBT002
        bool, typer.Option("--timeline", "-t", help="Show what happened, too, the newest last.")
    ] = False,
) -> None:
    """Say what is wrong with a device, why, and what to do."""
    given = context(ctx)
    explainer = Explainer(given.home())
    found = explainer.why(name)
    data = found.as_dict()
    text = why_text(data)
    if timeline:
        page = explainer.timeline(name, MOST_OF_TIMELINE).as_dict()
        data["timeline"] = page["entries"]
        text.append("\n\n")
        text.append_text(timeline_text(page["entries"]))
    given.output.show(data, text)


@app.command()
def explain(
    ctx: typer.Context,
    name: Name,
    action: Annotated[
        Verb | None, typer.Argument(help="What the device would do.", show_default=False)
    ] = None,
    resource: Annotated[
        str | None,
        typer.Argument(
            metavar="TOPIC", help="A topic; for subscribe a filter, for connect a client id."
        ),
    ] = None,
    observed: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--observed", help="The least policy that what the device did needs."),
    ] = False,
) -> None:
    """Say what a device's policies allow: which statement decides, or which comes nearest."""
    if observed == (action is not None) or (action is None) != (resource is None):
        raise UsageError("Give an action and a topic, or --observed alone.")
    given = context(ctx)
    explainer = Explainer(given.home())
    if action is None or resource is None:
        document = explainer.observed(name)
        note("What the device was not seen to do is not in it.")
        given.output.show(document, policy_text(document))
        return
    found = explainer.explain(name, action.value, resource)
    given.output.show(found, decision_text(found))
    if found["service"] not in (None, found["decision"]):
        note(f"AWS IoT itself (TestAuthorization) says {found['service']}.")
