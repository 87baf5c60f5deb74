#!/usr/bin/env python3
"""The lies of hostile_device_test.py, ten thousand; --lies N is N for each driver."""
# suite: long
# timeout: 100000

import sys

import hostile_device_runs

if __name__ == "__main__":
    sys.exit(hostile_device_runs.run(5000))
