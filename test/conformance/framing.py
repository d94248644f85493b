"""Payload lengths, pings and pongs, reserved bits, opcodes, fragmentation, lengths, masks."""

from rows import GLUED, WHOLE, Group, binary, got, ping, pong, protocol, raw, text, wait
from wire import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame, masked_frame

SIZES = (0, 1, 2, 124, 125, 126, 127, 128, 129, 65534, 65535, 65536, 65537, 131072)
RESERVED_OPCODES = (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)


def sizes():
    g = Group("1", "payload sizes")
    for size in SIZES:
        g.row(f"a text of {size} bytes", "5.2, 5.6", text(b"*" * size))
        g.row(f"a binary message of {size} bytes", "5.2, 5.6", binary(bytes(i & 255 for i in range(size))))
    g.row("a text of every UTF-8 length", "5.6", text("κόσμε 𝄞 é ☃".encode() * 100))
    g.row("binary with every byte", "5.6", binary(bytes(range(256))))
    g.row("a hundred texts", "5.6", *[text(b"%d" % i) for i in range(100)])
    g.row("text and binary in turn", "5.6", *[kind(b"x" * i) for i in range(40) for kind in (text, binary)])
    return g


def pings():
    g = Group("2", "pings and pongs")
    for size in (0, 1, 124, 125):
        g.row(f"a ping of {size} bytes", "5.5.2", ping(bytes(255 - i for i in range(size))))
    g.row("a ping of 126 bytes", "5.5", protocol(frame(PING, b"p" * 126)))
    g.row("only the header of a ping of 126 bytes", "5.5", protocol(b"\x89\x7e\x00\x7e"))
    g.row("a ping of 5 bytes with a 16-bit length", "5.5", protocol(frame(PING, b"hello", form=16)))
    g.row("a ping that is a fragment", "5.5", protocol(frame(PING, b"p", fin=False)))
    g.row("a pong that is a fragment", "5.5", protocol(frame(PONG, b"p", fin=False)))
    g.row("an unsolicited pong", "5.5.3", pong())
    g.row("an unsolicited pong with a payload, then a ping", "5.5.3", pong(b"unasked"), ping(b"p"))
    g.row("a pong of 126 bytes", "5.5", protocol(frame(PONG, b"p" * 126)))
    g.row("ten pings, each answered in order", "5.5.2", *[ping(b"ping %d" % i) for i in range(10)])
    g.row("pings and texts keep their order", "5.5.2",
          *[one for i in range(20) for one in (ping(b"p%d" % i), text(b"t%d" % i), pong(b"q"))])
    g.row("a ping that is waited for, twice", "5.5.2", ping(b"a"), wait(1), ping(b"b"), wait(2))
    g.row("a thousand pings", "5.5.2", ping(b"flood", 1000), paces=(WHOLE, GLUED))
    g.row("100,000 pings", "5.5.2", ping(b"flood", 100000), text(b"alive"), paces=(WHOLE,), is_large=True)
    g.row("100,000 pongs", "5.5.3", pong(b"flood", 100000), text(b"alive"), paces=(WHOLE,), is_large=True)
    return g


def reserved_bits():
    g = Group("3", "reserved bits")
    for bits in range(1, 8):
        rsv = bits << 4
        for opcode, name in ((TEXT, "text"), (BINARY, "binary"), (PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
            g.row(f"bits {bits} on a {name} frame", "5.2", protocol(frame(opcode, b"", rsv=rsv)))
        g.row(f"bits {bits} on a text behind a text, before a ping", "5.2", text(b"Hello"),
              protocol(frame(TEXT, b"Hello", rsv=rsv), frame(PING, b"unheard")))
        g.row(f"bits {bits} on a ping between fragments", "5.2", raw(frame(TEXT, b"a", fin=False)),
              protocol(frame(PING, b"", rsv=rsv), frame(CONT, b"b")))
        g.row(f"bits {bits} on a continuation", "5.2", text(b"Hello"), raw(frame(TEXT, b"a", fin=False)),
              protocol(frame(CONT, b"b", rsv=rsv)))
        g.row(f"bits {bits} on a header alone", "5.2", binary(b"x"),
              protocol(frame(BINARY, b"", rsv=rsv, announced=1 << 40)))
    return g


def opcodes():
    g = Group("4", "opcodes")
    for opcode in RESERVED_OPCODES:
        g.row(f"opcode {opcode} without a payload", "5.2", protocol(frame(opcode)))
        g.row(f"opcode {opcode} with a payload", "5.2", protocol(frame(opcode, b"reserved")))
        g.row(f"opcode {opcode} behind a text, before a ping", "5.2", text(b"Hello"),
              protocol(frame(opcode), frame(PING)))
        g.row(f"opcode {opcode} with a payload behind a text", "5.2", text(b"Hello"), binary(b"\0" * 300),
              protocol(frame(opcode, b"reserved"), frame(TEXT, b"unheard")))
        g.row(f"opcode {opcode} between fragments", "5.2", raw(frame(TEXT, b"a", fin=False)),
              protocol(frame(opcode, b"x"), frame(CONT, b"b")))
        g.row(f"opcode {opcode} without FIN", "5.2", protocol(frame(opcode, b"x", fin=False)))
    return g


def fragmentation():
    g = Group("5", "fragmentation")
    for opcode, name in ((TEXT, "text"), (BINARY, "binary")):
        def cut(data, fin=False, first=opcode):
            return raw(frame(first, data, fin=fin))

        def more(data, fin=False):
            return raw(frame(CONT, data, fin=fin))

        g.row(f"{name} in two", "5.4", cut(b"one"), more(b"two", True), got(opcode, b"onetwo"))
        g.row(f"{name} in three, all empty", "5.4", cut(b""), more(b""), more(b"", True), got(opcode, b""))
        g.row(f"{name}: empty, full, empty", "5.4", cut(b""), more(b"middle"), more(b"", True), got(opcode, b"middle"))
        g.row(f"{name}: full, empty, full", "5.4", cut(b"a"), more(b""), more(b"b", True), got(opcode, b"ab"))
        g.row(f"{name} with a ping between", "5.4", cut(b"one"), ping(b"p"), more(b"two", True), got(opcode, b"onetwo"))
        g.row(f"{name} with pings and pongs everywhere", "5.4", ping(b"0"), cut(b"1"), ping(b"1"), pong(b"2"), ping(),
              more(b"2"), pong(), ping(b"3"), more(b"3"), ping(b"4" * 125), more(b"", True), got(opcode, b"123"), ping(b"5"))
        g.row(f"{name} with a ping that is answered before the rest comes", "5.4", cut(b"one"), ping(b"p"), wait(1),
              more(b"two", True), got(opcode, b"onetwo"))
        g.row(f"{name} in 300 fragments of 0 to 299 bytes", "5.4",
              cut(b""), *[more(b"%" * i) for i in range(1, 299)], more(b"%" * 299, True), got(opcode, b"%" * 44850))
        g.row(f"{name} a byte a fragment", "5.4", cut(b"a"), *[more(b"b") for _ in range(199)], more(b"c", True),
              got(opcode, b"a" + b"b" * 199 + b"c"))
        g.row(f"two {name}s in pieces, one behind the other", "5.4", cut(b"a"), more(b"b", True), got(opcode, b"ab"),
              cut(b"c"), ping(), more(b"d", True), got(opcode, b"cd"))
        g.row(f"fragments of {name} at the borders of lengths", "5.4", cut(b"x" * 125), more(b"x" * 126), more(b"x" * 127),
              more(b"x" * 65535), more(b"x" * 65536), more(b"x", True), got(opcode, b"x" * 131450))
        g.row(f"a {name} inside a {name}", "5.4", cut(b"a"), protocol(frame(opcode, b"b")))
        g.row(f"a {name} begun inside a {name}", "5.4", cut(b"a"), protocol(frame(opcode, b"b", fin=False), frame(CONT, b"c")))
        g.row(f"a {name} inside the other kind", "5.4", cut(b"a"), protocol(frame(3 - opcode, b"b")))
        g.row(f"a {name}, its end, and a continuation too many", "5.4", cut(b"a"), more(b"b", True), got(opcode, b"ab"),
              protocol(frame(CONT, b"c")))
        g.row(f"a whole {name}, then a continuation", "5.4", raw(frame(opcode, b"a")), got(opcode, b"a"),
              protocol(frame(CONT, b"c", fin=False), frame(opcode, b"unheard")))
    for fin in (True, False):
        for data in (b"", b"x"):
            g.row(f"a continuation (FIN {fin:d}, {len(data)} bytes) first", "5.4", protocol(frame(CONT, data, fin=fin)))
            g.row(f"a continuation (FIN {fin:d}, {len(data)} bytes) first, then a text", "5.4",
                  protocol(frame(CONT, data, fin=fin), frame(TEXT, b"unheard")))
    g.row("a continuation behind a ping", "5.4", ping(b"p"), protocol(frame(CONT, b"x")))
    return g


def headers():
    g = Group("6", "lengths and masks")
    for opcode, name in ((TEXT, "text"), (BINARY, "binary")):
        for size, form in ((0, 16), (1, 16), (125, 16), (0, 64), (125, 64), (126, 64), (65535, 64)):
            g.row(f"a {name} of {size} bytes with a {form}-bit length", "5.2",
                  text(b"first"), protocol(frame(opcode, b"x" * min(size, 300), form=form, announced=size)))
        for key in (b"\0\0\0\0", b"\1\2\3\4"):
            g.row(f"a {name} masked with {key.hex()}", "5.1", text(b"first"), protocol(masked_frame(opcode, b"hello", key)))
        g.row(f"a {name} of 2^63 bytes", "5.2", protocol(frame(opcode, b"", announced=1 << 63)))
        g.row(f"a {name} of 2^64 - 1 bytes", "5.2", protocol(frame(opcode, b"", announced=(1 << 64) - 1)))
    g.row("an empty masked frame", "5.1", protocol(masked_frame(TEXT, b"")))
    g.row("a masked ping", "5.1", text(b"first"), protocol(masked_frame(PING, b"p")))
    g.row("a masked close", "5.1", text(b"first"), protocol(masked_frame(CLOSE, b"\x03\xe8")))
    g.row("a masked continuation", "5.1", raw(frame(TEXT, b"a", fin=False)), protocol(masked_frame(CONT, b"b")))
    g.row("a masked frame of 16-bit length, its header alone", "5.1", protocol(b"\x82\xfe\x01\x00\1\2\3\4"))
    return g


def groups():
    return [sizes(), pings(), reserved_bits(), opcodes(), fragmentation(), headers()]
