#!/usr/bin/env python3
"""
As kills_test.py, but 10,000 kills.  --rounds: of so many of each domain; --seed; --part K/N: the
K-th of N parts, with a seed of its own.
"""
# suite: long
# timeout: 28800

import argparse
import sys

import kills_runs
import portions
import rotunda_vm

KILLS = 10000


def main():
    rest = rotunda_vm.wanted_tests()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=-(-KILLS // len(kills_runs.DOMAINS)))
    parser.add_argument("--seed", type=int, default=4)
    portions.part_argument(parser)
    options = parser.parse_args(rest)
    rounds, seed = options.part.share(options.rounds), options.part.seed(options.seed)
    print(f"{rounds} rounds, seed {seed}, {options.part}", flush=True)
    return kills_runs.run_all(kills_runs.Amounts(rounds, seed))


if __name__ == "__main__":
    sys.exit(main())
