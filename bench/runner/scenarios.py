"""What is measured, and the goals."""

SIZES = [16, 125, 1024, 16384, 65536, 1048576]
QUICK_SIZES = [16, 1024, 65536]


class Scenario:
    def __init__(self, name, label, mode, kind, path, in_flight=1):
        self.name, self.label, self.mode, self.kind = name, label, mode, kind
        self.path, self.in_flight = path, in_flight


SCENARIOS = [
    Scenario("one", "one in flight (echo)", "echo", "text", "/echo"),
    Scenario("many", "64 in flight (echo)", "echo", "text", "/echo", 64),
    Scenario("send", "send to a sink", "send", "binary", "/sink"),
    Scenario("text", "receive text", "receive", "text", "/source/text/{size}"),
    Scenario("utf8", "receive text beyond ASCII", "receive", "text", "/source/utf8/{size}"),
    Scenario("binary", "receive binary", "receive", "binary", "/source/binary/{size}"),
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}

# For uvws over ws://, by size: a ratio to the floor (a float), or nanoseconds (an int).
GOALS = {
    "one": [1.03, 1.03, 1.05, 1.10, 1.15, 1.05],
    "many": [1.25, 1.30, 1.25, 1.15, 1.10, 1.05],
    "send": [40, 70, 1.25, 1.15, 1.10, 1.05],
    "text": [20, 35, 1.25, 1.15, 1.10, 1.05],
    "binary": [16, 35, 1.20, 1.15, 1.10, 1.05],
}


def goal(scenario, size):
    row = GOALS.get(scenario)
    return row[SIZES.index(size)] if row and size in SIZES else None


def goal_tls(scenario, size, plain_floor_ns, tls_floor_ns):
    """Nanoseconds: what the plain goal allows on top of the plain floor, on top of TLS's; and 5 %."""
    plain = goal(scenario, size)
    if plain is None or not plain_floor_ns or not tls_floor_ns:
        return None
    allowed = plain - plain_floor_ns if isinstance(plain, int) else (plain - 1) * plain_floor_ns
    return (tls_floor_ns + max(allowed, 0)) * 1.05
