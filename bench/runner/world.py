"""The server and the cores: the server has one core for itself, the client the other."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

ONE_RUN_SECONDS = 120


def cores():
    """(server's, client's): different ones where there are two."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]


class World:
    """A running bench server; a context manager."""

    def __init__(self, folder):
        self.folder = folder
        self.server_core, self.client_core = cores()
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="uvws-bench-"))
        self.ports = {}

    def __enter__(self):
        cert, key = self.scratch / "cert.pem", self.scratch / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
                       check=True, capture_output=True, stdin=subprocess.DEVNULL)
        command = [self.folder / "bench/server/bench_server", "--cert", cert, "--key", key]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       preexec_fn=lambda: os.sched_setaffinity(0, {self.server_core}))
        for _ in range(2):
            name, port = self.server.stdout.readline().split()
            self.ports[name] = int(port)
        return self

    def __exit__(self, *_):
        self.server.stdin.close()
        self.server.wait(10)
        shutil.rmtree(self.scratch)

    def uri(self, scheme, path):
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}{path}"

    def run(self, command, environment=None, seconds=ONE_RUN_SECONDS):
        """(the line of JSON or None, standard error)."""
        try:
            said = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds,
                                  stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})},
                                  preexec_fn=lambda: os.sched_setaffinity(0, {self.client_core}))
        except subprocess.TimeoutExpired:
            return None, f"took more than {seconds} s"
        try:
            return json.loads(said.stdout.splitlines()[-1]), said.stderr
        except (IndexError, ValueError):
            return None, said.stderr.strip() or f"exit status {said.returncode}"
