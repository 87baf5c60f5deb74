#!/usr/bin/env python3
"""
The lies of hostile_device_test.py, a million, half of them to each driver; --lies N is N for each.
--part K/N makes the run in N sittings, of which this is the K-th: the parts' seeds differ, and all
parts together are the whole run.  A tenth of it, 100,000, has been seen in 16 minutes beside other
tests; so a million are some hours of two cores, by reckoning.
"""
# suite: long
# timeout: 100000

import sys

import hostile_device_runs

if __name__ == "__main__":
    sys.exit(hostile_device_runs.run(500000))
