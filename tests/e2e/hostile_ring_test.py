#!/usr/bin/env python3
"""
A million hostile messages against each service of the network: only that connection is reset.  On
two CPUs some more, changed by one while the other reads them.
"""
# timeout: 900

import sys

import hostile_ring_runs

SERVICES = ["net:Tcp", "net:Udp", "net:Status", "net:Link"]

if __name__ == "__main__":
    sys.exit(hostile_ring_runs.run_all(1000000, 4, SERVICES)
             or hostile_ring_runs.run_all(50000, 5, SERVICES, cpus=2))
