"""Floods an echo client and looks at how much memory it takes: TAP, a line for each flood.

    floods.py -- COMMAND ...     as for run.py; COMMAND must be one process, Linux must tell of it

The resident size at its highest (VmHWM, set back before each flood) must stay near what it was.
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Callable

from compression import PMD
from server import Server, head_of
from wire import BINARY, CONT, PING, RSV1, TEXT, Deflater, frame

MIB = 1 << 20
NO_LIMIT = 2 ** 64 - 1
BLOCK = 1 << 18


@dataclass
class Flood:
    name: str
    options: dict
    allowed: int            # bytes that the resident size may grow by
    write: Callable         # coroutine of the session
    answer: str = None


async def repeat(session, data, total):
    block = data * (BLOCK // len(data))
    for _ in range(total // len(block)):
        await session.write(block)


async def pings(session):
    await repeat(session, frame(PING), 2 * MIB)


async def large_pings(session):
    await repeat(session, frame(PING, b"p" * 125), 32 * MIB)


async def pongs(session):
    await repeat(session, frame(10, b"p" * 125), 32 * MIB)


async def empty_fragments(session):
    await session.write(frame(TEXT, fin=False))
    await repeat(session, frame(CONT, fin=False), 4 * MIB)


async def compressed_empty_fragments(session):
    await session.write(frame(TEXT, fin=False, rsv=RSV1))
    await repeat(session, frame(CONT, b"\0\0\0\xff\xff", fin=False), 4 * MIB)


async def announced(session):
    """The wrong byte at the end makes the client say when it has read so far."""
    await session.write(frame(TEXT, b"x" * 1000 + b"\xff", announced=1 << 30))


async def announced_and_begun(session):
    await session.write(frame(TEXT, b"", announced=1 << 40))
    await repeat(session, b"x" * 1024, MIB)
    await session.write(b"\xff")


async def bomb(session):
    await session.write(frame(BINARY, Deflater()(bytes(64 * MIB)), rsv=RSV1))


async def few(session):
    for kind in (TEXT, BINARY):
        await session.write(frame(kind, b"m" * 30000))


async def deaf(session):
    """Nothing is read: the client must stop reading, so that our writes get stuck."""
    session.reader._transport.pause_reading()
    sent = 0
    block = frame(PING, b"p" * 125) * 2000
    while sent < 256 * MIB:
        session.writer.write(block)
        sent += len(block)
        try:
            await asyncio.wait_for(session.writer.drain(), 1)
        except asyncio.TimeoutError:
            return
    raise AssertionError("the client went on reading while its answers were stuck")


FLOODS = [
    Flood("two messages, to warm up", {}, 2 * MIB, few),
    Flood("a million pings", {}, 2 * MIB, pings),
    Flood("32 MiB of full pings", {}, 2 * MIB, large_pings),
    Flood("32 MiB of pongs that nobody asked for", {}, 2 * MIB, pongs),
    Flood("two million empty fragments", {"max_fragments": NO_LIMIT}, 2 * MIB, empty_fragments),
    Flood("empty fragments against the limit", {}, 2 * MIB, empty_fragments),
    Flood("600,000 compressed fragments that expand to nothing", {"max_fragments": NO_LIMIT}, 2 * MIB, compressed_empty_fragments, PMD),
    Flood("1 GiB announced, 1000 bytes sent", {"max_message_size": NO_LIMIT}, 2 * MIB, announced),
    Flood("1 TiB announced, 1 MiB sent", {"max_message_size": NO_LIMIT}, 6 * MIB, announced_and_begun),
    Flood("a bomb of 64 MiB against a limit of 1 MiB", {"max_message_size": MIB}, 6 * MIB, bomb, PMD),
    Flood("a peer that pings and never reads", {}, 8 * MIB, deaf),
]


def memory(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name + ":"))


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as clear:
        clear.write("5")


class FloodServer(Server):
    def __init__(self, plan):
        super().__init__([], plan)
        self.pid = None
        self.results = []

    async def serve_other(self, session, path, key):
        if not path.startswith("/case/flood/"):
            return await super().serve_other(session, path, key)
        flood = FLOODS[int(path.split("/")[3])]
        await session.write(head_of(key, flood.answer))
        before = memory(self.pid, "VmRSS")
        forget_peak(self.pid)
        wrong = await self.pour(session, flood)
        grown = memory(self.pid, "VmHWM") - before
        if grown > flood.allowed:
            wrong = f"it grew by {grown >> 10} KiB"
        self.results.append((flood, grown, wrong))
        session.writer.transport.abort()
        return None

    async def pour(self, session, flood):
        try:
            await flood.write(session)
            if flood.write is not deaf:
                # A pong for this one tells that all before was read, an end that it was refused.
                await session.write(frame(PING, b"last"))
                await asyncio.wait_for(session.until(
                    lambda: session.has_close or session.record.frames[-1:] == [(0x8A, b"last")]), 20)
        except (ConnectionError, AssertionError) as error:
            return None if isinstance(error, ConnectionError) else str(error)
        except asyncio.TimeoutError:
            return "the client does not answer any more"
        return None


async def run(command):
    plan = "\n".join(" ".join([f"flood/{i}"] + [f"{k}={v}" for k, v in flood.options.items()]) for i, flood in enumerate(FLOODS))
    server = FloodServer(plan)
    port = await server.start()
    process = await asyncio.create_subprocess_exec(*command, f"ws://127.0.0.1:{port}", stdin=asyncio.subprocess.DEVNULL,
                                                   stdout=asyncio.subprocess.DEVNULL)
    server.pid = process.pid
    try:
        await asyncio.wait_for(process.wait(), 100)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
    await server.stop()
    return server.results


def main():
    results = asyncio.run(run([word for word in sys.argv[1:] if word != "--"]))
    print(f"1..{len(FLOODS)}")
    for number, (flood, grown, wrong) in enumerate(results, 1):
        print(f"{'not ' if wrong else ''}ok {number} - {flood.name}: {grown >> 10} KiB more")
        if wrong:
            print(f"# {wrong}")
    return 0 if len(results) == len(FLOODS) and not any(wrong for _, _, wrong in results) else 1


sys.exit(main())
