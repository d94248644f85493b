"""Plots as SVG text: lines on logarithmic axes, and bars. No script, no font, no file from outside."""

import html
import math

COLORS = {"floor": "#6b7280", "uvws": "#d1242f", "lua": "#f08c00", "lws": "#2f6fde", "beast": "#0f8a5f",
          "websocketpp": "#8250df", "ws": "#0891b2", "bun": "#a16207", "websockets": "#be4bdb"}
WIDTH, HEIGHT = 560, 330
LEFT, RIGHT, TOP, BOTTOM = 62, 128, 14, 42


def color(name):
    return COLORS.get(name, "#444444")


def size_text(number):
    for unit, text in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= unit and number % unit == 0:
            return f"{number // unit} {text}"
    return f"{number:,}"


def time_text(ns):
    for unit, text in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if ns >= unit:
            return f"{ns / unit:.3g} {text}"
    return f"{ns:.3g} ns"


class LogAxis:
    def __init__(self, values, begin, end):
        low, high = math.log10(min(values)), math.log10(max(values))
        if high - low < 0.5:
            low, high = low - 0.3, high + 0.3
        self.low, self.high, self.begin, self.end = low, high, begin, end

    def at(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def decades(self):
        return [10 ** n for n in range(math.ceil(self.low), math.floor(self.high) + 1)]


def spread(labels, gap=13):
    """Labels at the ends of lines, moved apart: [(y, ...)] -> the same, sorted, at least `gap` apart."""
    placed = []
    for y, *rest in sorted(labels):
        if placed and y < placed[-1][0] + gap:
            y = placed[-1][0] + gap
        placed.append((y, *rest))
    over = placed[-1][0] - (HEIGHT - BOTTOM) if placed else 0
    return [(y - over, *rest) for y, *rest in placed] if over > 0 else placed


def lines(series, labels, x_title, x_text=size_text, y_text=time_text):
    """series: {name: [(x, y), ...]}, x and y above 0."""
    series = {name: points for name, points in series.items() if points}
    if not series:
        return ""
    all_x = sorted({x for points in series.values() for x, _ in points})
    all_y = [y for points in series.values() for _, y in points]
    x_axis = LogAxis(all_x, LEFT, WIDTH - RIGHT)
    y_axis = LogAxis(all_y, HEIGHT - BOTTOM, TOP)
    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(x_title)}">']
    for y in y_axis.decades():
        at = y_axis.at(y)
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
                   f'<text class="tick" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{y_text(y)}</text>')
    for x in all_x:
        out.append(f'<text class="tick" x="{x_axis.at(x):.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">'
                   f'{x_text(x)}</text>')
    out.append(f'<text class="tick" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
               f'{html.escape(x_title)}</text>')
    ends = []
    for name, points in series.items():
        path = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in points)
        style = 'stroke-dasharray="5 4"' if name == "floor" else ""
        width = 3 if name in ("uvws", "lua") else 1.7
        out.append(f'<polyline fill="none" stroke="{color(name)}" stroke-width="{width}" {style} points="{path}"/>')
        out += [f'<circle cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}" r="3" fill="{color(name)}">'
                f'<title>{html.escape(labels[name])}, {x_text(x)}: {y_text(y)}</title></circle>' for x, y in points]
        ends.append((y_axis.at(points[-1][1]), x_axis.at(points[-1][0]), name))
    for y, x, name in spread(ends):
        out.append(f'<text class="end" x="{x + 9:.1f}" y="{y + 4:.1f}" fill="{color(name)}">'
                   f'{html.escape(labels[name])}</text>')
    return "".join(out) + "</svg>"


def bars(values, labels, text):
    """values: {name: number}; the least on top."""
    if not values:
        return ""
    left, right, row = 128, 88, 25
    height = row * len(values) + 6
    most = max(values.values()) or 1
    out = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img">']
    for i, (name, value) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        width = max(1, value / most * (WIDTH - left - right))
        y = i * row + 4
        out.append(f'<text class="tick" x="{left - 8}" y="{y + 14}" text-anchor="end">{html.escape(labels[name])}'
                   f'</text><rect x="{left}" y="{y}" width="{width:.1f}" height="{row - 8}" rx="2" '
                   f'fill="{color(name)}"/><text class="tick" x="{left + width + 6:.1f}" y="{y + 14}">{text(value)}'
                   '</text>')
    return "".join(out) + "</svg>"
