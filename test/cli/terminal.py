"""A program on a pseudo-terminal, and enough of a terminal to say what stands on its screen."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from peer import SECONDS, program

CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z@])")


class Terminal:
    """`environment` is added to that of the tests; None takes a variable out of it."""

    def __init__(self, *arguments, columns=60, **environment):
        self.parent, child = pty.openpty()
        self.columns = columns
        self.set_size(columns)
        self.found = termios.tcgetattr(child)
        env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "UVWS_HISTORY": "",
               "NO_COLOR": "", **environment}
        env = {name: value for name, value in env.items() if value is not None}
        self.process = subprocess.Popen([program(), *arguments], stdin=child, stdout=child,
                                        stderr=child, env=env, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.child = child
        self.output = b""

    def set_size(self, columns):
        self.columns = columns
        fcntl.ioctl(self.parent, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, text):
        os.write(self.parent, text if isinstance(text, bytes) else text.encode())

    def local_modes(self):
        return termios.tcgetattr(self.child)[3]

    def local_modes_until(self, is_there, seen):
        """Look at the terminal's modes as often as can be, reading, until `is_there()`."""
        end = time.monotonic() + SECONDS
        while not is_there():
            if time.monotonic() > end:
                raise AssertionError(f"not seen; the screen: {self.screen()}")
            self.read_some(0)
            seen.add(self.local_modes())
        return {self.local_modes()}

    def hang_up(self):
        os.close(self.parent)
        self.parent = None

    def read_some(self, seconds):
        if not select.select([self.parent], [], [], seconds)[0]:
            return False
        self.output += os.read(self.parent, 65536)
        return True

    def wait(self, is_there, what):
        """Read until `is_there()`."""
        end = time.monotonic() + SECONDS
        while not is_there():
            if time.monotonic() > end:
                raise AssertionError(f"not seen: {what}; the screen: {self.screen()}")
            self.read_some(1)

    def wait_for_line(self, line):
        self.wait(lambda: line in self.screen(), line)

    def wait_for_bytes(self, data):
        self.wait(lambda: data in self.output, data)

    def screen(self):
        """The lines that were ever shown, without their colours and trailing spaces."""
        rows, row, column = [""], 0, 0
        text = self.output.decode("utf-8", "ignore")
        at = 0
        while at < len(text):
            control = CONTROL.match(text, at)
            if control:
                at = control.end()
                count = int(control.group(1)) if control.group(1).isdigit() else 1
                row, column = self.obey(rows, row, column, control.group(2), count)
                continue
            c = text[at]
            at += 1
            if c == "\r":
                column = 0
            elif c == "\n":
                row += 1
            elif c == "\b":
                column = max(column - 1, 0)
            elif c >= " ":
                if column == self.columns:
                    row, column = row + 1, 0
                while len(rows) <= row:
                    rows.append("")
                line = rows[row].ljust(column)
                rows[row] = line[:column] + c + line[column + 1:]
                column += 1
            while len(rows) <= row:
                rows.append("")
        return [line.rstrip() for line in rows]

    @staticmethod
    def obey(rows, row, column, command, count):
        if command == "A":
            row = max(row - count, 0)
        elif command == "B":
            row += count
        elif command == "C":
            column += count
        elif command == "D":
            column = max(column - count, 0)
        elif command in "JK" and row < len(rows):
            rows[row] = rows[row][:column]
            if command == "J":
                del rows[row + 1:]
        elif command == "P":
            rows[row] = rows[row][:column] + rows[row][column + count:]
        elif command == "@":
            rows[row] = rows[row].ljust(column)
            rows[row] = rows[row][:column] + " " * count + rows[row][column:]
        return row, column

    def finish(self):
        """The exit status; the terminal must be as it was found."""
        end = time.monotonic() + SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            self.read_some(0.1)
        status = self.process.wait(1)
        while self.read_some(0):
            pass
        assert termios.tcgetattr(self.child) == self.found, "the terminal is not as it was found"
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.child)
        if self.parent is not None:
            os.close(self.parent)
