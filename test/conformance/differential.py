"""Random messages, fragmentations, compressions and cuts, made and read by python3-websockets' own codec.

What its server side writes is read by its client side, and the library must see the same; what the
library sends back is read by its server side, and must be the same again, byte for byte.
"""

import os
import random

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from rows import BYTES, GLUED, WHOLE, Group, Part, close

ROWS = int(os.environ.get("UVWS_DIFFERENTIAL_ROWS", "150"))
NAMES = {Opcode.TEXT: "text", Opcode.BINARY: "binary"}
ALPHABET = "abc \n{}\":,01é☃𝄞\0"


class Codec:
    """Both sides' extensions under random parameters; `answer` for the 101."""

    def __init__(self, rng):
        self.server_fresh, self.client_fresh = rng.random() < 0.4, rng.random() < 0.4
        self.server_bits, self.client_bits = rng.randint(9, 15), rng.randint(9, 15)
        self.answer = "permessage-deflate" + "".join([
            "; server_no_context_takeover" if self.server_fresh else "",
            "; client_no_context_takeover" if self.client_fresh else "",
            f"; server_max_window_bits={self.server_bits}", f"; client_max_window_bits={self.client_bits}"])
        self.settings = {"level": rng.choice([1, 6, 9]), "memLevel": rng.choice([1, 8, 9])}

    def server(self):
        return PerMessageDeflate(self.client_fresh, self.server_fresh, self.client_bits, self.server_bits, self.settings)

    def client(self):
        return PerMessageDeflate(self.server_fresh, self.client_fresh, self.server_bits, self.client_bits)

    def inflater(self):
        """Reads what the library sends, as judge.py asks for it."""
        extension = self.server()

        def inflate(data):
            return extension.decode(Frame(Opcode.BINARY, data, True, rsv1=True)).data
        return inflate


def some_bytes(rng):
    size = int(2 ** rng.uniform(0, 17 if rng.random() < 0.1 else 11)) - 1
    how = rng.random()
    if how < 0.2:
        return rng.randbytes(size)
    if how < 0.3:
        return bytes(size)
    word = rng.randbytes(rng.randint(1, 600))
    return (word * (size // len(word) + 1))[:size]


def some_text(rng):
    size = int(2 ** rng.uniform(0, 12)) - 1
    return "".join(rng.choices(ALPHABET, k=size)).encode() * rng.choice([1, 1, 1, 5])


def cut(rng, data, pieces):
    places = sorted(rng.randint(0, len(data)) for _ in range(pieces - 1))
    return [data[a:b] for a, b in zip([0] + places, places + [len(data)])]


def some_traffic(rng, extension):
    """Bytes of the server."""
    out = []
    for _ in range(rng.randint(1, 12)):
        opcode = rng.choice([Opcode.TEXT, Opcode.BINARY])
        data = some_text(rng) if opcode is Opcode.TEXT else some_bytes(rng)
        extensions = [extension] if rng.random() < 0.8 else []
        parts = cut(rng, data, rng.choice([1, 1, 2, 3, 10]))
        for i, part in enumerate(parts):
            frame = Frame(opcode if i == 0 else Opcode.CONT, part, i == len(parts) - 1)
            out.append(frame.serialize(mask=False, extensions=extensions))
            if rng.random() < 0.1:
                control = rng.choice([Opcode.PING, Opcode.PONG])
                out.append(Frame(control, rng.randbytes(rng.randint(0, 125))).serialize(mask=False))
    return b"".join(out)


def frames_of(data, extension):
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    while reader.buffer:
        parser = Frame.parse(reader.read_exact, mask=False, extensions=[extension])
        try:
            while True:
                next(parser)
        except StopIteration as done:
            yield done.value


def reference(data, extension):
    """What a client must answer and see."""
    part, kind, parts = Part(), None, []
    for frame in frames_of(data, extension):
        if frame.opcode is Opcode.PING:
            part.wire.append(("pong", frame.data))
            part.events.append(f"ping {frame.data.hex()}")
        elif frame.opcode is Opcode.PONG:
            part.events.append(f"pong {frame.data.hex()}")
        else:
            kind, parts = (kind, parts) if frame.opcode is Opcode.CONT else (NAMES[frame.opcode], [])
            parts.append(frame.data)
            if frame.fin:
                part.wire.append((kind, b"".join(parts)))
                part.events.append(f"{kind} {len(part.wire[-1][1])}")
    return part


def group(seed):
    g = Group("17", f"agreement with python3-websockets, seed {seed}")
    rng = random.Random(seed)
    for _ in range(ROWS):
        codec = Codec(rng)
        data = some_traffic(rng, codec.server())
        part = reference(data, codec.client())
        part.send = [piece for piece in cut(rng, data, rng.randint(1, 20)) if piece]
        options = {"compression_threshold": rng.choice([1, 100, 1024])} if rng.random() < 0.7 else {}
        g.row(codec.answer, "7692 7.2", part, close(1000), answer=codec.answer, deflate=codec, options=options,
              paces=(WHOLE, GLUED, BYTES) if len(data) < 20000 else (WHOLE, GLUED))
    return g
