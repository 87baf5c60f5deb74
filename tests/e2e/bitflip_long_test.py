#!/usr/bin/env python3
"""The flips of bitflip_test.py, 100,000: a night; --flips N is N for each driver."""
# suite: long
# timeout: 100000

import sys

import bitflip_runs

if __name__ == "__main__":
    sys.exit(bitflip_runs.run(*bitflip_runs.arguments(flips=20000)))
