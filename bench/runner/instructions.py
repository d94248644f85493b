"""Instruction counts: the bench_instructions programs under callgrind, and the table kept of them.

Counts do not depend on what else the machine does, so a change of a few per cent shows. They are
kept in bench/instructions.txt: run, look at `git diff`, and commit the file with the change.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile

from .build import ROOT, build

TABLE = ROOT / "bench" / "instructions.txt"
FACES = {"c": "bench_instructions", "lua": "bench_instructions_lua"}
LINE = re.compile(r"(\w+) (.+) (\d+) messages (\d+) allocations (\d+)")


def totals_of(folder):
    """Instructions of each dump by its name."""
    counts = {}
    for path in folder.glob("callgrind.*"):
        text = path.read_text(encoding="utf-8", errors="replace")
        name = re.search(r"^desc: Trigger: Client Request: (.+)$", text, re.M)
        total = re.search(r"^totals: (\d+)", text, re.M)
        if name and total:
            counts[name.group(1).strip()] = int(total.group(1))
    return counts


def run_face(program, keep):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="uvws-callgrind-"))
    command = ["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no",
               f"--callgrind-out-file={folder}/callgrind.out", str(program)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200, cwd=ROOT,
                          env={"LUA_PATH": str(ROOT / "lua" / "?.lua"), "PATH": "/usr/bin:/bin"})
    counts = totals_of(folder)
    rows = []
    for line in said.stdout.splitlines():
        match = LINE.match(line)
        face, kind, size, messages, allocations = match.groups()
        per_message = counts[f"{face} {kind} {size}"] / int(messages)
        rows.append((face, kind, int(size), per_message, int(allocations) / int(messages)))
    if keep:
        print(f"  the profiles: {folder} (callgrind_annotate FILE)")
    else:
        shutil.rmtree(folder)
    return rows


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
                if line.startswith(("c ", "lua "))}
    before = cells(old)
    for name, now in cells(new).items():
        was = before.get(name)
        if was and len(was) == len(now):
            yield name + "".join(f"{(n / w - 1) * 100:>+11.1f}%" for n, w in zip(now, was))


def run(keep_profiles=False):
    folder = build(["bench/instructions/bench_instructions", "bench/instructions/bench_instructions_lua"])
    rows = []
    for face, program in FACES.items():
        print(f"counting {face} ...", flush=True)
        rows += run_face(folder / "bench" / "instructions" / program, keep_profiles)
    text = table_of(rows)
    old = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    print(text)
    if old:
        print("against the table that was kept:")
        print("\n".join(compare(old, text)))
    TABLE.write_text(text, encoding="utf-8")
    return 0
