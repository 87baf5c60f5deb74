#!/usr/bin/env python3
"""A hundred million operations on handles against the model, and as many random calls."""
# suite: long
# timeout: 40000

import sys

import authority_runs

SECONDS = 18000
RUNS = [
    ("rotunda-authority-test", 1, 3, "model.ops=10000000", "model"),
    ("rotunda-authority-test", 1, 2, "model.ops=80000000 model.look=20", "model"),
    ("rotunda-authority-test", 4, 3, "model.ops=9000000 model.look=1000", "model"),
    ("rotunda-checked-authority-test", 4, 2, "model.ops=1000000 model.look=1000", "model"),
    ("rotunda-authority-test", 1, 3, "random.calls=90000000", "random"),
    ("rotunda-authority-test", 4, 2, "random.calls=9000000", "random"),
    ("rotunda-checked-authority-test", 4, 3, "random.calls=1000000", "random"),
]

if __name__ == "__main__":
    sys.exit(authority_runs.run_all(RUNS, SECONDS))
