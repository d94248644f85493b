"""The clients that are measured: how each is started, and what it can do."""

import pathlib
import shutil

from .build import ROOT

PEERS = ROOT / "bench" / "peers"
BUN = PEERS / "node_modules" / ".bin" / "bun"
PYTHON = "/usr/bin/python3"
ALL_MODES = ("echo", "send", "receive", "idle")
APT_PACKAGES = ["libwebsockets-dev", "libboost-dev", "libwebsocketpp-dev", "python3-websockets", "g++"]


class Client:
    """`target`: what ninja makes of it; `command`: what is run, before the arguments of job.h."""

    def __init__(self, name, label, command, target=None, modes=ALL_MODES, environment=None, is_ours=False,
                 schemes=("ws", "wss")):
        self.name, self.label, self.command, self.target = name, label, command, target
        self.modes, self.environment, self.is_ours, self.schemes = modes, environment or {}, is_ours, schemes


def can_import_websockets():
    return bool(list(pathlib.Path("/usr/lib/python3/dist-packages").glob("websockets")))


def targets_of(folder):
    """What this build can make."""
    return (folder / "build.ninja").read_text(encoding="utf-8")


def all_clients(folder):
    """(clients, what is missing and why)."""
    known = targets_of(folder)
    clients, missing = [], []

    def compiled(name, label, where, **more):
        target = f"bench/{where}/bench_{name}"
        if f"build {target}:" in known:
            clients.append(Client(name, label, [str(folder / target)], target, **more))
        else:
            missing.append(label)

    def script(name, label, is_there, command, **more):
        if is_there:
            clients.append(Client(name, label, command, **more))
        else:
            missing.append(label)

    node = shutil.which("node")
    compiled("floor", "floor", "clients")
    compiled("uvws", "uvws", "clients", is_ours=True)
    clients += [Client("uvws-whole", "uvws, not resumed", client.command, client.target, ("idle",),
                       {"UVWS_WHOLE": "1"}, True, ("wss",)) for client in clients if client.name == "uvws"]
    script("lua", "uvws, Lua", "build uvws:" in known,
           [str(folder / "uvws"), "run", str(ROOT / "bench/clients/bench_uvws.lua")], target="uvws",
           modes=("echo", "receive"), is_ours=True)
    compiled("lws", "libwebsockets", "peers")
    compiled("beast", "Boost.Beast", "peers")
    compiled("websocketpp", "websocketpp", "peers")
    script("ws", "npm ws", node and (PEERS / "node_modules/ws").exists(), [node, str(PEERS / "web.js"), "ws"])
    script("bun", "Bun", BUN.exists(), [str(BUN), str(PEERS / "web.js"), "bun"])
    script("websockets", "Python websockets", can_import_websockets(),
           [PYTHON, str(PEERS / "websockets_client.py")])
    return clients, missing
