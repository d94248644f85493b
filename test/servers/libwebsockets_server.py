"""libwebsockets-test-server behind the contract of README.md: its port told, its life bound to ours.

It must be given a port, so a free one is looked for and tried. (With port 0 it takes one from the
kernel, but tells of it only at a log level that makes a thousand clients take a minute.)
"""

import ctypes
import signal
import socket
import subprocess
import sys
import time

ATTEMPTS = 5
START_TIMEOUT_S = 10
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_ended(server):
    try:
        server.wait(timeout=0.02)
        return True
    except subprocess.TimeoutExpired:
        return False


def is_listening(server, port):
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and not is_ended(server):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            pass
    return False


def start(port, tls):
    return subprocess.Popen(
        ["libwebsockets-test-server", "-p", str(port), "-i", "127.0.0.1", "-d", "1"] + tls,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent)


def run(tls):
    """True once it has served."""
    port = free_port()
    server = start(port, tls)
    try:
        if not is_listening(server, port):
            return False
        print(f"listening on {'wss' if tls else 'ws'}://127.0.0.1:{port}/", flush=True)
        sys.stdin.buffer.read()
        return True
    finally:
        server.kill()
        server.wait()


def main(args):
    tls = []
    if "--tls" in args:
        files = args[args.index("--tls") + 1:]
        tls = ["--ssl", "-C", files[0], "-K", files[1]]
    if not any(run(tls) for _attempt in range(ATTEMPTS)):
        sys.exit("libwebsockets-test-server does not start")


main(sys.argv[1:])
