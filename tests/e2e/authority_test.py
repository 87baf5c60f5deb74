#!/usr/bin/env python3
"""
Who may do what: a million operations on handles, and what there is is what a model says; a tree of
a hundred thousand revoked at once; a million random calls.  And docs/capabilities.md shows its
example as it is.

On one CPU the same steps come in the same order each time; on four, each a thread of the host, the
families' steps are the same and how they mix is not.
"""
# timeout: 1500

import sys

import authority_runs
import page

SECONDS = 360
RUNS = [
    ("rotunda-authority-test", 1, 3, "model.ops=400000 random.calls=840000"),
    ("rotunda-authority-test", 1, 2, "model.ops=520000 model.look=10", "model"),
    ("rotunda-authority-test", 4, 3, "model.ops=60000 model.look=1000 random.calls=120000"),
    ("rotunda-checked-authority-test", 4, 2, "model.ops=20000 model.look=1000 random.calls=40000"),
]

if __name__ == "__main__":
    page.shows_the_code_that_is_built("capabilities.md", 5)
    sys.exit(authority_runs.run_all(RUNS, SECONDS))
