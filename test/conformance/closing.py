"""The closing handshake (RFC 6455 5.5.1, 7) and limits."""

from rows import BYTES, GLUED, WHOLE, Group, Part, Wait, bad, binary, close, got, not_utf8, ping, protocol, raw, text, too_big
from wire import BINARY, CLOSE, CONT, TEXT, close_frame, close_payload, frame

GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
              3000, 3001, 3500, 3999, 4000, 4001, 4500, 4998, 4999)
BAD_CODES = (0, 1, 2, 42, 100, 500, 998, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1100, 1500, 1999, 2000, 2001, 2500,
             2998, 2999, 5000, 5001, 9999, 16384, 32767, 32768, 65534, 65535)


def by_server():
    g = Group("9", "closed by the server")
    g.row("no code", "7.1.5", close())
    for code in GOOD_CODES:
        g.row(f"the code {code}", "7.4", close(code))
        g.row(f"the code {code} with a reason", "7.4", text(b"Hello"), close(code, "gründlich ☃".encode()))
    for code in BAD_CODES:
        g.row(f"the code {code}", "7.4", protocol(close_frame(code)))
        g.row(f"the code {code} with a reason, behind a text", "7.4", text(b"Hello"), protocol(close_frame(code, b"why")))
    g.row("a payload of one byte", "5.5.1", protocol(frame(CLOSE, b"\x03")))
    g.row("the header of a payload of one byte", "5.5.1", protocol(frame(CLOSE, b"", announced=1)))
    for size in (1, 122, 123):
        g.row(f"a reason of {size} bytes", "5.5", close(1000, b"r" * size))
    for size in (124, 125, 300):
        g.row(f"a reason of {size} bytes", "5.5", protocol(close_frame(1000, b"r" * size)))
    g.row("a reason with a NUL byte", "5.5.1", close(1000, b"a\0b"))
    for reason in (b"\xff", b"ok then \xc0\x80", b"\xed\xa0\x80", b"cut \xe2\x98", b"\xf4\x90\x80\x80"):
        g.row(f"the reason {reason.hex()}", "5.5.1, 8.1", not_utf8(close_frame(1000, reason)))
        g.row(f"the reason {reason.hex()} behind a text and a ping", "5.5.1, 8.1", text(b"Hello"), ping(b"p"),
              not_utf8(close_frame(3000, reason)))
    g.row("a close that is a fragment", "5.5", protocol(frame(CLOSE, close_payload(1000), fin=False)))
    for name, behind in (("a text", frame(TEXT, b"unheard")), ("a ping", frame(9, b"unheard")), ("a close", close_frame(1001)),
                         ("a broken frame", b"\xff\xff\xff"), ("a text of 100,000 bytes", frame(TEXT, b"x" * 100000)),
                         ("half a frame", b"\x81")):
        g.row(f"{name} behind the close", "5.5.1", text(b"Hello"), close(1000, b"", behind))
    g.row("while a fragmented message is open", "5.4, 5.5.1", text(b"first"), raw(frame(TEXT, b"a", fin=False)), close(1001))
    g.row("while a fragmented message is open, its rest behind", "5.4, 5.5.1", raw(frame(TEXT, b"a", fin=False)),
          close(1000, b"", frame(CONT, b"b")))
    g.row("behind 256 KiB that are echoed", "7.1", text(b"*" * 262144), close(1000))
    g.row("behind 300 texts", "7.1", *[text(b"%d" % i) for i in range(300)], close(1000, b"enough"))
    g.row("the server's close and a ping in front of it", "5.5.1", ping(b"last"), close(4000, b"x"))
    return g


def by_client():
    g = Group("10", "closed by the client")

    def answer(code=None, reason=b""):
        return Part([Wait(1), close_frame(code, reason)], [], [f"close {code or 1005} 1 {reason.hex()}"], ends=True)

    def begun(code):
        return Part([], [("close", code)])

    for code in (1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999):
        g.row(f"with {code}, answered in kind", "7.1.2", begun(code), answer(code), options={"open": f"close:{code}"})
    g.row("without a code, answered without one", "7.1.2", begun(None), answer(), options={"open": "close:0"})
    g.row("with 1000, answered with 1001 and a reason", "7.1.2", begun(1000), answer(1001, b"me too"), options={"open": "close:1000"})
    g.row("with 4000, and messages come before the answer", "7.1.2", begun(4000), raw(Wait(1)),
          raw(frame(TEXT, b"late"), frame(BINARY, b"later")), got(TEXT, b"late", echo=False), got(BINARY, b"later", echo=False),
          answer(4000), options={"open": "close:4000"})
    g.row("with 1000, and a ping comes before the answer", "5.5.2", begun(1000), raw(Wait(1)),
          Part([frame(9, b"late")], [], ["ping 6c617465"]), answer(1000), options={"open": "close:1000"})
    g.row("with 1000, and a broken frame comes in place of the answer", "7.1.7", begun(1000),
          Part([Wait(1), frame(3)], [], ["error UVWS_EPROTOCOL", "close 1006 0"], True, True), options={"open": "close:1000"})
    g.row("with 1000, and the answer carries a code that may not be", "7.4", begun(1000),
          Part([Wait(1), close_frame(1005)], [], ["error UVWS_EPROTOCOL", "close 1006 0"], True, True), options={"open": "close:1000"})
    g.row("with 1000, and the server is silent", "7.1.1", begun(1000),
          Part([Wait(1)], [], ["error UVWS_ECLOSE_TIMEOUT", "close 1006 0"], True, True),
          options={"open": "close:1000", "close_timeout_ms": 150}, silent=True, paces=(WHOLE,))
    g.row("with 1000, answered, and the server keeps TCP open", "7.1.1", begun(1000), answer(1000),
          options={"open": "close:1000", "close_timeout_ms": 150}, silent=True, paces=(WHOLE,))
    g.row("the server's close, and it keeps TCP open", "7.1.1", close(1000), options={"close_timeout_ms": 150},
          silent=True, paces=(WHOLE,))
    return g


def limits():
    g = Group("11", "limits")
    small = {"max_message_size": 1000}
    for opcode, name in ((TEXT, "text"), (BINARY, "binary")):
        kind = text if opcode == TEXT else binary
        g.row(f"a {name} of the largest size", "10.4", kind(b"x" * 1000), options=small)
        g.row(f"a {name} of the largest size in pieces", "10.4", kind(b"x" * 500, b"", b"x" * 499, b"x"), options=small)
        g.row(f"the header of a {name} that is a byte too long", "10.4", kind(b"x"),
              too_big(frame(opcode, b"", announced=1001)), options=small)
        g.row(f"a {name} of 2^63 - 1 bytes, its header", "10.4", too_big(frame(opcode, b"", announced=(1 << 63) - 1)))
        g.row(f"a {name} of 1 GiB, its header", "10.4", too_big(frame(opcode, b"abc", announced=1 << 30)))
        g.row(f"fragments of a {name} that sum up to one byte too much", "10.4", raw(frame(opcode, b"x" * 999, fin=False)),
              raw(frame(CONT, b"x", fin=False)), too_big(frame(CONT, b"", announced=1)), options=small)
        g.row(f"fragments of a {name} whose sum overflows 64 bits", "10.4", raw(frame(opcode, b"x" * 999, fin=False)),
              too_big(frame(CONT, b"", announced=(1 << 63) - 1)), options=small)
        g.row(f"a {name} of 16 MiB is the default's most", "10.4", too_big(frame(opcode, b"", announced=(16 << 20) + 1)))
    few = {"max_fragments": 10}
    g.row("as many fragments as may be", "10.4", text(*[b"f"] * 10), text(*[b""] * 10), options=few)
    for data in (b"", b"f"):
        g.row(f"a fragment of {len(data)} bytes too many", "10.4", raw(frame(TEXT, data, fin=False)),
              raw(*[frame(CONT, data, fin=False)] * 9), bad(1009, "ETOO_MANY_FRAGMENTS", frame(CONT, data)), options=few)
    return g


def large():
    g = Group("12", "large messages")
    mib = 1 << 20
    pattern = bytes(i * 7 & 255 for i in range(4099))

    def data(size):
        return (pattern * (size // len(pattern) + 1))[:size]

    for size in (mib, 4 * mib, 16 * mib):
        big = size > mib
        g.row(f"a text of {size // mib} MiB", "5.2", text(b"*" * size), paces=(WHOLE, BYTES) if not big else (WHOLE,), is_large=big)
        g.row(f"a binary message of {size // mib} MiB", "5.2", binary(data(size)), paces=(WHOLE, BYTES) if not big else (WHOLE,), is_large=big)
    for chop in (64, 256, 1024, 4096, 16384, 65536, 262144, mib):
        whole = data(4 * mib)
        g.row(f"4 MiB binary in fragments of {chop}", "5.4",
              joined(binary(*[whole[i:i + chop] for i in range(0, len(whole), chop)])), paces=(WHOLE,), is_large=chop < 4096)
    for chop in (997, 65536, 4 * mib):
        g.row(f"16 MiB text in fragments of {chop}", "5.4",
              joined(text(*[b"t" * min(chop, 16 * mib - i) for i in range(0, 16 * mib, chop)])), paces=(WHOLE,), is_large=True)
    g.row("65,536 fragments of 64 bytes", "5.4", joined(text(*[b"*" * 64] * 65536)), paces=(WHOLE, GLUED), is_large=True)
    g.row("65,536 empty fragments", "5.4", joined(binary(*[b""] * 65536)), paces=(WHOLE,))
    g.row("65,537 empty fragments", "5.4, 10.4", raw(frame(BINARY, fin=False) + frame(CONT, fin=False) * 65535),
          bad(1009, "ETOO_MANY_FRAGMENTS", frame(CONT)), paces=(WHOLE,))
    g.row("16 MiB text that turns wrong behind 12 MiB", "8.1",
          not_utf8(frame(TEXT, b"v" * (12 * mib) + b"\x80", announced=16 * mib)), paces=(WHOLE,), is_large=True)
    g.row("10,000 texts of 64 bytes", "5.2", joined(*[text(b"*" * 64)] * 10000), paces=(WHOLE,))
    return g


def joined(*parts):
    """The parts' bytes in one write."""
    whole = Part([b"".join(piece for part in parts for piece in part.send)])
    whole.wire = [one for part in parts for one in part.wire]
    whole.events = [one for part in parts for one in part.events]
    return whole


def groups():
    return [by_server(), by_client(), limits(), large()]
