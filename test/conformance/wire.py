"""What goes over the wire, by RFC 6455 5.2 and RFC 7692, written without a look at the library."""

import base64
import hashlib
import struct
import zlib

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1, RSV2, RSV3, MASK = 0x80, 0x40, 0x20, 0x10, 0x80
TAIL = b"\x00\x00\xff\xff"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_value(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()


def length(size, form=None):
    """The length field without the mask bit; `form` 0, 16 or 64 forces one that is not minimal."""
    if form is None:
        form = 0 if size < 126 else 16 if size < 65536 else 64
    if form == 0:
        return bytes([size])
    if form == 16:
        return b"\x7e" + struct.pack(">H", size)
    return b"\x7f" + struct.pack(">Q", size)


def frame(opcode, payload=b"", fin=True, rsv=0, form=None, announced=None):
    """A server's frame: not masked. `announced`: a payload length that is not that of `payload`."""
    size = len(payload) if announced is None else announced
    return bytes([(FIN if fin else 0) | rsv | opcode]) + length(size, form) + payload


def masked_frame(opcode, payload, key=b"\x11\x22\x33\x44"):
    head = bytearray(frame(opcode, b"", announced=len(payload)))
    head[1] |= MASK
    return bytes(head) + key + unmask(payload, key)


def close_payload(code=None, reason=b""):
    return b"" if code is None else struct.pack(">H", code) + reason


def close_frame(code=None, reason=b""):
    return frame(CLOSE, close_payload(code, reason))


def unmask(data, key):
    size = len(data)
    if not size:
        return b""
    repeated = (key * (size // 4 + 1))[:size]
    number = int.from_bytes(data, "little") ^ int.from_bytes(repeated, "little")
    return number.to_bytes(size, "little")


def fragments(opcode, parts, rsv=0):
    """A message in frames, one for each of `parts`."""
    last = len(parts) - 1
    return [frame(opcode if i == 0 else CONT, part, fin=i == last, rsv=rsv if i == 0 else 0)
            for i, part in enumerate(parts)]


class Deflater:
    """One direction of permessage-deflate on the way out."""

    def __init__(self, bits=15, takeover=True, level=6, memory=8):
        # A window of 9 bits is written for 8: zlib keeps 262 bytes of distance in reserve, so that
        # no match reaches further back than 250 bytes.
        self.make = lambda: zlib.compressobj(level, zlib.DEFLATED, -max(bits, 9), memory)
        self.takeover = takeover
        self.z = self.make()

    def __call__(self, data, flush=zlib.Z_SYNC_FLUSH):
        """A whole message, without its tail when that is what the flush ends with."""
        if not self.takeover:
            self.z = self.make()
        out = self.z.compress(data) + self.z.flush(flush)
        if out.endswith(TAIL):
            out = out[:-4]
        return out or b"\x00"


def stored(data, final=False):
    """A stored block (RFC 1951 3.2.4)."""
    size = len(data)
    return bytes([1 if final else 0]) + struct.pack("<HH", size, size ^ 0xFFFF) + data


class Inflater:
    """The other direction, strictly: fed byte by byte, so that zlib refuses every distance beyond
    the window that was agreed (it lets those pass that reach into the output of the same call)."""

    def __init__(self, bits=15, takeover=True):
        self.bits = bits
        self.takeover = takeover
        self.z = zlib.decompressobj(-bits)

    def __call__(self, data):
        if not self.takeover:
            self.z = zlib.decompressobj(-self.bits)
        # A byte can stand for 258 * 8 at most: longer messages would take long.
        step = 1 if len(data) < 4096 else 61
        out = [self.z.decompress(data[i:i + step]) for i in range(0, len(data), step)]
        out.append(self.z.decompress(TAIL))
        if self.z.eof or self.z.unused_data:
            raise ValueError("BFINAL in a message of the client")
        return b"".join(out)


class Frames:
    """The client's bytes as frames. Notes what no client may do (RFC 6455 5.1, 5.2) in `faults`."""

    def __init__(self):
        self.data = bytearray()
        self.at = 0
        self.keys = set()
        self.faults = []

    def feed(self, data):
        if self.at > 1 << 20:
            del self.data[:self.at]
            self.at = 0
        self.data += data
        while (one := self.next()) is not None:
            yield one

    def next(self):
        data, at = self.data, self.at
        if len(data) - at < 2:
            return None
        first, second = data[at], data[at + 1]
        size, at = second & 0x7F, at + 2
        if size > 125:
            width = 2 if size == 126 else 8
            if len(data) - at < width:
                return None
            size = int.from_bytes(data[at:at + width], "big")
            at += width
            if size < (126 if width == 2 else 65536):
                self.faults.append("a length that is not minimal")
        key = b"\0\0\0\0"
        if second & MASK:
            key, at = bytes(data[at:at + 4]), at + 4
        else:
            self.faults.append("a frame that is not masked")
        if len(data) - at < size:
            return None
        payload = unmask(bytes(data[at:at + size]), key)
        self.at = at + size
        self.check(first, size, key)
        return first, payload

    def check(self, first, size, key):
        opcode = first & 15
        if opcode not in (CONT, TEXT, BINARY, CLOSE, PING, PONG):
            self.faults.append(f"the opcode {opcode}")
        if opcode & 8 and (size > 125 or not first & FIN):
            self.faults.append("a control frame that is long or fragmented")
        if first & (RSV2 | RSV3) or (opcode not in (TEXT, BINARY) and first & RSV1):
            self.faults.append("a reserved bit")
        if len(self.keys) < 100:
            if key in self.keys:
                self.faults.append("a mask key twice")
            self.keys.add(key)

    def rest(self):
        return len(self.data) - self.at
