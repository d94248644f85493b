"""What was measured, for a terminal and as one HTML page that needs nothing else."""

import html

from . import plots
from .scenarios import BY_NAME, SIZES, goal, goal_tls

TITLES = {"ws": "plain", "wss": "TLS 1.3"}


def value(cell, name, key="ns"):
    return cell.get(name, {}).get(key)


def cell_text(cell):
    parts = []
    for name, row in cell.items():
        if "error" in row:
            parts.append(f"{name} failed ({row['error'].splitlines()[-1][:60]})")
        else:
            ratio = f" ({row['ratio']:.2f})" if "ratio" in row and name != "floor" else ""
            parts.append(f"{name} {plots.time_text(row['ns'])}{ratio}")
    return ", ".join(parts)


def crowd_text(rows):
    return "\n".join(f"{row['connections']} connections: " + (row.get("error") or
                     f"{plots.time_text(row['ns'])} a message; messages of a connection: {row['least']} to {row['most']}")
                     for row in rows)


def latency_text(rows):
    lines = []
    for row in rows:
        if "error" in row:
            lines.append(f"{row['scheme']}: {row['error']}")
            continue
        latency = row["latency_ns"]
        lines.append(f"{row['scheme']}, {row['how']}: " + ", ".join(
            f"{key} {plots.time_text(latency[key])}" for key in ("p50", "p90", "p99", "p99.9", "max")))
    return "\n".join(lines)


def idle_text(scheme, table):
    lines = [f"{scheme}, {table['connections']} connections:"]
    for name, row in table["clients"].items():
        lines.append(f"  {name:12} " + (row["error"][:80] if "error" in row else
                     f"{row['cpu_us']:8.0f} µs each, {row['bytes']:9.0f} B each, {row['per_second']:7.0f} a second"))
    return "\n".join(lines)


def find(result, scheme, scenario, size):
    for row in result.get("messages", []):
        if (row["scheme"], row["scenario"], row["size"]) == (scheme, scenario, size):
            return row["clients"]
    return {}


def goal_ns(result, scheme, scenario, size):
    """What uvws may take at most in this cell; None: no goal."""
    floor = value(find(result, "ws", scenario, size), "floor")
    if scheme == "wss":
        return goal_tls(scenario, size, floor, value(find(result, "wss", scenario, size), "floor"))
    wanted = goal(scenario, size)
    if isinstance(wanted, float):
        return wanted * floor if floor else None
    return wanted


def goal_is_of_floor(scheme, scenario, size):
    return scheme == "wss" or isinstance(goal(scenario, size), float)


def rows_of(result):
    """(scheme, scenario, sizes) in the order they were measured."""
    groups = {}
    for row in result.get("messages", []):
        groups.setdefault((row["scheme"], row["scenario"]), []).append(row["size"])
    return [(scheme, scenario, sizes) for (scheme, scenario), sizes in groups.items()]


def number_text(ns):
    return f"{ns:,.0f}" if ns >= 100 else f"{ns:.1f}"


NOISE = 1.06  # two numbers that differ by less are the same: instruction counts decide


def judge(result, scheme, scenario, size):
    """"met", "near" (missed by less than the noise), "missed" or "". Where the goal comes from the floor the rounds'
    own ratios are judged, which are steadier than the times."""
    wanted = goal_ns(result, scheme, scenario, size)
    cell = find(result, scheme, scenario, size)
    got = value(cell, "uvws")
    if wanted is None or got is None:
        return ""
    share = got / wanted
    if goal_is_of_floor(scheme, scenario, size) and value(cell, "uvws", "ratio"):
        share = value(cell, "uvws", "ratio") / (wanted / value(cell, "floor"))
    return "met" if share <= 1 else "near" if share <= NOISE else "missed"


def text(result):
    lines = ["", "CPU ns per message (ratio to the floor)"]
    for scheme, scenario, sizes in rows_of(result):
        lines.append(f"\n{BY_NAME[scenario].label}, {TITLES[scheme]}")
        lines.append(f"{'':20}" + "".join(f"{plots.size_text(size):>20}" for size in sizes))
        for name, label in result["labels"].items():
            cells = []
            for size in sizes:
                row = find(result, scheme, scenario, size).get(name, {})
                cells.append(f"{number_text(row['ns'])} ({row.get('ratio', 0):.2f})" if "ns" in row else "-")
            if any(cell != "-" for cell in cells):
                lines.append(f"{label:20}" + "".join(f"{cell:>20}" for cell in cells))
        verdicts = [judge(result, scheme, scenario, size) for size in sizes]
        if any(verdicts):
            lines.append(f"{'goal of uvws':20}" + "".join(f"{word:>20}" for word in verdicts))
    return "\n".join(lines)


STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1220px;padding:24px;color:#1f2328;background:#fff}
h1{font-size:26px;margin:0}h2{font-size:19px;margin:36px 0 8px}h3{font-size:15px;margin:16px 0 4px}
p.note{color:#59636e;margin:4px 0 12px;max-width:80ch}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(480px,1fr));gap:12px 28px}
svg{width:100%;height:auto}.tick{font-size:11px;fill:#59636e}.end{font-size:11px;font-weight:600}
.grid{stroke:#d8dee4;stroke-width:1}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px;margin:4px 0 12px}
th,td{padding:3px 10px;text-align:right;border-bottom:1px solid #d8dee4;white-space:nowrap}
th:first-child,td:first-child{text-align:left}tr.ours td{font-weight:600;background:#fff1f1}
td small{color:#59636e;font-weight:400}.met,.near{color:#0f8a5f}.missed{color:#d1242f}
.wide{overflow-x:auto}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}p.note,.tick,td small{color:#9198a1;fill:#9198a1}
.grid{stroke:#30363d}th,td{border-color:#30363d}tr.ours td{background:#2d1a1d}}
"""


def table(head, rows):
    """rows: [(class, [cells])], cells as HTML."""
    out = ['<div class="wide"><table><tr>' + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    out += [f'<tr class="{kind}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for kind, cells in rows]
    return "".join(out) + "</table></div>"


def ours(name):
    return "ours" if name in ("uvws", "uvws-whole", "lua") else ""


def scenario_table(result, scheme, scenario, sizes):
    rows = []
    for name, label in result["labels"].items():
        cells = []
        for size in sizes:
            row = find(result, scheme, scenario, size).get(name, {})
            ratio = f" <small>×{row['ratio']:.2f}</small>" if "ratio" in row and name != "floor" else ""
            cells.append(number_text(row["ns"]) + ratio if "ns" in row else "–")
        if any(cell != "–" for cell in cells):
            rows.append((ours(name), [html.escape(label), *cells]))
    verdicts = [judge(result, scheme, scenario, size) for size in sizes]
    if any(verdicts):
        rows.append(("", ["goal of uvws", *(goal_cell(result, scheme, scenario, size) for size in sizes)]))
    return table(["CPU ns per message", *map(plots.size_text, sizes)], rows)


def goal_cell(result, scheme, scenario, size):
    wanted = goal_ns(result, scheme, scenario, size)
    word = judge(result, scheme, scenario, size)
    return f'{number_text(wanted)} <span class="{word}">{word}</span>' if wanted is not None else ""


def messages_part(result):
    out = []
    for scheme in ("ws", "wss"):
        groups = [(scenario, sizes) for s, scenario, sizes in rows_of(result) if s == scheme]
        if not groups:
            continue
        out.append(f"<h2>CPU per message over its size, {TITLES[scheme]}</h2>"
                   '<p class="note">User and system time of the client process, both axes logarithmic. The dashed '
                   "line is the floor: prepared frames out, bytes in that nobody parses.</p><div class=grid2>")
        for scenario, sizes in groups:
            series = {name: [(size, ns) for size in sizes
                             if (ns := value(find(result, scheme, scenario, size), name))]
                      for name in result["labels"]}
            out.append(f"<div><h3>{html.escape(BY_NAME[scenario].label)}</h3>"
                       + plots.lines(series, result["labels"], "bytes of a message") + "</div>")
        out.append("</div>")
        out += [f"<h3>{html.escape(BY_NAME[scenario].label)}, {TITLES[scheme]}</h3>"
                + scenario_table(result, scheme, scenario, sizes) for scenario, sizes in groups]
    return "".join(out)


def curves_part(result):
    out = []
    if result.get("in_flight"):
        series = {}
        for row in result["in_flight"]:
            for name, cell in row["clients"].items():
                if "ns" in cell:
                    series.setdefault(name, []).append((row["in_flight"], cell["ns"]))
        out.append("<div><h3>echo of 125 B over messages in flight</h3>"
                   + plots.lines(series, result["labels"], "messages in flight", str) + "</div>")
    crowd = [row for row in result.get("crowd", []) if "ns" in row]
    if crowd:
        points = {"uvws": [(row["connections"], row["ns"]) for row in crowd]}
        out.append("<div><h3>echo of 125 B over active connections</h3>"
                   + plots.lines(points, result["labels"], "connections, one message in flight on each",
                                 lambda n: f"{n:,}") + "</div>")
    if not out:
        return ""
    text = "<h2>Cost curves</h2><div class=grid2>" + "".join(out) + "</div>"
    if crowd:
        text += table(["connections", "ns a message", "messages of the slowest", "of the fastest"],
                      [("", [f"{row['connections']:,}", number_text(row["ns"]), row["least"], row["most"]])
                       for row in crowd])
    return text


def idle_part(result):
    out = []
    for scheme, part in result.get("idle", {}).items():
        good = {name: row for name, row in part["clients"].items() if "bytes" in row}
        out.append(f"<h2>Connecting and idling, {TITLES[scheme]}, {part['connections']:,} connections</h2>"
                   "<div class=grid2><div><h3>resident memory of an idle connection</h3>"
                   + plots.bars({name: row["bytes"] for name, row in good.items()}, result["labels"],
                                lambda n: f"{n / 1024:.2f} KiB")
                   + "</div><div><h3>CPU of a connect, handshake included</h3>"
                   + plots.bars({name: row["cpu_us"] for name, row in good.items()}, result["labels"],
                                lambda n: f"{n:,.0f} µs") + "</div></div>")
        out.append(table(["", "bytes a connection", "µs of CPU a connect", "connects a second"],
                         [(ours(name), [html.escape(result["labels"][name]), f"{row['bytes']:,.0f}",
                                        f"{row['cpu_us']:,.0f}", f"{row['per_second']:,.0f}"])
                          for name, row in good.items()]))
    return "".join(out)


def latency_part(result):
    rows = [row for row in result.get("latency", []) if "latency_ns" in row]
    if not rows:
        return ""
    keys = ["p50", "p90", "p99", "p99.9", "p99.99", "max"]
    cells = [("", [f"{row['scheme']}, {html.escape(row['how'])}",
                   *(plots.time_text(row["latency_ns"][key]) for key in keys)]) for row in rows]
    return ("<h2>Latency of an echo, 125 B, one connection</h2><p class=note>By uvws-bench. As fast as answers come, "
            "nothing is sent while the server stalls, so stalls are hardly counted (coordinated omission). On schedule, "
            "latency counts from when a message was due: believe these rows.</p>" + table(["", *keys], cells))


def compression_part(result):
    rows = result.get("compression", [])
    if not rows:
        return ""
    sizes = list(dict.fromkeys(row["size"] for row in rows))
    cells = []
    for label in dict.fromkeys(row["label"] for row in rows):
        found = {row["size"]: value(row["clients"], "uvws") for row in rows if row["label"] == label}
        cells.append(("", [label, *(number_text(found[size]) if found.get(size) else "–" for size in sizes)]))
    return ("<h2>Compression</h2><p class=note>permessage-deflate without context takeover, text that repeats; "
            "messages below the threshold of 1,024 B go out plain.</p>"
            + table(["CPU ns per message", *map(plots.size_text, sizes)], cells))


def memory_part(result):
    most = {}
    for row in result.get("messages", []):
        if row["size"] == max(SIZES) or row["size"] == max(r["size"] for r in result["messages"]):
            for name, cell in row["clients"].items():
                if cell.get("rss_kb"):
                    most[name] = max(most.get(name, 0), cell["rss_kb"])
    if not most:
        return ""
    return ("<h2>Resident memory at most, with the largest messages</h2>"
            + plots.bars(most, result["labels"], lambda kb: f"{kb / 1024:.1f} MiB"))


def page(result):
    machine = result["machine"]
    missing = f" Not installed, left out: {', '.join(result['missing'])}." if result["missing"] else ""
    head = (f"<h1>uvws, measured</h1><p class=note>{html.escape(machine['cpu'])}, Linux {html.escape(machine['kernel'])}, "
            f"{machine.get('cores', '')}; commit {machine['commit']}, {machine['when']}. Medians of {result['rounds']} "
            f"interleaved rounds of about {result['run_ms']} ms of CPU each, one connection unless said otherwise, no "
            f"compression unless said otherwise.{html.escape(missing)}</p>")
    body = "".join(part(result) for part in (messages_part, curves_part, idle_part, memory_part, latency_part,
                                             compression_part))
    return ("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>uvws, measured</title><style>{STYLE}</style><body>{head}{body}</body></html>")
