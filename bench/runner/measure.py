"""Rounds: every client once, in turns, until there are enough; then medians.

A client's first run in a cell says how long a message takes, so that the others last as long as is
asked for. Ratios to the floor are taken round by round before the median is: what slows the machine
down for a while slows both.
"""

import statistics

FIRST_COUNT = {16: 20000, 125: 20000, 1024: 8000, 16384: 1000, 65536: 300, 1048576: 16}
MOST_MESSAGES = 40_000_000
WARM_SHARE = 0.2  # of the counted messages


class Progress:
    """One line a cell, with what is left."""

    def __init__(self, cells, clock, say):
        self.cells, self.done, self.clock, self.say = cells, 0, clock, say
        self.start = clock()

    def step(self, text):
        self.done += 1
        took = self.clock() - self.start
        left = took / self.done * (self.cells - self.done)
        self.say(f"[{self.done}/{self.cells}, {left / 60:.1f} min left] {text}")


def first_count(scenario, size):
    count = FIRST_COUNT.get(size, max(16, 20_000_000 // size))
    if scenario.mode == "echo" and scenario.in_flight == 1:
        count = min(count, 500)
    return max(count, 4 * scenario.in_flight)


def run_once(world, client, scheme, scenario, size, count):
    warm = max(int(count * WARM_SHARE), 2 * scenario.in_flight, 2)
    uri = world.uri(scheme, scenario.path.format(size=size))
    command = [*client.command, uri, scenario.mode, scenario.kind, size, scenario.in_flight, warm, count]
    return world.run(command, client.environment)


def nanoseconds(result):
    return result["cpu_ns"] / result["messages"]


def calibrated_count(result, scenario, run_ms):
    per_message = max(nanoseconds(result), 0.5)
    return int(min(max(run_ms * 1e6 / per_message, 8, 2 * scenario.in_flight), MOST_MESSAGES))


def measure_cell(world, clients, scheme, scenario, size, rounds, run_ms):
    """{client name: {"ns", "ratio", "spread", "rss_kb"} or {"error"}}."""
    counts, errors, samples = {}, {}, {}
    able = [client for client in clients if scenario.mode in client.modes]
    for client in able:
        result, said = run_once(world, client, scheme, scenario, size, first_count(scenario, size))
        if result is None:
            errors[client.name] = said
        else:
            counts[client.name] = calibrated_count(result, scenario, run_ms)
    for number in range(rounds):
        order = able[number % len(able):] + able[:number % len(able)]
        for client in order:
            if client.name not in counts:
                continue
            result, said = run_once(world, client, scheme, scenario, size, counts[client.name])
            if result is None:
                errors[client.name] = said
                del counts[client.name]
            else:
                samples.setdefault(client.name, {})[number] = result
    cell = {name: {"error": said} for name, said in errors.items()}
    for name, results in samples.items():
        if name not in errors:
            cell[name] = summary(results, samples.get("floor"))
    return cell


def summary(results, floor):
    values = [nanoseconds(result) for result in results.values()]
    rates = [result["messages"] / result["wall_ns"] * 1e9 for result in results.values() if result["wall_ns"]]
    row = {"ns": statistics.median(values), "least": min(values), "most": max(values),
           "rss_kb": max(result["rss_kb"] for result in results.values())}
    if rates:
        row["per_second"] = statistics.median(rates)
    ratios = [nanoseconds(result) / nanoseconds(floor[number]) for number, result in results.items()
              if floor and number in floor]
    if ratios:
        row["ratio"] = statistics.median(ratios)
    return row


def measure_idle(world, clients, scheme, connections, rounds):
    """CPU and resident memory of a connection that has nothing to do, and how fast they are made."""
    table = {}
    for _ in range(rounds):
        for client in clients:
            if "idle" not in client.modes or scheme not in client.schemes:
                continue
            result, said = world.run([*client.command, world.uri(scheme, "/echo"), "idle", "text", 0, connections,
                                      0, 0], client.environment)
            row = table.setdefault(client.name, {"samples": []})
            if result is None:
                row["error"] = said
            else:
                row["samples"].append(result)
    for row in table.values():
        samples = row.pop("samples")
        if samples:
            row["cpu_us"] = statistics.median(s["cpu_ns"] / s["messages"] / 1000 for s in samples)
            row["bytes"] = statistics.median(s["rss_growth_kb"] * 1024 / s["messages"] for s in samples)
            row["per_second"] = statistics.median(s["messages"] / s["wall_ns"] * 1e9 for s in samples)
    return table


def measure_crowd(world, client, counts, run_ms):
    """Many connections active at once on one loop: CPU per message, and how evenly they are served."""
    rows = []
    for connections in counts:
        messages = max(connections * 20, int(run_ms * 1e6 / 5000))
        command = [*client.command, world.uri("ws", "/echo"), "echo", "text", 125, 1, connections * 4, messages]
        result, said = world.run(command, {"UVWS_CONNECTIONS": str(connections)})
        row = {"connections": connections}
        if result is None:
            row["error"] = said
        else:
            words = said.split()
            row.update(ns=nanoseconds(result), least=int(words[words.index("least") + 1]),
                       most=int(words[words.index("most") + 1]), rss_kb=result["rss_kb"])
        rows.append(row)
    return rows


def measure_latency(world, folder, seconds):
    """By uvws-bench: as fast as answers come, and at half of that rate on a schedule."""
    program = [folder / "uvws-bench", "--json", "--quiet", "-d", seconds, "-s", 125, "--insecure"]
    rows = []
    for scheme in ("ws", "wss"):
        closed, said = world.run([*program, world.uri(scheme, "/echo")])
        if closed is None:
            rows.append({"scheme": scheme, "error": said})
            continue
        rows.append({"scheme": scheme, "how": "as fast as answers come", **closed})
        rate = closed["received"] / closed["seconds"] / 2
        opened, said = world.run([*program, "-r", f"{rate:.0f}", world.uri(scheme, "/echo")])
        if opened is not None:
            rows.append({"scheme": scheme, "how": f"on schedule, {rate:.0f} messages/s", **opened})
    return rows
