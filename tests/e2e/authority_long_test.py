#!/usr/bin/env python3
"""A hundred million operations on handles against the model."""
# suite: long
# timeout: 36000

import sys

import authority_runs

SECONDS = 18000
RUNS = [
    ("rotunda-authority-test", 1, 3, 10000000, 1),
    ("rotunda-authority-test", 1, 2, 80000000, 20),
    ("rotunda-authority-test", 4, 3, 9000000, 1000),
    ("rotunda-checked-authority-test", 4, 2, 1000000, 1000),
]

if __name__ == "__main__":
    sys.exit(authority_runs.run_all(RUNS, SECONDS))
