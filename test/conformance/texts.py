"""UTF-8, valid and not, wherever frames and reads cut it (RFC 6455 5.6, 8.1; RFC 3629)."""

from rows import BYTES, GLUED, WHOLE, Group, close, got, message, not_utf8, ping, raw, text, wait
from wire import BINARY, CONT, TEXT, frame

VALID = [
    "κόσμε".encode(), "Hello-µ@ßöäüàá-UTF-8!!".encode(), b"\x00", b"\x7f", b"\xc2\x80", b"\xdf\xbf",
    b"\xe0\xa0\x80", b"\xe0\xbf\xbf", b"\xe1\x80\x80", b"\xec\xbf\xbf", b"\xed\x80\x80", b"\xed\x9f\xbf",
    b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xef\xbf\xbe", b"\xef\xbf\xbf", b"\xf0\x90\x80\x80",
    b"\xf0\xbf\xbf\xbf", b"\xf1\x80\x80\x80", b"\xf3\xbf\xbf\xbf", b"\xf4\x80\x80\x80", b"\xf4\x8f\xbf\xbf",
    b"\xf0\x9f\xbf\xbe", b"\xf4\x8f\xbf\xbe", b"\xef\xb7\x90",
]

# What precedes the byte that makes it wrong, and that byte.
INVALID = [
    (b"", 0x80), (b"", 0xBF), (b"", 0xC0), (b"", 0xC1), (b"", 0xF5), (b"", 0xF8), (b"", 0xFC), (b"", 0xFE), (b"", 0xFF),
    (b"\xc2", 0x7F), (b"\xc2", 0xC0), (b"\xdf", 0x20), (b"\xdf", 0xFF),
    (b"\xe0", 0x80), (b"\xe0", 0x9F), (b"\xe0", 0xC0), (b"\xe0\xa0", 0x7F), (b"\xe0\xa0", 0xC0),
    (b"\xe1", 0x7F), (b"\xe1\x80", 0x20), (b"\xec\xbf", 0xC0),
    (b"\xed", 0xA0), (b"\xed", 0xBF), (b"\xed\x9f", 0xC0), (b"\xef", 0x7F), (b"\xef\xbf", 0x41),
    (b"\xf0", 0x80), (b"\xf0", 0x8F), (b"\xf0\x90", 0x7F), (b"\xf0\x90\x80", 0xC0),
    (b"\xf1", 0xC0), (b"\xf3\xbf\xbf", 0x00), (b"\xf4", 0x90), (b"\xf4", 0xBF), (b"\xf4\x8f", 0xC0),
    (b"\xf4\x8f\xbf", 0x7F), (b"\xed\x9f\xbf", 0x80), (b"\xce\xba", 0x80),
]

# Characters that are not finished.
CUT = [b"\xc2", b"\xe0", b"\xe0\xa0", b"\xed\x9f", b"\xf0", b"\xf0\x90", b"\xf0\x90\x80", b"\xf4\x8f\xbf"]


def valid():
    g = Group("7", "valid UTF-8")
    for data in VALID:
        g.row(f"{data.hex()} in one frame", "5.6", text(data), text(b"around " + data + b" it"))
        g.row(f"{data.hex()} a byte a frame", "5.6", text(*[bytes([b]) for b in data]),
              text(b"", *[bytes([b]) for b in data], b""))
    g.row("a character cut by a ping", "5.4, 5.6", raw(frame(TEXT, b"\xe2\x98", fin=False)), ping(b"p"), wait(1),
          raw(frame(CONT, b"\x83")), got(TEXT, "☃".encode()))
    g.row("characters on every side of a word's border", "5.6",
          *[text(b"a" * i + "𝄞".encode() + b"b" * (40 - i)) for i in range(40)])
    g.row("64 KiB of three-byte characters", "5.6", text("☃".encode() * 22000))
    g.row("text of 5 frames, none on a character's border", "5.6",
          text(*["𝄞☃é".encode()[i:i + 2] for i in range(0, 9, 2)]))
    g.row("what is not UTF-8 may be binary", "5.6", message(BINARY, b"\xff\xfe\xc0"))
    return g


def invalid():
    g = Group("8", "invalid UTF-8")
    for before, wrong in INVALID:
        name = (before + bytes([wrong])).hex()
        data = before + bytes([wrong])
        g.row(f"{name} as a whole message", "8.1", not_utf8(frame(TEXT, data)))
        g.row(f"{name} at the end of a longer text", "8.1", text("vorher ☃".encode()),
              not_utf8(frame(TEXT, b"a" * 37 + data), frame(TEXT, b"unheard")))
        g.row(f"{name} in a frame of 1 MiB whose rest never comes", "8.1", text(b"first"),
              not_utf8(frame(TEXT, b"valid so far " + data, announced=1 << 20)))
        g.row(f"{name}, the wrong byte first in the second frame, and no end", "8.1",
              raw(frame(TEXT, b"valid" + before, fin=False)), ping(b"still valid"), wait(1),
              not_utf8(frame(CONT, bytes([wrong]), announced=500, fin=False)))
    for data in CUT:
        g.row(f"{data.hex()} is the end of a message", "8.1", not_utf8(frame(TEXT, b"cut: " + data)))
        g.row(f"{data.hex()} is the end of a message in frames", "8.1", raw(frame(TEXT, data, fin=False)),
              not_utf8(frame(CONT, b"")))
        g.row(f"{data.hex()} is the end of one message, its rest the begin of the next", "8.1",
              not_utf8(frame(TEXT, data), frame(TEXT, b"\x80")))
    base = "κόσμε – ☃ 𝄞 text".encode()
    for at in range(len(base) + 1):
        g.row(f"ff at byte {at} of a frame whose rest never comes", "8.1", text(base),
              not_utf8(frame(TEXT, base[:at] + b"\xff", announced=at + 50)), paces=(WHOLE, GLUED) if at % 4 else (WHOLE, BYTES, GLUED))
    for at in (31, 32, 33, 63, 64, 65, 4095, 4096, 65535, 65536, 65537):
        g.row(f"ff behind {at} valid bytes of a frame of 200,000", "8.1",
              not_utf8(frame(TEXT, b"v" * at + b"\xff", announced=200000)))
    g.row("an invalid text behind 64 KiB of valid ones in one read", "8.1", *[text(b"x" * 1000) for _ in range(60)],
          not_utf8(frame(TEXT, b"\xff")))
    g.row("a close behind an invalid text is not heard", "8.1", not_utf8(frame(TEXT, b"\xff"), close(1000).send[0]))
    return g


def groups():
    return [valid(), invalid()]
