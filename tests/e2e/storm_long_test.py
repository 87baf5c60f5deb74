#!/usr/bin/env python3
"""100,000 domains created and killed, each at another step, on one CPU and on four."""
# suite: long
# timeout: 3600

import sys

import target_tests
from kernel_test import ORDINARY, TIMED

CYCLES = 100000
MACHINES = [
    dict(cpu="cortex-a72", memory="256M", gic=3),
    dict(cpu="cortex-a72", memory="256M", gic=2, smp=4, unjudged=TIMED),
]

if __name__ == "__main__":
    sys.exit(target_tests.run_all(
        lambda machine=machine: target_tests.run(
            ORDINARY, "kernel", 1500, group="storm", shown=r".*storm: .*",
            append=f"storm.cycles={CYCLES}", **machine)
        for machine in MACHINES))
