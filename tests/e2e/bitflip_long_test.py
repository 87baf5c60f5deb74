#!/usr/bin/env python3
"""
The flips of bitflip_test.py, 100,000; --flips N is N for each driver, --part 3/10 the third tenth
of the run, for who hasn't got the time for all of it at once.
"""
# suite: long
# timeout: 100000

import sys

import bitflip_runs

if __name__ == "__main__":
    sys.exit(bitflip_runs.run(flips=20000))
