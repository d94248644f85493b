"""What tells of the program's options agrees with the program: manual page and completions."""

import os
import re
import shutil
import subprocess
import unittest

import tap
from peer import SECONDS, program, run

SOURCE = os.environ["UVWS_SOURCE"]
MANUAL = os.path.join(SOURCE, "man", "uvws.1")
COMMANDS = ("connect", "echo-server")


def options_of(command):
    return re.findall(r"^ +(?:-[a-zA-Z], )?--([a-z0-9-]+)", run(command, "--help").stdout.decode(), re.M)


def output_of(*words, **options):
    environment = {**os.environ, "PATH": os.path.dirname(program()) + ":" + os.environ["PATH"]}
    result = subprocess.run(words, capture_output=True, timeout=SECONDS, text=True, env=environment,
                            stdin=subprocess.DEVNULL, **options)
    return result.stdout + result.stderr


def needs(name):
    return unittest.skipUnless(shutil.which(name), f"{name} is not installed")


class Manual(unittest.TestCase):
    def test_every_option_has_its_place_in_the_manual_and_no_other(self):
        with open(MANUAL, encoding="utf-8") as file:
            text = file.read()
        for command in COMMANDS:
            section = text.split(f".Sh OPTIONS OF {command.upper()}")[1].split("\n.Sh ")[0]
            told = [name for line in re.findall(r"^\.It Fl .*$", section, re.M)
                    for name in re.findall(r"(?:Fl|,) -([a-z0-9-]+)", line)]
            self.assertEqual(sorted(told), sorted(options_of(command)))

    @needs("mandoc")
    def test_manual_is_free_of_mandoc_warnings(self):
        said = output_of("mandoc", "-Tlint", "-Wwarning", MANUAL)
        self.assertEqual([line for line in said.splitlines() if "mandoc.db" not in line], [])

    @needs("groff")
    def test_manual_is_free_of_groff_warnings(self):
        said = subprocess.run(["groff", "-mdoc", "-ww", "-Tutf8", MANUAL], timeout=SECONDS,
                              capture_output=True, check=True)
        self.assertEqual(said.stderr, b"")

    def test_help_has_lines_of_a_terminal(self):
        for command in COMMANDS:
            for line in run(command, "--help").stdout.decode().splitlines():
                self.assertLessEqual(len(line), 110, line)


class Completion(unittest.TestCase):
    def file(self, name):
        return os.path.join(SOURCE, "completions", name)

    def bash(self, *words):
        # A completion gets the program, the word and the one before.
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  '_uvws "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        return output_of("bash", "-c", script, "bash", self.file("uvws.bash"), *words).split()

    def fish(self, line):
        out = output_of("fish", "--no-config", "-c", f'source {self.file("uvws.fish")}; complete -C "{line}"')
        return [word.split("\t")[0] for word in out.splitlines()]

    @needs("bash")
    def test_bash_completes_commands_options_and_values(self):
        self.assertEqual(self.bash("uvws", "co"), ["connect"])
        for command in COMMANDS:
            self.assertEqual(sorted(self.bash("uvws", command, "--")),
                             sorted("--" + name for name in options_of(command)))
        self.assertEqual(self.bash("uvws", "connect", "--tls", ""), ["1.0", "1.1", "1.2", "1.3"])
        self.assertIn(MANUAL, self.bash("uvws", "connect", "--ca", MANUAL[:-1]))

    @needs("fish")
    def test_fish_completes_commands_options_and_values(self):
        self.assertEqual(self.fish("uvws co"), ["connect"])
        for command in COMMANDS:
            self.assertLessEqual({"--" + name for name in options_of(command)},
                                 set(self.fish(f"uvws {command} --")))
        self.assertEqual(self.fish("uvws connect --tls "), ["1.0", "1.1", "1.2", "1.3"])

    @needs("zsh")
    def test_zsh_takes_its_completion_for_one(self):
        self.assertEqual(output_of("zsh", "-n", self.file("_uvws")), "")
        with open(self.file("_uvws"), encoding="utf-8") as file:
            self.assertEqual(file.readline(), "#compdef uvws\n")


if __name__ == "__main__":
    tap.main()
