"""What the tests of the program talk with: `uvws` itself, and a scripted server."""

import base64
import hashlib
import os
import signal
import socket
import struct
import subprocess

SECONDS = 30  # nothing waits longer

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def program():
    """The program under test, absolute."""
    return os.environ["UVWS_PROGRAM"]


def start(*arguments, under=(), **options):
    options.setdefault("stdin", subprocess.PIPE)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([*under, program(), *arguments], **options)


def run(*arguments, stdin=b"", **options):
    return subprocess.run([program(), *arguments], input=stdin, capture_output=True,
                          timeout=SECONDS, **options)


def finish(process, stdin=None):
    """The exit status, standard output and standard error; nothing is left running."""
    try:
        out, err = process.communicate(stdin, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, out, err


class EchoServer:
    """`uvws echo-server` as a context; `stop` gives its exit status and what it said."""

    def __init__(self, *arguments):
        self.process = start("echo-server", *arguments, stdin=subprocess.DEVNULL)
        words = self.process.stdout.readline().decode().split()
        assert words[:2] == ["listening", "on"], (words, self.process.stderr.read())
        self.uri = words[2]
        self.port = int(self.uri.rstrip("/").rsplit(":", 1)[1])

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return finish(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def frame(opcode, payload=b"", mask=None, fin=True):
    """A whole frame, RFC 6455 5.2."""
    masked = 0x80 if mask is not None else 0
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 65536:
        head += bytes([masked | 126]) + struct.pack(">H", size)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", size)
    if mask is None:
        return head + payload
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


class Connection:
    """A stream that a test reads frames from and writes bytes to."""

    def __init__(self, stream):
        stream.settimeout(SECONDS)
        self.stream = stream

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise EOFError(f"{len(data)} of {count} bytes")
            data += more
        return data

    def read_head(self):
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += self.read(1)
        return data.decode()

    def read_rest(self):
        data = b""
        while more := self.stream.recv(65536):
            data += more
        return data

    def read_frame(self):
        first, second = self.read(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack(">H", self.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.read(8))[0]
        mask = self.read(4) if second & 0x80 else b"\0\0\0\0"
        payload = self.read(size)
        return first & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(payload))

    def send(self, data):
        self.stream.sendall(data)

    def close(self):
        self.stream.close()


class ScriptedServer:
    """Accepts one client and does what the test says."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(SECONDS)
        self.uri = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/"

    def accept(self):
        return Connection(self.listener.accept()[0])

    @staticmethod
    def answer(head, extra=""):
        """The 101 to a request (RFC 6455 4.2.2); `extra` is more header fields."""
        key = next(line.split(": ", 1)[1] for line in head.split("\r\n")
                   if line.lower().startswith("sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(
            (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        return ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                f"{extra}\r\n").encode()

    def accept_websocket(self, extra=""):
        """The connection behind the opening handshake, and the request's head."""
        connection = self.accept()
        head = connection.read_head()
        connection.send(self.answer(head, extra))
        return connection, head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
