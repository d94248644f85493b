"""Runs an echo client through the whole catalogue and judges it: TAP on standard output, a line for
each group; a table with each run's verdict in the file of --table.

    run.py [--table FILE] [--quick] [--blind] [--without OPTION,...] [--only PREFIX] [--seed [N]] -- COMMAND ...

COMMAND gets the server's URI as its last argument. It fetches the plan (server.py), goes through it,
echoing, and tells on its standard output what its user sees, a line an event, between `case ID/PACE`
and `end`. --quick leaves the largest rows out, --without those that need an option the client has
not; both are counted as skipped. --blind: the user sees no pings and pongs. --seed: in place of the
catalogue random traffic by python3-websockets' codec (differential.py).
"""

import argparse
import asyncio
import os
import sys
import time

import closing
import compression
import framing
import texts
from judge import judge
from server import Server

DEADLINE = float(os.environ.get("UVWS_CONFORMANCE_SECONDS", "500"))


def catalogue(args):
    if args.seed is not None:
        import differential  # needs python3-websockets
        return [differential.group(args.seed)]
    return [group for module in (framing, texts, closing, compression) for group in module.groups()]


def plan_line(row, pace):
    return " ".join([f"{row.id}/{pace}"] + [f"{name}={value}" for name, value in row.options.items()])


async def read_events(stream):
    """Events by run; a run that did not end is not there. Those of a flood are kept as one."""
    runs, name, events = {}, None, []
    async for line in stream:
        event = line.decode(errors="replace").rstrip()
        word, _, rest = event.partition(" ")
        if word == "case":
            name, events = rest, []
        elif word == "end":
            runs[name] = events
        else:
            events.append(event)
    return runs


async def run_client(command, port):
    process = await asyncio.create_subprocess_exec(*command, f"ws://127.0.0.1:{port}", stdin=asyncio.subprocess.DEVNULL,
                                                   stdout=asyncio.subprocess.PIPE)
    try:
        runs = await asyncio.wait_for(read_events(process.stdout), DEADLINE)
        status = await asyncio.wait_for(process.wait(), 10)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        return {}, "it did not end in time"
    return runs, status


def skip_reason(row, args):
    if args.quick and row.is_large:
        return "large"
    missing = [name for name in args.without if name in row.options]
    return f"needs {missing[0]}" if missing else None


async def run(args, groups):
    work = [(row, pace) for group in groups for row in group.rows for pace in row.paces
            if row.id.startswith(args.only) and not skip_reason(row, args)]
    server = Server([row for group in groups for row in group.rows], "\n".join(plan_line(*one) for one in work))
    port = await server.start()
    runs, status = await run_client(args.command, port)
    await server.stop()
    return server.records, runs, status


def verdicts(args, groups, records, runs):
    """(group, row, pace, verdict, why) for each run."""
    for group in groups:
        for row in group.rows:
            for pace in row.paces:
                name = f"{row.id}/{pace}"
                if not row.id.startswith(args.only):
                    continue
                if reason := skip_reason(row, args):
                    yield group, row, pace, "skipped", reason
                    continue
                wrong = judge(row, records.get(name), runs.get(name), args.blind)
                yield group, row, pace, "FAILED" if wrong else "ok", "; ".join(wrong)


def write_table(path, results, counts):
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"{counts}\n\n")
        for _, row, pace, verdict, why in results:
            out.write(f"{row.id:8}{pace:7}{verdict:9}RFC {row.rfc:14}{row.title}{' -- ' + why if why else ''}\n")


def count(results):
    by = {word: sum(1 for r in results if r[3] == word) for word in ("ok", "FAILED", "skipped")}
    return f"{by['ok']} runs as they should be, {by['FAILED']} not, {by['skipped']} left out"


def tell(results, groups, status):
    shown = [g for g in groups if any(r[0] is g for r in results)]
    print(f"1..{len(shown) + 1}")
    for number, group in enumerate(shown, 1):
        mine = [r for r in results if r[0] is group]
        failed = [r for r in mine if r[3] == "FAILED"]
        print(f"{'not ' if failed else ''}ok {number} - {group.name}: {count(mine)}")
        for _, row, pace, _, why in failed[:20]:
            print(f"# {row.id} {pace}: {row.title}: {why}")
    print(f"{'ok' if status == 0 else 'not ok'} {len(shown) + 1} - the client ends by itself with exit status 0")
    if status != 0:
        print(f"# {status}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--without", type=lambda text: text.split(","), default=[])
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, nargs="?", const=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    begun = time.monotonic()
    groups = catalogue(args)
    records, runs, status = asyncio.run(run(args, groups))
    results = list(verdicts(args, groups, records, runs))
    tell(results, groups, status)
    print(f"# {count(results)}; {time.monotonic() - begun:.1f} s")
    if args.table:
        write_table(args.table, results, count(results))
    return 0 if status == 0 and not any(r[3] == "FAILED" for r in results) else 1


sys.exit(main())
