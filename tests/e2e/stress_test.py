#!/usr/bin/env python3
"""
Everything at once, on one to eight CPUs: calls, grants, domains, threads, kills, messages.

Nobody hangs, no claim breaks, and afterwards every counter is back where it was.  The numbers are
how much of each was tried.  Seeds are fixed, but several CPUs are threads of the host, so that no
two runs are the same.
"""
# timeout: 400

import sys

import stress_runs

RUNS = [
    ("rotunda-stress-test", 1, 3, 200),
    ("rotunda-stress-test", 2, 2, 3000),
    ("rotunda-stress-test", 3, 3, 3000),
    ("rotunda-stress-test", 4, 3, 20000),
    ("rotunda-checked-stress-test", 4, 2, 5000),
    ("rotunda-stress-test", 8, 2, 5000),
]

if __name__ == "__main__":
    sys.exit(stress_runs.run_all(RUNS))
