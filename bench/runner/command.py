"""The command line of script/bench."""

import argparse

from . import instructions


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--instructions", action="store_true",
                        help="count instructions per message; no sockets, no clock")
    parser.add_argument("--keep-profiles", action="store_true", help="of --instructions: name the callgrind files")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    if options.instructions:
        return instructions.run(options.keep_profiles)
    return 0
