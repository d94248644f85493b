"""The server: plays the rows of the catalogue on raw sockets, and writes down what it gets.

`/plan` hands a client its work, a text message with a line for each run, `ID/PACE NAME=VALUE ...`:
where to connect to (`/case/ID/PACE`) and with what options. `/echo` echoes.
"""

import asyncio
import socket
from dataclasses import dataclass, field

from rows import BYTES, GLUED, Wait
from wire import CLOSE, TEXT, BINARY, Frames, accept_value, close_frame, frame

PATIENCE = 30.0     # seconds, for a client to do what it must
DRIP = 48           # bytes at both ends of a large piece that go out one by one
CHUNK = 9973        # and what is between them in pieces of so many


@dataclass
class Record:
    """What a client did in one run."""
    offer: str = ""
    frames: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    end: str = "never came"
    ended_first: bool = False
    rest: int = 0


def head_of(key, answer):
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Accept: {accept_value(key)}"]
    if answer is not None:
        lines.append(f"Sec-WebSocket-Extensions: {answer}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Session:
    """One connection: reads all the time, and tells of every frame."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.frames = Frames()
        self.record = Record()
        self.news = asyncio.Event()
        self.has_close = False
        self.has_ended = False

    async def listen(self):
        try:
            while data := await self.reader.read(1 << 18):
                for first, payload in self.frames.feed(data):
                    self.record.frames.append((first, payload))
                    self.has_close |= first & 15 == CLOSE
                    self.on_frame(first, payload)
                self.news.set()
            self.record.end = "eof"
        except ConnectionError as error:
            self.record.end = type(error).__name__
        self.has_ended = True
        self.news.set()

    def on_frame(self, first, payload):
        pass

    async def until(self, is_done):
        while not is_done() and not self.has_ended:
            self.news.clear()
            await self.news.wait()

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def count(self):
        return sum(1 for first, _ in self.record.frames if first & 0x80)


class Echo(Session):
    def on_frame(self, first, payload):
        if first & 15 in (TEXT, BINARY):
            self.writer.write(frame(first & 15, payload))
        if first & 15 == CLOSE:
            self.writer.write(frame(CLOSE, payload))
            self.writer.write_eof()


def drops(data):
    """Byte by byte; a large piece only near its ends."""
    if len(data) <= 1500:
        return [data[i:i + 1] for i in range(len(data))]
    middle = [data[i:min(i + CHUNK, len(data) - DRIP)] for i in range(DRIP, len(data) - DRIP, CHUNK)]
    return drops(data[:DRIP]) + middle + drops(data[-DRIP:])


async def drip(session, data):
    for drop in drops(data):
        await session.write(drop)
        await asyncio.sleep(0)


async def send_steps(session, row, pace, head):
    pending = b""
    if pace == GLUED:
        pending = head
    else:
        await session.write(head)
    for step in row.steps():
        if isinstance(step, Wait):
            if pending:
                await session.write(pending)
            pending = b""
            await session.until(lambda: session.count() >= step.count)
        elif pace == GLUED:
            pending += step
        elif pace == BYTES:
            await drip(session, step)
        else:
            await session.write(step)
            await asyncio.sleep(0)
    if pending:
        await session.write(pending)


async def play(session, row, pace, key):
    await send_steps(session, row, pace, head_of(key, row.answer))
    if not row.is_by_client():
        await session.until(lambda: session.has_close)
        if not row.silent and not session.has_ended:
            session.writer.write_eof()
        else:
            session.record.ended_first = session.has_ended
    await session.until(lambda: False)


class Server:
    def __init__(self, catalogue, plan):
        self.rows = {row.id: row for row in catalogue}
        self.plan = plan
        self.records = {}
        self.server = None
        self.tasks = set()

    async def start(self):
        self.server = await asyncio.start_server(self.on_client, "127.0.0.1", 0, backlog=64)
        return self.server.sockets[0].getsockname()[1]

    async def on_client(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.wait_for(self.serve(reader, writer), PATIENCE)
        except (ConnectionError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.tasks.discard(asyncio.current_task())

    async def serve(self, reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ", 2)[1].decode()
        fields = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
        key = fields[b"Sec-WebSocket-Key"]
        session = (Echo if path == "/echo" else Session)(reader, writer)
        session.record.offer = fields.get(b"Sec-WebSocket-Extensions", b"").decode()
        listener = asyncio.create_task(session.listen())
        try:
            _, _, case, pace = (path.split("/") + [""] * 3)[:4]
            if case in self.rows:
                self.records[f"{case}/{pace}"] = session.record
                await play(session, self.rows[case], pace, key)
            else:
                await self.serve_other(session, path, key)
        finally:
            listener.cancel()
            session.record.faults = session.frames.faults
            session.record.rest = session.frames.rest()

    async def serve_other(self, session, path, key):
        await session.write(head_of(key, None))
        if path == "/plan":
            await session.write(frame(TEXT, self.plan.encode()) + close_frame(1000))
            await session.until(lambda: session.has_close)
            session.writer.write_eof()
        await session.until(lambda: False)

    async def stop(self):
        self.server.close()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=5)
