#!/usr/bin/env python3
"""
A million hostile messages against the serial port, and a million hostile calls to each of the
services that are only called.
"""
# timeout: 1500

import sys

import hostile_ring_runs

SERVICES = ["console:Tty", "rng:Entropy", "rtc:Clock", "uart:Port", "app:App", "app:Inspect"]

if __name__ == "__main__":
    sys.exit(hostile_ring_runs.run_all(1000000, 4, SERVICES)
             or hostile_ring_runs.run_all(50000, 5, SERVICES, cpus=2))
