"""What devices write gives no orders to the terminal that shows it."""

import io
import json

import pytest
from rich.table import Table
from rich.text import Text

from playground.messages.packets import Packet
from playground.messages.watch import Message
from playground.show import views
from playground.show.messages import message_text, packet_text
from playground.show.output import Output

CLIPBOARD, CLEAR, EIGHT_BIT, TURNED = "\x1b]52;c;ZXZpbA==\x07", "\x1b[2J", "\x9b2J", "\u202etxt.exe"
EVIL = f"a{CLIPBOARD}b{CLEAR}c{EIGHT_BIT}d{TURNED}\re"
ORDERS = ("\x1b", "\x07", "\x9b", "\u202e", "\r")


def shown(what: object) -> str:
    """What a terminal without colours gets."""
    file = io.StringIO()
    views.Terminal(file=file, soft_wrap=True, highlight=False).print(what)
    return file.getvalue()


TABLE = Table("key")
TABLE.add_row(Text(EVIL))


@pytest.mark.parametrize(
    "what",
    [
        message_text(Message(f"dt/{EVIL}", EVIL)),
        packet_text(
            Packet(
                f"dt/{EVIL}", EVIL.encode(), 1, content_type=EVIL, user_properties=((EVIL, EVIL),)
            )
        ),
        views.anything({"reason": EVIL}),
        TABLE,
        EVIL,
    ],
)
def test_a_terminal_takes_no_orders_from_a_device(what: object) -> None:
    text = shown(what)
    assert not [order for order in ORDERS if order in text], text
    assert "␛[2J" in text


def test_colours_stay() -> None:
    file = io.StringIO()
    views.Terminal(file=file, force_terminal=True, color_system="standard").print(
        Text("x", style="red")
    )
    assert file.getvalue() == "\x1b[31mx\x1b[0m\n"


def test_json_stays_the_same_json(capsys: pytest.CaptureFixture[str]) -> None:
    Output("json").show({EVIL: [EVIL, "é\tü\n"]})
    text = capsys.readouterr().out
    assert not [order for order in ORDERS if order in text]
    assert json.loads(text) == {EVIL: [EVIL, "é\tü\n"]}
    assert "é" in text


def test_text_keeps_its_tabs_and_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Output("text").show({"a": EVIL, "b": "2"})
    text = capsys.readouterr().out
    assert not [order for order in ORDERS if order in text]
    assert text.count("\t") == 1
    assert text.endswith("e\t2\n")
