"""The whole comparison: what script/bench does without --instructions."""

import datetime
import json
import pathlib
import platform
import subprocess
import time

from . import clients as clients_module
from . import measure, report, scenarios
from .build import ROOT, build, configure
from .world import World

DEFLATE = scenarios.Scenario("deflate-text", "receive compressed text", "receive", "text",
                             "/deflate/source/text/{size}")
DEFLATE_SEND = scenarios.Scenario("deflate-send", "send compressed text", "send", "text", "/deflate/sink")
CROWDS = [1, 100, 10000]
IN_FLIGHTS = [1, 4, 16, 64, 256]


def say(text):
    print(text, flush=True)


class Plan:
    """What is asked for, in numbers."""

    def __init__(self, options):
        quick = options.quick
        self.sizes = options.sizes or (scenarios.QUICK_SIZES if quick else scenarios.SIZES)
        self.rounds = options.rounds or (3 if quick else 7)
        self.run_ms = options.run_ms or (40 if quick else 250)
        self.idle = {"ws": 1000, "wss": 200} if quick else {"ws": 10000, "wss": 2000}
        self.crowds = CROWDS[:2] if quick else CROWDS
        self.latency_seconds = 2 if quick else 10
        self.parts = options.only or ["messages", "idle", "crowd", "latency", "compression", "in-flight"]
        self.schemes = options.schemes or ["ws", "wss"]
        self.scenarios = [scenarios.BY_NAME[name] for name in options.scenarios or scenarios.BY_NAME]


def choose_clients(options, folder):
    found, missing = clients_module.all_clients(folder)
    if options.clients:
        found = [client for client in found if client.name in options.clients or client.name == "floor"]
    build([client.target for client in found if client.target] + ["bench/server/bench_server", "uvws-bench"])
    if missing:
        say("not installed, left out: " + ", ".join(missing) + " (script/bench --install-peers)")
    return found, missing


def measure_messages(world, clients, plan, result):
    cells = [(scheme, scenario, size) for scheme in plan.schemes for scenario in plan.scenarios
             for size in plan.sizes]
    progress = measure.Progress(len(cells), time.monotonic, say)
    rows = result.setdefault("messages", [])
    for scheme, scenario, size in cells:
        cell = measure.measure_cell(world, clients, scheme, scenario, size, plan.rounds, plan.run_ms)
        rows.append({"scheme": scheme, "scenario": scenario.name, "label": scenario.label, "size": size,
                     "clients": cell})
        progress.step(f"{scheme} {scenario.label}, {size} B: " + report.cell_text(cell))


def measure_in_flight(world, clients, plan, result):
    few = [client for client in clients if client.name in ("floor", "uvws", "lua")]
    rows = result.setdefault("in_flight", [])
    for count in IN_FLIGHTS:
        scenario = scenarios.Scenario("in-flight", "", "echo", "text", "/echo", count)
        cell = measure.measure_cell(world, few, "ws", scenario, 125, plan.rounds, plan.run_ms)
        rows.append({"in_flight": count, "clients": cell})
        say(f"{count} in flight: " + report.cell_text(cell))


def measure_compression(world, clients, plan, result):
    ours = [client for client in clients if client.name == "uvws"]
    for client in ours:
        client.environment = {"UVWS_DEFLATE": "1"}
    rows = result.setdefault("compression", [])
    for scenario in (DEFLATE, DEFLATE_SEND):
        for size in plan.sizes:
            cell = measure.measure_cell(world, ours, "ws", scenario, size, min(plan.rounds, 3), plan.run_ms)
            rows.append({"label": scenario.label, "size": size, "clients": cell})
            say(f"{scenario.label}, {size} B: " + report.cell_text(cell))
    for client in ours:
        client.environment = {}


def measure_all(world, folder, clients, plan, result):
    if "messages" in plan.parts:
        measure_messages(world, clients, plan, result)
    if "in-flight" in plan.parts:
        measure_in_flight(world, clients, plan, result)
    if "compression" in plan.parts:
        measure_compression(world, clients, plan, result)
    if "crowd" in plan.parts:
        uvws = next(client for client in clients if client.name == "uvws")
        result["crowd"] = measure.measure_crowd(world, uvws, plan.crowds, plan.run_ms)
        say(report.crowd_text(result["crowd"]))
    if "latency" in plan.parts:
        result["latency"] = measure.measure_latency(world, folder, plan.latency_seconds)
        say(report.latency_text(result["latency"]))
    if "idle" in plan.parts:
        result["idle"] = {}
        for scheme in plan.schemes:
            rows = measure.measure_idle(world, clients, scheme, plan.idle[scheme], min(plan.rounds, 3))
            result["idle"][scheme] = {"connections": plan.idle[scheme], "clients": rows}
            say(report.idle_text(scheme, result["idle"][scheme]))


def machine():
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
                            check=False).stdout.strip()
    return {"cpu": model, "kernel": platform.release(), "commit": commit,
            "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes")}


def run(options):
    folder = configure()
    clients, missing = choose_clients(options, folder)
    plan = Plan(options)
    result = {"machine": machine(), "rounds": plan.rounds, "run_ms": plan.run_ms, "missing": missing,
              "labels": {client.name: client.label for client in clients}}
    with World(folder) as world:
        result["machine"]["cores"] = f"server on {world.server_core}, client on {world.client_core}"
        try:
            measure_all(world, folder, clients, plan, result)
        except KeyboardInterrupt:
            say("interrupted: what there is so far")
    out = pathlib.Path(options.out) if options.out else folder / "bench-results"
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    (out / "report.html").write_text(report.page(result), encoding="utf-8")
    say(report.text(result))
    say(f"{out / 'results.json'}\n{out / 'report.html'}")
    return 0
