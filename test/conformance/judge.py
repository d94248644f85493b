"""Compares what a client did, on the wire and before its user, with what its row asks for."""

from itertools import groupby

from rows import NAMES
from wire import CLOSE, CONT, FIN, RSV1


def messages_of(frames, terms):
    """The frames as ("text", data), ("pong", data), ("close", code) ..., and how many were compressed."""
    inflate = terms and terms.inflater()
    out, kind, parts, is_packed, packed = [], None, [], False, 0
    for first, payload in frames:
        opcode = first & 15
        if opcode == CLOSE:
            out.append(("close", int.from_bytes(payload[:2], "big") if payload else None))
        elif opcode & 8:
            out.append((NAMES[opcode], payload))
        else:
            if (opcode == CONT) == (kind is None):
                raise ValueError("the client's fragments are out of order")
            if opcode != CONT:
                kind, parts, is_packed = NAMES[opcode], [], bool(first & RSV1)
            parts.append(payload)
            if first & FIN:
                data = b"".join(parts)
                if is_packed and not inflate:
                    raise ValueError("the client compresses and nobody agreed")
                out.append((kind, inflate(data) if is_packed else data))
                packed += is_packed
                kind = None
    return out, packed


def shown(one):
    if one is None:
        return "nothing"
    name, value = one
    if isinstance(value, bytes) and len(value) > 24:
        return f"{name} of {len(value)} bytes ({value[:12].hex()}...)"
    return f"{name} {value.hex() if isinstance(value, bytes) else value}"


def wire_faults(row, record):
    yield from sorted(set(record.faults))
    if row.offer is not None and record.offer != row.offer:
        yield f"offered {record.offer!r}, not {row.offer!r}"
    try:
        got, packed = messages_of(record.frames, row.deflate)
    except Exception as error:  # zlib.error, ValueError: the client's fault
        yield f"{error}"
        return
    want = row.wire()
    for i in range(max(len(got), len(want))):
        a = got[i] if i < len(got) else None
        b = want[i] if i < len(want) else None
        if a != b:
            yield f"sent as number {i + 1} {shown(a)}, not {shown(b)}"
            break
    if packed < row.min_frames:
        yield f"sent {packed} compressed messages, not {row.min_frames}"
    if record.end != "eof":
        yield f"TCP ended with: {record.end}"
    if record.ended_first and not row.is_by_client():
        yield "ended TCP before the server did (RFC 6455 7.1.1)"
    if record.rest:
        yield f"{record.rest} bytes are no whole frame"


def collapse(events):
    return [f"{event} x{n}" if n > 1 else event for event, group in groupby(events) if (n := len(list(group)))]


def event_faults(row, events, is_blind):
    """`is_blind`: the client's user cannot see pings and pongs."""
    want = [e.rstrip() for e in row.events() if not (is_blind and e.startswith(("ping", "pong")))]
    # The words that come with a failure are for a person.
    got = [" ".join(e.split(" ")[:3]) if e.startswith("close 1006") else e for e in events]
    want, got = collapse(want), collapse(got)
    if got != want:
        at = next((i for i in range(len(want)) if got[i:i + 1] != want[i:i + 1]), len(want))
        yield f"the user saw {', '.join(got[at:at + 3]) or 'nothing more'} in place of {', '.join(want[at:at + 3]) or 'nothing more'}"


def judge(row, record, events, is_blind):
    """What is wrong; empty when nothing is."""
    if record is None:
        return ["the client never came"]
    if events is None:
        return ["the client told no end"] + list(wire_faults(row, record))
    return list(wire_faults(row, record)) + list(event_faults(row, events, is_blind))
