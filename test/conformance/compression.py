"""permessage-deflate (RFC 7692): negotiation, and messages both ways."""

import random
import zlib
from dataclasses import dataclass

from rows import GLUED, WHOLE, Group, Part, close, got, message, not_deflate, not_utf8, ping, protocol, raw, text, too_big, wait
from wire import BINARY, CLOSE, CONT, PING, PONG, RSV1, TEXT, Deflater, Inflater, frame, fragments, stored

PMD = "permessage-deflate"
OFFER = PMD + "; client_max_window_bits"
ALWAYS = {"compression_threshold": 1}


@dataclass
class Terms:
    """For what the client sends."""
    bits: int = 15
    takeover: bool = True

    def inflater(self):
        return Inflater(self.bits, self.takeover)


def packed(opcode, data, deflate, cuts=1, payload=None, expected=None):
    """A compressed message in `cuts` frames."""
    payload = deflate(data) if payload is None else payload
    size = -(-len(payload) // cuts)
    parts = [payload[i * size:(i + 1) * size] for i in range(cuts)]
    return message(opcode, *parts, rsv=RSV1, data=data if expected is None else expected)


def offers():
    g = Group("13", "offer and answer")
    for options, offer in (
            ({}, OFFER),
            ({"client_no_context_takeover": 1}, PMD + "; client_no_context_takeover; client_max_window_bits"),
            ({"client_max_window_bits": 10}, PMD + "; client_max_window_bits=10"),
            ({"client_max_window_bits": 8}, PMD + "; client_max_window_bits=8")):
        g.row(f"the offer {offer}, declined", "7692 5", text(b"plain"), options=options, offer=offer)
        g.row(f"the offer {offer}, accepted", "7692 5", text(b"plain"), options=options, offer=offer, answer=PMD, deflate=Terms(
            options.get("client_max_window_bits", 15), "client_no_context_takeover" not in options))
    for options, offer in (
            ({"server_no_context_takeover": 1}, PMD + "; server_no_context_takeover; client_max_window_bits"),
            ({"server_max_window_bits": 12}, PMD + "; server_max_window_bits=12; client_max_window_bits"),
            ({"server_max_window_bits": 9, "server_no_context_takeover": 1, "client_max_window_bits": 9, "client_no_context_takeover": 1},
             PMD + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9")):
        g.row(f"the offer {offer}, declined", "7692 5", text(b"plain"), options=options, offer=offer)
        answer = offer.replace("; client_max_window_bits", "") if "window_bits=9" not in offer else offer
        g.row(f"the offer {offer}, granted", "7692 7.1", text(b"plain"), options=options, offer=offer, answer=answer,
              deflate=Terms(options.get("client_max_window_bits", 15), "client_no_context_takeover" not in options))
        g.row(f"the offer {offer}, not granted", "7692 7.1", refused(), options=options, answer=PMD, refused=True)
    g.row("compression off is not offered", "7692 5", text(b"plain"), options={"compression": 1}, offer="")
    g.row("compression off and answered all the same", "6455 4.1", refused(), options={"compression": 1}, answer=PMD, refused=True)

    for answer in ("permessage-deflate;server_no_context_takeover", PMD + " ; client_no_context_takeover",
                   PMD + "; server_max_window_bits=15", PMD + "; server_max_window_bits=8", PMD + '; server_max_window_bits="10"',
                   PMD + "; client_max_window_bits=15", PMD + "; client_max_window_bits=8", PMD + '; client_max_window_bits="9"',
                   PMD + "; client_max_window_bits=9; server_max_window_bits=9; server_no_context_takeover; client_no_context_takeover",
                   "  " + PMD + "\t"):
        g.row(f"the answer {answer!r}", "7692 7.1", text(b"plain"), answer=answer, deflate=Terms())
    for answer in ("", "x-unknown", "permessage-deflate-2", PMD + ", " + PMD, PMD + ", x-unknown", "x-unknown, " + PMD,
                   PMD + "; unknown", PMD + "; unknown=1", PMD + ";", PMD + "; ", PMD + "; =", PMD + "; server_max_window_bits",
                   PMD + "; server_max_window_bits=", PMD + "; server_max_window_bits=7", PMD + "; server_max_window_bits=16",
                   PMD + "; server_max_window_bits=010", PMD + "; server_max_window_bits=08", PMD + "; server_max_window_bits=-9",
                   PMD + "; server_max_window_bits=+9", PMD + "; server_max_window_bits=9.0", PMD + "; server_max_window_bits=1e1",
                   PMD + "; server_max_window_bits=4294967305", PMD + '; server_max_window_bits="9', PMD + '; server_max_window_bits=""',
                   PMD + "; server_max_window_bits=9; server_max_window_bits=9", PMD + "; client_max_window_bits",
                   PMD + "; client_max_window_bits=7", PMD + "; client_max_window_bits=16", PMD + "; client_max_window_bits=0",
                   PMD + "; client_max_window_bits=10; client_max_window_bits=10", PMD + "; server_no_context_takeover=1",
                   PMD + "; server_no_context_takeover=", PMD + '; client_no_context_takeover=""', PMD + "; client_no_context_takeover=true",
                   PMD + "; server_no_context_takeover; server_no_context_takeover",
                   PMD + "; client_no_context_takeover; client_no_context_takeover", "permessage-deflate server_no_context_takeover",
                   PMD + "; " + "x" * 5000):
        g.row(f"the answer {answer[:80]!r}", "7692 7.1", refused(), answer=answer, refused=True)
    for key, high in (("client_max_window_bits", 9), ("client_max_window_bits", 14), ("server_max_window_bits", 9)):
        g.row(f"{key} {high} offered, {high + 1} answered", "7692 7.1", refused(), options={key: high},
              answer=f"{PMD}; {key}={high + 1}", refused=True)
    return g


def refused():
    return Part([], [], ["error UVWS_EHANDSHAKE", "close 1006 0"], ends=True, by_client=True)


def messages():
    """Each agreement: sizes, repetition across messages beyond the window, both kinds."""
    g = Group("14", "messages under each agreement")
    rng = random.Random(7692)
    words = [bytes(rng.choices(b"abcdefgh \n", k=rng.randint(2, 9))) for _ in range(200)]
    prose = b"".join(rng.choices(words, k=9000))
    noise = rng.randbytes(3000)
    for server_bits in range(8, 16):
        for client_bits in (8, 9, 12, 15):
            for takeover in (True, False):
                answer = f"{PMD}; server_max_window_bits={server_bits}; client_max_window_bits={client_bits}"
                answer += "" if takeover else "; server_no_context_takeover; client_no_context_takeover"
                deflate = Deflater(server_bits, takeover)
                g.row(answer.removeprefix(PMD + "; "), "7692 7.2", packed(TEXT, b"Hello", deflate), packed(TEXT, b"Hello", deflate, 2),
                      packed(BINARY, b"", deflate), packed(TEXT, prose[:3000], deflate, 3), packed(BINARY, noise, deflate),
                      text(b"plain"), packed(TEXT, prose[:3000], deflate), packed(BINARY, noise, deflate), ping(b"p"),
                      packed(TEXT, prose, deflate, 7), packed(TEXT, prose, deflate), options=ALWAYS, answer=answer,
                      deflate=Terms(client_bits, takeover), min_frames=0 if client_bits == 8 else 9 if takeover else 4)
    for client in (True, False):
        for server in (True, False):
            deflate = Deflater(15, server)
            answer = PMD + ("" if server else "; server_no_context_takeover") + ("" if client else "; client_no_context_takeover")
            for size in (1, 16, 64, 127, 128, 1024, 4096, 8192, 16384, 32768, 65535, 65536, 131072):
                data = (prose * 2)[:size]
                g.row(f"{answer}: 20 messages of {size} bytes", "7692 7.2", *[packed(TEXT, data, deflate) for _ in range(20)],
                      options=ALWAYS, answer=answer, deflate=Terms(15, client), min_frames=20 if size > 64 else 0, paces=(WHOLE, GLUED))
                deflate = Deflater(15, server)
    for level in (0, 1, 9):
        deflate = Deflater(15, True, level)
        g.row(f"a server that compresses at level {level}", "7692 7.2", packed(TEXT, prose, deflate, 5), packed(BINARY, noise, deflate),
              answer=PMD, deflate=Terms())
    for level in (1, 9):
        for memory in (1, 9):
            deflate = Deflater()
            g.row(f"the client compresses at level {level}, memory level {memory}", "7692 7.2", packed(TEXT, prose, deflate),
                  packed(BINARY, noise, deflate), packed(TEXT, b"", deflate), options={
                      "compression_threshold": 1, "compression_level": level, "compression_memory_level": memory},
                  answer=PMD, deflate=Terms(), min_frames=2)
    g.row("every echo is compressed on request, the empty one too", "7692 7.2.3.6", text(b""), text(b"a"), text(b"aaaa" * 50), text(b""),
          options={"send": "compressed"}, answer=PMD, deflate=Terms(), min_frames=4)
    g.row("every echo is plain on request", "7692 6", text(prose), packed(TEXT, prose, Deflater()),
          options={"send": "plain"}, answer=PMD)
    g.row("below the default threshold echoes are plain", "7692 6", text(b"x" * 1023), packed(TEXT, b"x" * 1023, Deflater()), answer=PMD)
    return g


def blocks():
    """DEFLATE as others may write it."""
    g = Group("15", "blocks")

    def flat(data, final=zlib.Z_FINISH, level=6, strategy=zlib.Z_DEFAULT_STRATEGY):
        z = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
        return z.compress(data) + z.flush(final)

    def row(title, *parts, **more):
        g.row(title, more.pop("rfc", "7692 7.2.3"), *parts, answer=PMD, deflate=Terms(), **more)

    def as_is(opcode, data, payload, cuts=1):
        return packed(opcode, data, None, cuts, payload)

    hello = b"Hello"
    row("the RFC's Hello", as_is(TEXT, hello, bytes.fromhex("f248cdc9c90700")), as_is(TEXT, hello, bytes.fromhex("f200110000")))
    row("the RFC's Hello in two fragments", raw(frame(TEXT, bytes.fromhex("f248cd"), fin=False, rsv=RSV1), frame(CONT, bytes.fromhex("c9c90700"))),
        got(TEXT, hello))
    row("the RFC's stored block", as_is(TEXT, hello, bytes.fromhex("000500faff48656c6c6f00")))
    row("the RFC's block with BFINAL", as_is(TEXT, hello, bytes.fromhex("f348cdc9c9070000")))
    row("the RFC's two blocks", as_is(TEXT, hello, bytes.fromhex("f248050000 00ffffcac9c90700".replace(" ", ""))))
    row("the RFC's empty message", as_is(TEXT, b"", b"\x00"))
    row("an empty compressed frame is an empty message", as_is(BINARY, b"", b""), as_is(TEXT, b"", b""), packed(TEXT, hello, Deflater()))
    row("an earlier fragment has flushed all, the last is empty", *[one for _ in range(2) for one in (
        raw(frame(TEXT, flat(hello, zlib.Z_SYNC_FLUSH), fin=False, rsv=RSV1), frame(CONT, b"")), got(TEXT, hello), packed(TEXT, hello, Deflater()))])
    row("BFINAL and nothing behind", as_is(TEXT, hello, flat(hello)), packed(TEXT, hello * 9, Deflater()))
    row("BFINAL, then more blocks", as_is(TEXT, hello * 3, flat(hello) + flat(hello) + flat(hello) + b"\x00"), text(b"plain"))
    row("BFINAL in the middle keeps the window", *bfinal_window())
    row("stored blocks of every length around 256", *[as_is(BINARY, b"s" * n, stored(b"s" * n) + b"\x00") for n in (0, 1, 255, 256, 257)])
    row("a stored block of 65535 bytes", as_is(BINARY, b"s" * 65535, stored(b"s" * 65535) + b"\x00"))
    row("a hundred stored blocks", as_is(TEXT, hello * 100, stored(hello) * 100 + b"\x00", 5))
    row("a final stored block", as_is(TEXT, hello, stored(hello, True) + b"\x00"), as_is(TEXT, hello, stored(hello, True)))
    row("fixed, dynamic and stored blocks in one message",
        as_is(TEXT, hello + b"x" * 500 + hello, flat(hello, zlib.Z_SYNC_FLUSH, strategy=zlib.Z_FIXED) + flat(b"x" * 500, zlib.Z_FULL_FLUSH)
              + stored(hello) + b"\x00", 4))
    row("a thousand empty stored blocks", as_is(TEXT, b"", b"\x00\x00\x00\xff\xff" * 1000 + b"\x00"))
    row("a flush behind every byte", as_is(TEXT, b"flush" * 20, flushes(b"flush" * 20), 3))
    row("the sender leaves its tail in", as_is(TEXT, hello, flat(hello, zlib.Z_SYNC_FLUSH) + b"\x00"))
    row("every byte a frame, empty frames between", message(TEXT, *[part for b in bytes.fromhex("f248cdc9c90700") for part in (b"", bytes([b]))],
                                                         rsv=RSV1, data=hello))
    row("control frames between compressed fragments", raw(frame(TEXT, bytes.fromhex("f248"), fin=False, rsv=RSV1)), ping(b"1"), wait(1),
        raw(frame(CONT, bytes.fromhex("cdc9"), fin=False)), ping(b"2"), raw(frame(PONG, b"")), Part(events=["pong "]),
        raw(frame(CONT, bytes.fromhex("c90700"))), got(TEXT, hello))
    row("a message of a byte more than the expander's step", *[packed(BINARY, b"z" * n, Deflater()) for n in (16383, 16384, 16385, 32768, 65536, 65537)])
    row("expands to 1 MiB of zeros", packed(BINARY, bytes(1 << 20), Deflater()), packed(BINARY, bytes(1 << 20), Deflater(), 9))
    row("expands to 16 MiB, the most by default", packed(BINARY, bytes(16 << 20), Deflater()), paces=(WHOLE,), is_large=True)
    row("closed inside a compressed message", raw(frame(TEXT, bytes.fromhex("f248"), fin=False, rsv=RSV1)), close(1000))
    row("a compressed character cut by frames", packed(TEXT, "☃𝄞é".encode(), Deflater(), 12))
    return g


def bfinal_window():
    """The second message refers back across a final block in the first (RFC 7692 7.2.3.4)."""
    data = b"remember these words, all of them"
    first = zlib.compressobj(6, zlib.DEFLATED, -15)
    payload = first.compress(data) + first.flush(zlib.Z_FINISH)
    second = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=data)
    reference = second.compress(data) + second.flush(zlib.Z_SYNC_FLUSH)
    return [packed(TEXT, data, None, payload=payload + b"\x00"), packed(TEXT, data, None, payload=reference[:-4]),
            packed(TEXT, data + data, None, 2, payload=payload + reference[:-4])]


def flushes(data):
    z = zlib.compressobj(6, zlib.DEFLATED, -15)
    out = b"".join(z.compress(bytes([b])) + z.flush(zlib.Z_SYNC_FLUSH) for b in data)
    return out[:-4]


def faults():
    g = Group("16", "faults in compressed messages")

    def row(title, rfc, *parts, **more):
        more.setdefault("answer", PMD)
        g.row(title, rfc, *parts, deflate=Terms(), **more)

    hello = Deflater()(b"Hello")
    first = packed(TEXT, b"first", Deflater())
    for opcode, name in ((CONT, "continuation"), (PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
        row(f"RSV1 on a {name}", "7692 6", first, protocol(frame(opcode, b"", rsv=RSV1)))
    row("RSV1 on the second fragment", "7692 6", raw(frame(TEXT, hello[:2], fin=False, rsv=RSV1)), protocol(frame(CONT, hello[2:], rsv=RSV1)))
    row("RSV1 on the second fragment only", "7692 6", raw(frame(TEXT, b"plain", fin=False)), protocol(frame(CONT, hello, rsv=RSV1)))
    row("RSV1 on a ping between compressed fragments", "7692 6", raw(frame(TEXT, hello[:2], fin=False, rsv=RSV1)), protocol(frame(PING, b"", rsv=RSV1)))
    for rsv in (0x20, 0x10, 0x60, 0x50, 0x70):
        row(f"bits {rsv >> 4} on a text", "6455 5.2", first, protocol(frame(TEXT, hello, rsv=rsv)))
    row("RSV1 and a reserved opcode", "6455 5.2", protocol(frame(3, hello, rsv=RSV1)))
    row("RSV1 without the extension", "6455 5.2", text(b"first"), protocol(frame(TEXT, hello, rsv=RSV1)), answer=None)
    for payload, name in ((b"\xff\xff\xff\xff", "ones"), (b"\x07", "the reserved block type"), (b"\x00\x05\x00\x00\x00Hello", "a stored length that is wrong"),
                          (b"\x05\xff\xff", "a bad dynamic block"), (b"\x4b\x04\x00\xff\xff\xff", "rubbish behind BFINAL"),
                          (bytes.fromhex("edfd01"), "a bad code table")):
        row(f"not DEFLATE: {name}", "7692 7.2.2", first, not_deflate(frame(TEXT, payload, rsv=RSV1), frame(TEXT, b"unheard")))
    row("not DEFLATE in a frame whose rest never comes", "7692 7.2.2", first, not_deflate(frame(BINARY, b"\xff\xff\xff\xff", rsv=RSV1, announced=70000)))
    row("a reference in front of the first byte", "7692 7.2.2", not_deflate(frame(TEXT, zlib_reference(), rsv=RSV1)))
    row("a reference across messages without takeover", "7692 7.1.1.1", packed(TEXT, b"remember these words", Deflater()),
        not_deflate(frame(TEXT, zlib_reference(b"remember these words"), rsv=RSV1)), answer=PMD + "; server_no_context_takeover")
    row("a message that is cut inside a block", "7692 7.2.2", not_deflate(frame(BINARY, stored(b"x" * 100)[:50], rsv=RSV1)))
    row("a message that is cut inside a code table", "7692 7.2.2",
        not_deflate(frame(BINARY, Deflater()(bytes(random.Random(1).choices(b"abcdef", k=3000)))[:20], rsv=RSV1)))
    for bad in (b"\xff", b"text \xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
        row(f"{bad.hex()} inside compressed text", "6455 8.1", first, not_utf8(frame(TEXT, Deflater()(b"before " + bad + b" behind"), rsv=RSV1)))
        payload = Deflater()(b"before " + bad, zlib.Z_SYNC_FLUSH) + b"\x00\x00\xff\xff"
        row(f"{bad.hex()} inside compressed text whose rest never comes", "6455 8.1", first, not_utf8(frame(TEXT, payload, rsv=RSV1, announced=5000)))
    row("compressed text that ends inside a character", "6455 8.1", not_utf8(frame(TEXT, Deflater()(b"cut \xe2\x98"), rsv=RSV1)))
    row("compressed binary may be anything", "6455 5.6", packed(BINARY, b"\xff\xc0", Deflater()))

    small = {"max_message_size": 10000}
    row("a compressed message of the largest size", "10.4", packed(BINARY, bytes(10000), Deflater()), options=small)
    row("one of a byte more", "10.4", first, too_big(frame(BINARY, Deflater()(bytes(10001)), rsv=RSV1)), options=small)
    row("a bomb of 16 MiB in 16 KiB", "10.4", first, too_big(frame(BINARY, Deflater()(bytes(16 << 20)), rsv=RSV1)), options=small)
    row("a bomb of 32 MiB against the default", "10.4", first, too_big(frame(BINARY, Deflater()(bytes(32 << 20)), rsv=RSV1)), paces=(WHOLE,))
    bomb = Deflater()(bytes(32 << 20))
    row("a bomb in fragments", "10.4", first, raw(*fragments(BINARY, [bomb[:100], bomb[100:200], b"x"], RSV1)[:2]), too_big(frame(CONT, bomb[200:])), options={"max_message_size": 1 << 20}, paces=(WHOLE, GLUED))
    row("compressed size does not count", "10.4", packed(BINARY, random.Random(3).randbytes(9999), Deflater()), options=small)
    return g


def zlib_reference(dictionary=b"earlier words that nobody sent"):
    z = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=dictionary)
    return z.compress(dictionary) + z.flush(zlib.Z_SYNC_FLUSH)[:-4]


def groups():
    return [offers(), messages(), blocks(), faults()]
