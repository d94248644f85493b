#!/usr/bin/env python3
"""Holds the functions of libuv that the library calls against those that the fault tests make fail.

One that can fail has to be in uv_calls.h; the others stand here, with the reason.
usage: check_calls.py SOURCE_ROOT
"""
import pathlib
import re
import sys

FOLDERS = ("util", "proto", "io", "conn", "api")

CANNOT_FAIL = {
    # libuv's documentation: they always succeed.
    "uv_check_init", "uv_check_start", "uv_check_stop", "uv_idle_init", "uv_idle_start",
    "uv_idle_stop", "uv_timer_init", "uv_read_stop",
    # They fail only for a handle that is closing, or without a callback: an error of ours.
    "uv_timer_start", "uv_timer_stop", "uv_async_send",
    # Nothing is answered.
    "uv_close", "uv_freeaddrinfo", "uv_fs_req_cleanup", "uv_mutex_destroy", "uv_mutex_lock",
    "uv_mutex_unlock", "uv_once", "uv_pipe_connect", "uv_ref", "uv_unref",
    # They only look, or put something together.
    "uv_buf_init", "uv_hrtime", "uv_is_closing", "uv_now", "uv_strerror",
    "uv_stream_get_write_queue_size", "uv_translate_sys_error",
    # Without memory or system of their own: the text decides, and the unit tests have the texts.
    "uv_inet_ntop", "uv_inet_pton", "uv_ip4_addr", "uv_ip4_name", "uv_ip6_addr", "uv_ip6_name",
    "uv_os_getenv", "uv_err_name", "uv_err_name_r", "uv_strerror_r",
    # Not being able to cancel is the usual case, and to close a file the kernel's last word.
    "uv_cancel", "uv_fs_close",
}


def calls_of(root):
    calls = set()
    for folder in FOLDERS:
        for path in sorted((root / "src" / folder).glob("*.[ch]")):
            calls.update(re.findall(r"\b(uv_[a-z0-9_]+)\(", path.read_text()))
    # A function handed on is called as well.
    calls.add("uv_getaddrinfo")
    return calls


def main():
    root = pathlib.Path(sys.argv[1])
    failing = set(re.findall(r"__wrap_(uv_[a-z0-9_]+)\b", (root / "test/fault/uv_calls.c").read_text()))
    failing.discard("uv_close")  # it does not fail there either
    failing |= set(re.findall(r"X\((uv_[a-z0-9_]+)", (root / "test/fault/uv_calls.h").read_text()))
    calls = calls_of(root)
    missing = sorted(calls - failing - CANNOT_FAIL)
    needless = sorted(failing - calls)
    print("1..2")
    print(f"{'not ' if missing else ''}ok 1 - every call of libuv that can fail is made to fail")
    print("".join(f"# {name} is in neither list\n" for name in missing), end="")
    print(f"{'not ' if needless else ''}ok 2 - nothing else is")
    print("".join(f"# {name} is never called\n" for name in needless), end="")
    return 1 if missing or needless else 0


sys.exit(main())
