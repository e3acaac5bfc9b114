"""Start the paper exchange without the rest of the desk."""

import argparse
import sys

from .options import add_arguments, read_options
from .server.run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="paper", description="A paper exchange for Kite clients.")
    add_arguments(parser)
    return run(read_options(vars(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
