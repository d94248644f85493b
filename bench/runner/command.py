"""The command line of script/bench."""

import argparse
import json
import pathlib

from . import clients, compare, instructions, report, scenarios
from .build import install_peers

EPILOG = """Without options: everything, about an hour and a half. --quick: about ten minutes, coarse.
The server and the client each want a core of their own, and the machine for themselves."""


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/bench", epilog=EPILOG,
                                     description="How fast uvws is, beside the floor and other clients.")
    parser.add_argument("--instructions", action="store_true",
                        help="count instructions per message; no sockets, no clock; keeps bench/instructions.txt")
    parser.add_argument("--by-function", metavar="ROW", help="of --instructions: where they go, e.g. 'c send text 16'")
    parser.add_argument("--quick", action="store_true", help="fewer sizes, rounds and connections")
    parser.add_argument("--only", nargs="+", metavar="PART",
                        choices=["messages", "idle", "crowd", "latency", "compression", "in-flight"])
    parser.add_argument("--clients", nargs="+", metavar="NAME", help="floor uvws lua lws beast websocketpp ws bun websockets")
    parser.add_argument("--scenarios", nargs="+", metavar="NAME", choices=list(scenarios.BY_NAME),
                        help=" ".join(scenarios.BY_NAME))
    parser.add_argument("--sizes", nargs="+", type=int, metavar="BYTES")
    parser.add_argument("--schemes", nargs="+", choices=["ws", "wss"])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--run-ms", type=int, help="CPU time of one run, about")
    parser.add_argument("--out", metavar="FOLDER", help="for results.json and report.html")
    parser.add_argument("--report", metavar="RESULTS_JSON", help="measure nothing, make the page anew")
    parser.add_argument("--install-peers", action="store_true", help="install the other clients first (apt, npm)")
    return parser.parse_args(arguments)


def report_again(path):
    path = pathlib.Path(path)
    result = json.loads(path.read_text(encoding="utf-8"))
    path.with_name("report.html").write_text(report.page(result), encoding="utf-8")
    print(report.text(result))
    return 0


def main(arguments):
    options = parse(arguments)
    if options.install_peers:
        install_peers(clients.APT_PACKAGES, clients.PEERS)
    if options.report:
        return report_again(options.report)
    if options.instructions or options.by_function:
        return instructions.run(options.by_function)
    return compare.run(options)
