"""What a row of the catalogue is made of.

A row says what the server sends, what the client must answer on the wire, what its user must see
and how it ends. It is written as a list of parts, each of which knows its share of the three:

    row("a text of 125 bytes", "5.6", text(b"*" * 125))

`text`, `binary`, `ping`, `pong` are legal; `got` is a message whose frames went out as `raw` bytes;
`bad` breaks a rule: the client must answer what came before, then close with that code, and end TCP
by itself. A row that does not end with `close` or `bad` is closed by the server with 1000.
"""

from dataclasses import dataclass, field

from wire import BINARY, CLOSE, PING, PONG, TEXT, close_frame, frame, fragments

WHOLE, BYTES, GLUED = "whole", "bytes", "glued"
PACES = (WHOLE, BYTES, GLUED)
NAMES = {TEXT: "text", BINARY: "binary", PING: "ping", PONG: "pong", CLOSE: "close"}


class Wait:
    """The server goes on when the client has sent that many messages and control frames."""

    def __init__(self, count):
        self.count = count


@dataclass
class Part:
    send: list = field(default_factory=list)  # bytes, each a write at pace WHOLE; Wait
    wire: list = field(default_factory=list)
    events: list = field(default_factory=list)
    ends: bool = False
    by_client: bool = False  # the client ends TCP first


def raw(*pieces):
    return Part(list(pieces))


def wait(count):
    return Part([Wait(count)])


def got(opcode, data, echo=True):
    """A message is whole."""
    return Part([], [(NAMES[opcode], data)] if echo else [], [f"{NAMES[opcode]} {len(data)}"])


def message(opcode, *parts, rsv=0, data=None):
    data = b"".join(parts) if data is None else data
    part = got(opcode, data)
    part.send = fragments(opcode, parts, rsv)
    return part


def text(*parts):
    return message(TEXT, *parts)


def binary(*parts):
    return message(BINARY, *parts)


def ping(data=b"", count=1):
    send = [frame(PING, data)] if count == 1 else [frame(PING, data) * count]
    return Part(send, [("pong", data)] * count, [f"ping {data.hex()}"] * count)


def pong(data=b"", count=1):
    return Part([frame(PONG, data) * count], [], [f"pong {data.hex()}"] * count)


def closed(code=None, reason=b"", answer=None):
    """What a close looks like to the client, whoever began."""
    shown = 1005 if code is None else code
    return Part([], [("close", code if answer is None else answer)],
                [f"close {shown} 1 {reason.hex()}"], ends=True)


def close(code=None, reason=b"", behind=b""):
    """`behind`: bytes that nobody may look at any more."""
    part = closed(code, reason)
    part.send = [close_frame(code, reason)] + ([behind] if behind else [])
    return part


def bad(code, error, *pieces):
    return Part(list(pieces), [("close", code)], [f"error UVWS_{error}", "close 1006 0"], ends=True,
                by_client=True)


def protocol(*pieces):
    return bad(1002, "EPROTOCOL", *pieces)


def not_utf8(*pieces):
    return bad(1007, "EUTF8", *pieces)


def not_deflate(*pieces):
    return bad(1007, "EPROTOCOL", *pieces)


def too_big(*pieces):
    return bad(1009, "EMESSAGE_TOO_BIG", *pieces)


@dataclass
class Row:
    id: str
    title: str
    rfc: str
    parts: list
    options: dict       # of uvws_connect, and what the echo client does beside echoing
    paces: tuple
    answer: str         # Sec-WebSocket-Extensions of the 101; None: none
    offer: str          # what the client must have offered; None: not looked at
    deflate: object     # Terms, for reading what the client sends; None: no compression
    refused: bool       # the 101 itself is wrong
    silent: bool        # the server does not end TCP
    is_large: bool      # left out where time is short
    min_frames: int     # compressed frames that the client must have sent at least
    server_max_bits: int = 15

    def steps(self):
        return [step for part in self.parts for step in part.send]

    def wire(self):
        return [one for part in self.parts for one in part.wire]

    def events(self):
        first = [] if self.refused else ["open"]
        return first + [one for part in self.parts for one in part.events]

    def is_by_client(self):
        return any(part.by_client for part in self.parts)


class Group:
    """Rows of one number and name, in order."""

    def __init__(self, number, name):
        self.number = number
        self.name = name
        self.rows = []

    def row(self, title, rfc, *parts, options=None, paces=PACES, answer=None, offer=None,
            deflate=None, refused=False, silent=False, is_large=False, min_frames=0):
        parts = list(parts)
        if not refused and not any(part.ends for part in parts):
            parts.append(close(1000))
        self.rows.append(Row(f"{self.number}.{len(self.rows) + 1}", title, rfc, parts,
                             options or {}, paces, answer, offer, deflate, refused, silent,
                             is_large, min_frames))
