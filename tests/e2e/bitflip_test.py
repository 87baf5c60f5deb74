#!/usr/bin/env python3
"""A hundred bits flipped in each driver, one after another: it works on, or is back by itself."""
# timeout: 900

import sys

import bitflip_runs

if __name__ == "__main__":
    sys.exit(bitflip_runs.run(flips=100))
