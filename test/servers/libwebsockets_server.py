"""libwebsockets-test-server behind the contract of README.md: its port told, its life bound to ours."""

import re
import subprocess
import sys
import threading

# Log level 16 ("debug") is the one at which the server tells which port the kernel gave it.
COMMAND = ["libwebsockets-test-server", "-p", "0", "-i", "127.0.0.1", "-d", "16"]


def drain(log):
    for _line in log:
        pass


def find_port(log):
    for line in log:
        match = re.search(r"lws_socket_bind says (\d+)", line)
        if match:
            return match.group(1)
    sys.exit("libwebsockets-test-server did not start")


def main(args):
    is_secure = args[:1] == ["--tls"]
    tls = ["--ssl", "-C", args[1], "-K", args[2]] if is_secure else []
    server = subprocess.Popen(
        COMMAND + tls, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace")
    try:
        port = find_port(server.stderr)
        threading.Thread(target=drain, args=(server.stderr,), daemon=True).start()
        print(f"listening on {'wss' if is_secure else 'ws'}://127.0.0.1:{port}/", flush=True)
        sys.stdin.buffer.read()
    finally:
        server.kill()
        server.wait()


main(sys.argv[1:])
