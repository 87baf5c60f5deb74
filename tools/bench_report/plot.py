"""
The plot: what a crossing costs among many domains, what a grant costs by size, beside the peers.

One SVG with two charts on logarithmic axes, and its own colours for light and dark surroundings.
"""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 980, 470
CHART_WIDTH, CHART_HEIGHT = 370, 290
TOP, LEFTS = 92, (76, 566)

DOMAINS = (10, 100, 1000, 10000)
SIZES = (("4k", "4 KiB", 1), ("64k", "64 KiB", 16), ("2m", "2 MiB", 512), ("32m", "32 MiB", 8192),
         ("1g", "1 GiB", 262144))

STYLE = """
  .paper { fill: #fcfcfb } .ink { fill: #1f1f1d } .soft { fill: #5d5d58 }
  .grid { stroke: #e3e2dc; stroke-width: 1 } .axis { stroke: #a3a29a; stroke-width: 1 }
  text { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; font-size: 12px }
  .title { font-size: 15px; font-weight: 600 } .value { font-weight: 600 }
  .line { fill: none; stroke-width: 2 } .peer { stroke-dasharray: 5 4 }
  .s1 { stroke: #2a78d6 } .f1 { fill: #2a78d6 } .s2 { stroke: #0f8a63 } .f2 { fill: #0f8a63 }
  .s3 { stroke: #b4540a } .f3 { fill: #b4540a } .s4 { stroke: #7a4cc2 } .f4 { fill: #7a4cc2 }
  .mark { stroke: #fcfcfb; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #1a1a19 } .ink { fill: #efeeea } .soft { fill: #b3b2aa }
    .grid { stroke: #33332f } .axis { stroke: #6d6c66 } .mark { stroke: #1a1a19 }
    .s1 { stroke: #5a9cec } .f1 { fill: #5a9cec } .s2 { stroke: #3fbf92 } .f2 { fill: #3fbf92 }
    .s3 { stroke: #ec8f4c } .f3 { fill: #ec8f4c } .s4 { stroke: #b08cf0 } .f4 { fill: #b08cf0 }
  }
"""


class Chart:
    """One pair of logarithmic axes; points come in the data's own numbers."""

    def __init__(self, left, title, unit, x_range, y_range):
        self.left, self.x_range, self.y_range = left, x_range, y_range
        self.parts = [label(left, TOP - 44, title, "title ink"),
                      label(left, TOP - 26, unit, "soft")]

    def x(self, value):
        low, high = (math.log(end) for end in self.x_range)
        return self.left + CHART_WIDTH * (math.log(value) - low) / (high - low)

    def y(self, value):
        low, high = (math.log(end) for end in self.y_range)
        return TOP + CHART_HEIGHT * (1 - (math.log(value) - low) / (high - low))

    def y_axis(self):
        value = 10 ** math.ceil(math.log10(self.y_range[0]))
        while value <= self.y_range[1]:
            y = self.y(value)
            self.parts.append(f'<line class="grid" x1="{self.left}" x2="{self.left + CHART_WIDTH}" '
                              f'y1="{y:.1f}" y2="{y:.1f}"/>')
            self.parts.append(label(self.left - 8, y + 4, short(value), "soft", "end"))
            value *= 10

    def x_axis(self, ticks, title):
        bottom = TOP + CHART_HEIGHT
        self.parts.append(f'<line class="axis" x1="{self.left}" x2="{self.left + CHART_WIDTH}" '
                          f'y1="{bottom}" y2="{bottom}"/>')
        for value, text in ticks:
            x = self.x(value)
            self.parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" '
                              f'y2="{bottom + 5}"/>')
            self.parts.append(label(x, bottom + 20, text, "soft", "middle"))
        self.parts.append(label(self.left + CHART_WIDTH / 2, bottom + 42, title, "soft", "middle"))

    def line(self, points, colour, is_peer=False):
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        kind = f"line s{colour}" + (" peer" if is_peer else "")
        self.parts.append(f'<polyline class="{kind}" points="{path}"/>')

    def marks(self, points, colour, above=None):
        """Round marks; `above`: their values stand over them (True) or under them (False)."""
        for x, y in points:
            self.parts.append(f'<circle class="mark f{colour}" cx="{self.x(x):.1f}" '
                              f'cy="{self.y(y):.1f}" r="4.5"/>')
            if above is not None:
                shift = -10 if above else 20
                self.parts.append(label(self.x(x), self.y(y) + shift, f"{y:,}",
                                        f"value f{colour}", "middle"))

    def note(self, x, y, text, colour, anchor="start"):
        self.parts.append(label(x, y, text, f"f{colour}", anchor))


def label(x, y, text, kind, anchor="start"):
    return (f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f'{escape(text)}</text>')


def short(value):
    for size, unit in ((10 ** 9, "G"), (10 ** 6, "M"), (10 ** 3, "k")):
        if value >= size:
            return f"{value // size:,.0f} {unit}"
    return f"{value:,.0f}"


def crossing_chart(rows):
    chart = Chart(LEFTS[0], "Portal call and return, by number of live domains",
                  "guest instructions, user and kernel together", (7, 14000), (40, 40000))
    chart.y_axis()
    chart.x_axis([(count, f"{count:,}") for count in DOMAINS],
                 "live domains, beside the system's own")
    ends = chart.x_range
    sel4, pipe = rows["portal_cross_0w"]["sel4"], rows["portal_cross_0w"]["linux"]
    right = chart.left + CHART_WIDTH
    chart.line([(ends[0], pipe), (ends[1], pipe)], 3, True)
    chart.note(right, chart.y(pipe) - 8, f"Linux, a byte by pipe and back: {pipe:,} (2 processes)",
               3, "end")
    chart.line([(ends[0], sel4), (ends[1], sel4)], 4, True)
    chart.note(right, chart.y(sel4) - 8,
               f"seL4, Call and ReplyRecv: {sel4:,} (2 address spaces)", 4, "end")
    own = [(count, rows[f"portal_domains_{count}"]["instructions"]) for count in DOMAINS]
    chart.line(own, 1)
    chart.marks(own, 1, False)
    return chart.parts


def grant_chart(rows):
    chart = Chart(LEFTS[1], "Granting and revoking a segment, by size",
                  "guest instructions, user and kernel together", (0.5, 600000), (10, 10 ** 9))
    chart.y_axis()
    chart.x_axis([(pages, text) for _, text, pages in SIZES], "size of the segment")
    sel4 = rows["segment_grant_4k"]["sel4"]
    chart.line([(pages, sel4 * pages) for _, _, pages in SIZES], 4, True)
    chart.marks([(1, sel4)], 4)
    chart.note(chart.x(1), TOP + 58, "seL4, mapping page by page:", 4)
    chart.note(chart.x(1), TOP + 75, f"{sel4} measured for one, times the pages", 4)
    for row, colour, above in (("revoke", 2, False), ("grant", 1, True)):
        own = [(pages, rows[f"segment_{row}_{name}"]["instructions"]) for name, _, pages in SIZES]
        chart.line(own, colour)
        chart.marks(own, colour)
        values = [value for _, value in own]
        chart.note(chart.left + CHART_WIDTH, TOP + CHART_HEIGHT - (27 if above else 10),
                   f"{row}: {min(values):,} to {max(values):,}", colour, "end")
    return chart.parts


def legend():
    parts, x, y = [], LEFTS[0], HEIGHT - 18
    for text, colour, is_peer in (("Rotunda: call, grant", 1, False),
                                  ("Rotunda: revoke", 2, False), ("seL4", 4, True),
                                  ("Linux", 3, True)):
        kind = f"line s{colour}" + (" peer" if is_peer else "")
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x + 26}" y1="{y - 4}" y2="{y - 4}"/>')
        parts.append(label(x + 33, y, text, "ink"))
        x += 62 + 7 * len(text)
    return parts


def needed():
    """The rows that the plot shows."""
    return (["portal_cross_0w"] + [f"portal_domains_{count}" for count in DOMAINS]
            + [f"segment_{row}_{name}" for row in ("grant", "revoke") for name, _, _ in SIZES])


def svg(rows):
    """`rows`: those of bench.json by id, with figures for all that are needed()."""
    parts = crossing_chart(rows) + grant_chart(rows) + legend()
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img" '
            'aria-label="Crossing cost by number of domains; grant and revoke cost by size">\n'
            f"<style>{STYLE}</style>\n"
            f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="8"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
