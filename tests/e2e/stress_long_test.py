#!/usr/bin/env python3
"""The stress for minutes, on both kernels and both interrupt controllers."""
# suite: long
# timeout: 3600

import sys

import stress_runs

MINUTES = 60 * 1000
RUNS = [
    ("rotunda-stress-test", 1, 3, MINUTES // 3),
    ("rotunda-stress-test", 2, 3, 5 * MINUTES),
    ("rotunda-stress-test", 4, 3, 10 * MINUTES),
    ("rotunda-stress-test", 4, 2, 5 * MINUTES),
    ("rotunda-checked-stress-test", 4, 3, 5 * MINUTES),
    ("rotunda-stress-test", 8, 3, 5 * MINUTES),
]

if __name__ == "__main__":
    sys.exit(stress_runs.run_all(RUNS))
