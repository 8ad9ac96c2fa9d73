# SPDX-License-Identifier: MIT
"""Charts as SVG, by hand: bars() compares the two kernels, lines() shows how a cost grows. Both
have logarithmic axes where figures span decades, and colours for a light and a dark page."""
import math
from html import escape

STYLE = """<style>
 svg { background: #fff; font: 12px sans-serif }
 text { fill: #222 } .dim { fill: #666 } .grid { stroke: #ddd } .axis { stroke: #888 }
 .ours { fill: #0b7a75; stroke: #0b7a75 } .linux { fill: #c8843c; stroke: #c8843c }
 .goal { stroke: #b00020; stroke-width: 2 } .line { fill: none; stroke-width: 2 }
 @media (prefers-color-scheme: dark) {
  svg { background: #16181c } text { fill: #e4e4e4 } .dim { fill: #9a9a9a }
  .grid { stroke: #333 } .axis { stroke: #777 } .goal { stroke: #ff6b81 }
  .ours { fill: #35b8b0; stroke: #35b8b0 } .linux { fill: #d99a57; stroke: #d99a57 }
 }
</style>"""
LEGEND = (("ours", "Faultline"), ("linux", "Linux"))


def number(value):
    """12345.6 -> 12,346; 12.34 -> 12.3."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


class Canvas:
    """Collects the elements of one picture."""

    def __init__(self, width, height, title, subtitle):
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                      f'width="{width}" height="{height}" role="img">', STYLE,
                      f"<title>{escape(title)}</title>"]
        self.text(16, 24, title, size=16)
        self.text(16, 42, subtitle, "dim")

    def text(self, x, y, words, css="", anchor="start", size=12):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}" '
                          f'style="font-size:{size}px">{escape(str(words))}</text>')

    def line(self, x1, y1, x2, y2, css):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'class="{css}"/>')

    def rect(self, x, y, width, height, css):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" '
                          f'height="{height:.1f}" class="{css}"/>')

    def legend(self, x, y, goal=False):
        for css, name in LEGEND:
            self.rect(x, y - 9, 10, 10, css)
            self.text(x + 15, y, name)
            x += 95
        if goal:
            self.line(x + 5, y - 10, x + 5, y + 2, "goal")
            self.text(x + 12, y, "to reach")

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>\n"]))


def bars(path, title, axis, rows):
    """rows of (label, ours, Linux's or None, goal or None): two bars each, on a log scale."""
    left, right, top, step = 230, 900, 78, 36
    values = [v for row in rows for v in row[1:] if v and v > 0]
    low, high = math.floor(math.log10(min(values))), math.log10(max(values)) + 0.1
    place = lambda v: left + (right - left) * (math.log10(max(v, 10 ** low)) - low) / (high - low)
    bottom = top + step * len(rows)
    canvas = Canvas(right + 90, bottom + 50, title, "shorter is better; logarithmic scale")
    canvas.legend(left, 64, any(row[3] for row in rows))
    for decade in range(low, math.floor(high) + 1):
        canvas.line(place(10 ** decade), top, place(10 ** decade), bottom, "grid")
        canvas.text(place(10 ** decade), bottom + 16, number(10 ** decade), "dim", "middle")
    canvas.line(left, top, left, bottom, "axis")
    canvas.text((left + right) / 2, bottom + 38, axis, anchor="middle")
    for index, (label, ours, other, goal) in enumerate(rows):
        y = top + step * index + 4
        canvas.text(left - 8, y + 18, label, anchor="end")
        for offset, css, value in ((0, "ours", ours), (14, "linux", other)):
            if value is not None:
                canvas.rect(left, y + offset, place(value) - left, 12, css)
                beside = place(max(value, goal or 0) if css == "ours" else value)
                canvas.text(beside + 5, y + offset + 10, number(value), "dim", size=11)
        if goal:
            canvas.line(place(goal), y - 2, place(goal), y + 14, "goal")
    canvas.save(path)


def _step(high):
    """A round distance between grid lines, about four of them up to high."""
    power = 10 ** math.floor(math.log10(high / 4))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * 4 >= high)


def _panel(canvas, left, top, panel):
    """One set of axes, 300 by 220: x logarithmic, y from zero."""
    title, x_axis, ticks, series = panel
    width, height = 300, 220
    step = _step(max((y for _, points in series for _, y in points), default=4) or 4)
    first, last = math.log10(ticks[0][0]), math.log10(ticks[-1][0])
    place_x = lambda x: left + width * (math.log10(x) - first) / ((last - first) or 1)
    place_y = lambda y: top + height * (1 - y / (4 * step))
    canvas.text(left, top - 10, title, size=13)
    for part in range(5):
        canvas.line(left, place_y(part * step), left + width, place_y(part * step), "grid")
        canvas.text(left - 6, place_y(part * step) + 4, number(part * step), "dim", "end", 11)
    for x, label in ticks:
        canvas.text(place_x(x), top + height + 15, label, "dim", "middle", 11)
    canvas.text(left + width / 2, top + height + 34, x_axis, anchor="middle")
    for css, points in series:
        path = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in points)
        canvas.parts.append(f'<polyline points="{path}" class="{css} line" style="fill:none"/>')
        for x, y in points:
            canvas.parts.append(f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3" '
                                f'class="{css}"/>')


def lines(path, title, panels):
    """panels of (title, x axis, [(x, its label)], [(css class, [(x, y)])]), five in a row."""
    across = 5
    canvas = Canvas(60 + 390 * across, 90 + 310 * math.ceil(len(panels) / across), title,
                    "flat is better; the vertical axes begin at zero")
    canvas.legend(16, 62)
    for index, panel in enumerate(panels):
        _panel(canvas, 80 + 390 * (index % across), 110 + 310 * (index // across), panel)
    canvas.save(path)
