#!/usr/bin/env python3
"""
The lies of hostile_device_test.py, a million, half of them to each driver; --lies N is N for each.
At the 180 s that ten thousand take on two busy cores, that is five hours; more than ten thousand
at one go haven't been tried so far.
"""
# suite: long
# timeout: 100000

import sys

import hostile_device_runs

if __name__ == "__main__":
    sys.exit(hostile_device_runs.run(500000))
