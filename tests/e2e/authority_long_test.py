#!/usr/bin/env python3
"""
A hundred million operations on handles against the model, and as many random calls: on one CPU for
the most part, since four that wait for each other on two processors of a host take ten times as
long.  --part K/N is the K-th of N parts, with seeds of its own.
"""
# suite: long
# timeout: 40000

import argparse
import os
import sys

import authority_runs
import portions
import rotunda_vm

SECONDS = 18000
# Kernel, CPUs, GIC, what is counted, how many, what else.
RUNS = [
    ("rotunda-authority-test", 1, 3, "model.ops", 10000000, ""),
    ("rotunda-authority-test", 1, 2, "model.ops", 85000000, "model.look=20"),
    ("rotunda-authority-test", 4, 3, "model.ops", 4500000, "model.look=1000"),
    ("rotunda-checked-authority-test", 4, 2, "model.ops", 500000, "model.look=1000"),
    ("rotunda-authority-test", 1, 3, "random.calls", 90000000, ""),
    ("rotunda-authority-test", 4, 2, "random.calls", 9000000, ""),
    ("rotunda-checked-authority-test", 4, 3, "random.calls", 1000000, ""),
]


def runs_of(part):
    for image, cpus, gic, what, count, more in RUNS:
        yield image, cpus, gic, f"{what}={part.share(count)} {more}".strip(), what.split(".")[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", nargs="?", default=rotunda_vm.build_folder())
    portions.part_argument(parser)
    options = parser.parse_args()
    os.environ["ROTUNDA_BUILD"] = os.path.abspath(options.build)
    print(options.part, flush=True)
    sys.exit(authority_runs.run_all(runs_of(options.part), SECONDS, options.part.seed(1)))
