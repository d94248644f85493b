"""run.py PROGRAM CERTS SPEC [--gc-stress] [--preload LIBRARY] [--lua NAME]: one busted file.

Starts the peers (peer.py), points luajit (or lua5.4 and its kin) at the build folder of PROGRAM (uvws), and prints
busted's TAP. With --preload Lua gets that library first, which is how code that is instrumented
for a sanitizer runs in one that is not. Exit status: busted's.
"""

import argparse
import asyncio
import os
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
import peer


def environment(args, ports):
    build = pathlib.Path(args.program).resolve().parent
    env = dict(os.environ)
    env.update({f"UVWS_PORT_{name}": str(port) for name, port in ports.items()})
    env.update({
        "LUA_PATH": f"{build}/lua/?.lua;{pathlib.Path(__file__).parent}/?.lua;;",
        "LUA_CPATH": f"{build}/lua/?.so;;",
        "RES_OPTIONS": "timeout:1 attempts:1",  # a look-up that must fail may ask a name server
        "UVWS_LUA": args.lua,
        "UVWS_PROGRAM": str(pathlib.Path(args.program).resolve()),
        "UVWS_CA_FILE": f"{args.certs}/ca.pem",
        "UVWS_EXAMPLES": str(pathlib.Path(__file__).resolve().parents[2] / "examples"),
    })
    if args.gc_stress:
        env["UVWS_GC_STRESS"] = "1"
    if args.preload:
        env["UVWS_PRELOAD"] = args.preload
    return env


def command(args):
    words = [shutil.which(args.lua), shutil.which("busted"), "--output=TAP", args.spec]
    return ["env", f"LD_PRELOAD={args.preload}", *words] if args.preload else words


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("certs")
    parser.add_argument("spec")
    parser.add_argument("--gc-stress", action="store_true")
    parser.add_argument("--preload")
    parser.add_argument("--lua", default="luajit")
    parser.add_argument("--timeout", type=int, default=110)
    args = parser.parse_args()
    ports = await peer.start(args.certs)
    process = await asyncio.create_subprocess_exec(*command(args), env=environment(args, ports))
    try:
        return await asyncio.wait_for(process.wait(), args.timeout)
    except asyncio.TimeoutError:
        process.kill()
        print(f"Bail out! not done within {args.timeout} s")
        return 1


status = asyncio.run(main())
sys.stdout.flush()
os._exit(status)  # the peers' connections need no farewell
