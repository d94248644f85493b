"""Instruction counts: the bench_instructions programs under callgrind, and the table kept of them.

Counts do not depend on what else the machine does, so a change of a few per cent shows. They are
kept in bench/instructions.txt: run, look at `git diff`, and commit the file with the change.
"""

import pathlib
import re
import subprocess
import tempfile

from .build import ROOT, build

TABLE = ROOT / "bench" / "instructions.txt"
FACES = {"c": ["bench_instructions"], "lua": ["bench_instructions_lua"],
         "coroutine": ["bench_instructions_lua", "coroutine"], "view": ["bench_instructions_lua", "view"]}
LINE = re.compile(r"(\w+) (.+) (\d+) messages (\d+) allocations (\d+)")


def dumps_of(folder):
    """{name: (file, instructions)}."""
    dumps = {}
    for path in folder.glob("callgrind.*"):
        text = path.read_text(encoding="utf-8", errors="replace")
        name = re.search(r"^desc: Trigger: Client Request: (.+)$", text, re.M)
        total = re.search(r"^totals: (\d+)", text, re.M)
        if name and total:
            dumps[name.group(1).strip()] = (path, int(total.group(1)))
    return dumps


def functions_of(path):
    """Instructions of each function itself, the most expensive first."""
    names, own, current, is_call = {}, {}, None, False
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = re.match(r"(c?fn)=\((\d+)\)(?: (.+))?", line)
        if match:
            if match.group(3):
                names[match.group(2)] = match.group(3)
            if match.group(1) == "fn":
                current = match.group(2)
        elif line.startswith("calls="):
            is_call = True  # the next line has what the called one took
        elif re.match(r"[+\-*\d]", line):
            if not is_call:
                own[current] = own.get(current, 0) + int(line.split()[-1])
            is_call = False
    return sorted(((count, names.get(key, key)) for key, count in own.items()), reverse=True)


def run_face(program, row_to_explain):
    """[(face, kind, size, instructions per message, allocations per message)]."""
    with tempfile.TemporaryDirectory(prefix="uvws-callgrind-") as name:
        folder = pathlib.Path(name)
        command = ["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no",
                   f"--callgrind-out-file={folder}/callgrind.out", *map(str, program)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200, cwd=ROOT,
                              env={"LUA_PATH": str(ROOT / "lua" / "?.lua"), "PATH": "/usr/bin:/bin"})
        dumps = dumps_of(folder)
        rows = []
        for face, kind, size, messages, allocations in map(read_line, said.stdout.splitlines()):
            path, total = dumps[f"{face} {kind} {size}"]
            rows.append((face, kind, size, total / messages, allocations / messages))
            if row_to_explain == f"{face} {kind} {size}":
                for count, function in functions_of(path)[:30]:
                    print(f"{count / messages:12.1f} {function}")
        return rows


def read_line(line):
    face, kind, *numbers = LINE.match(line).groups()
    return face, kind, *map(int, numbers)


def table_of(rows):
    sizes = sorted({row[2] for row in rows})
    counts = {(face, kind, size): count for face, kind, size, count, _ in rows}
    kinds = list(dict.fromkeys((face, kind) for face, kind, *_ in rows))
    lines = ["# Instructions per message, by callgrind (script/bench --instructions); columns: bytes",
             f"{'':24}" + "".join(f"{size:>12}" for size in sizes)]
    for face, kind in kinds:
        cells = "".join(f"{counts[face, kind, size]:>12.0f}" for size in sizes)
        lines.append(f"{face + ' ' + kind:24}{cells}")
    taken = sum(row[4] for row in rows if row[0] == "c")
    lines.append(f"allocations of the library per message, in all the c rows: {taken:.0f}")
    return "\n".join(lines) + "\n"


def compare(old, new):
    """Rows of the table that changed, old beside new, in per cent."""
    def cells(text):
        return {line[:24]: [float(x) for x in line[24:].split()] for line in text.splitlines()
                if line.startswith(tuple(face + " " for face in FACES))}
    before = cells(old)
    for name, now in cells(new).items():
        was = before.get(name)
        if was and len(was) == len(now):
            yield name + "".join(f"{(n / w - 1) * 100:>+11.1f}%" for n, w in zip(now, was))


def run(row_to_explain=None):
    folder = build(["bench/instructions/bench_instructions", "bench/instructions/bench_instructions_lua"])
    faces = FACES if not row_to_explain else {row_to_explain.split()[0]: FACES[row_to_explain.split()[0]]}
    rows = []
    for face, program in faces.items():
        print(f"counting {face} ...", flush=True)
        rows += run_face([folder / "bench" / "instructions" / program[0], *program[1:]], row_to_explain)
    if not row_to_explain:
        keep(table_of(rows))
    return 0


def keep(text):
    old = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    print(text)
    if old:
        print("against the table that was kept:")
        print("\n".join(compare(old, text)))
    TABLE.write_text(text, encoding="utf-8")
