"""A report as one HTML file with pictures. It opens without a server, and asks nobody for anything.

leather is loaded where it draws: only this page needs it.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  color: #16191f; background: #fff; }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .25rem .75rem; border-bottom: 1px solid #d5dbdb; }
figure { margin: 2rem 0; } figcaption { font-weight: bold; }
"""
WIDTH, HEIGHT = 1000, 300
COLOUR = "#0972d3"

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Nothing is loaded, and no script runs."""


def page(
    report: Mapping[str, Any],
    fields: Mapping[str, str],
    columns: Sequence[str],
    stages: Sequence[Sequence[str]],
) -> str:
    """The page. `fields` stand above, `stages` are the rows of the table."""
    name = escape(str(report["fleet"]))
    head = "".join(
        f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in fields.items()
    )
    heading = "".join(f"<th>{escape(column.lower())}</th>" for column in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in stage) + "</tr>" for stage in stages
    )
    pictures = "".join(
        f"<figure><figcaption>{escape(told)}</figcaption>{svg}</figure>"
        for told, svg in _pictures(report)
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>Fleet {name}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>Fleet {name}</h1>\n<table>{head}</table>\n"
        f"<h2>Stages</h2><p>Three figures are p50, p95 and p99, in seconds.</p>"
        f'<div class="wide"><table><tr>{heading}</tr>{rows}</table></div>\n'
        f"{pictures}</body></html>\n"
    )


def _pictures(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    series = report["series"]
    if len(series) > 1:
        yield "Devices online", _line([(one["at"], one["online"]) for one in series])
        yield "Messages a second", _line(list(_rates(series)))
        yield "Changes that wait for an answer", _line([(p["at"], p["pending"]) for p in series])
    for told, of in (("Changes answered in", "changes"), ("Reconnects done in", "reconnects")):
        figures = {
            stage["name"]: stage[of]["seconds"]["p95"]
            for stage in report["stages"]
            if stage[of]["seconds"]
        }
        if figures:
            yield f"{told} so many seconds by 95 %", _columns(figures)


def _rates(series: Sequence[Mapping[str, float]]) -> Iterator[tuple[float, float]]:
    for before, after in pairwise(series):
        took = after["at"] - before["at"]
        yield after["at"], (after["heard"] - before["heard"]) / took if took else 0.0


def _line(points: Sequence[tuple[float, float]]) -> str:
    from leather import Chart  # noqa: PLC0415 - see above

    chart = Chart()
    chart.add_line(points, stroke_color=COLOUR)
    chart.add_x_axis(name="seconds")
    chart.add_y_scale(0, max(1, *(value for _, value in points)))
    return _svg(chart)


def _columns(values: Mapping[str, float]) -> str:
    from leather import Chart  # noqa: PLC0415 - see above

    chart = Chart()
    chart.add_columns(list(values.items()), fill_color=COLOUR)
    return _svg(chart)


def _svg(chart: Any) -> str:
    return str(chart.to_svg(width=WIDTH, height=HEIGHT))
