#!/usr/bin/env python3
"""
Who may do what: a million operations on handles, and what there is is what a model says; a tree of
a hundred thousand revoked at once.

On one CPU the same steps come in the same order each time; on four, each a thread of the host, the
families' steps are the same and how they mix is not.
"""
# timeout: 900

import sys

import authority_runs

SECONDS = 280
RUNS = [
    ("rotunda-authority-test", 1, 3, 400000, 1),
    ("rotunda-authority-test", 1, 2, 480000, 10),
    ("rotunda-authority-test", 4, 3, 100000, 1000),
    ("rotunda-checked-authority-test", 4, 2, 20000, 1000),
]

if __name__ == "__main__":
    sys.exit(authority_runs.run_all(RUNS, SECONDS))
