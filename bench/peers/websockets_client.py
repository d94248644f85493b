#!/usr/bin/python3
"""websockets_client.py URI MODE KIND SIZE IN_FLIGHT WARMUP COUNT: Python's websockets as a measured
client; what the arguments mean: clients/job.h."""

import asyncio
import json
import os
import ssl
import sys
import time

import websockets

URI, MODE, KIND = sys.argv[1:4]
SIZE, IN_FLIGHT, WARMUP, COUNT = map(int, sys.argv[4:8])
UNIT = "The quick brown fox. "
TEXT = (UNIT * (SIZE // len(UNIT))).ljust(SIZE, ".")
PAYLOAD = TEXT if KIND == "text" else bytes((i * 7 + 200) & 255 for i in range(SIZE))


def resident_kb():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4


class Clocks:
    def __init__(self):
        self.cpu, self.wall, self.kb = time.process_time_ns(), time.monotonic_ns(), resident_kb()

    def report(self, messages):
        print(json.dumps({"messages": messages, "cpu_ns": time.process_time_ns() - self.cpu,
                          "wall_ns": time.monotonic_ns() - self.wall, "rss_kb": resident_kb(),
                          "rss_growth_kb": resident_kb() - self.kb}))


def tls_context():
    if not URI.startswith("wss:"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


CONTEXT = tls_context()


def connect():
    return websockets.connect(URI, ssl=CONTEXT, compression=None, max_size=None, ping_interval=None,
                              open_timeout=None)


async def echo(ws):
    for _ in range(IN_FLIGHT):
        await ws.send(PAYLOAD)
    clocks = None
    for done in range(WARMUP + COUNT):
        if done == WARMUP:
            clocks = Clocks()
        await ws.recv()
        await ws.send(PAYLOAD)
    clocks.report(COUNT)


async def send(ws):
    for _ in range(WARMUP):
        await ws.send(PAYLOAD)
    clocks = Clocks()
    for _ in range(COUNT):
        await ws.send(PAYLOAD)
    clocks.report(COUNT)


async def receive(ws):
    for _ in range(WARMUP):
        await ws.recv()
    clocks = Clocks()
    for _ in range(COUNT):
        await ws.recv()
    clocks.report(COUNT)


async def idle(first):
    clocks = Clocks()
    kept = [first]
    while len(kept) < IN_FLIGHT + 1:
        wave = min(100, IN_FLIGHT + 1 - len(kept))
        kept += await asyncio.gather(*(connect() for _ in range(wave)))
    clocks.report(IN_FLIGHT)


async def main():
    ws = await connect()
    await {"echo": echo, "send": send, "receive": receive, "idle": idle}[MODE](ws)
    ws.transport.abort()
    sys.stdout.flush()
    os._exit(0)  # thousands of closing handshakes are not what was asked for


asyncio.run(main())
