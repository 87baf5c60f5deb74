#!/usr/bin/env python3
"""
The lies of hostile_device_test.py, a million, half of them to each driver; --lies N is N for each.
--part K/N makes the run in N sittings, of which this is the K-th: the parts' seeds differ, and all
parts together are the whole run.  Of the processor's time a lie takes some 10 ms on a busy machine,
so a million are about 1.5 hours of two cores that have nothing else to do, by reckoning: 20,000 to
virtio-rng is the most that has been seen, in 6 minutes beside other tests.
"""
# suite: long
# timeout: 100000

import sys

import hostile_device_runs

if __name__ == "__main__":
    sys.exit(hostile_device_runs.run(500000))
