#!/usr/bin/env python3
"""The touches of neighbours_test.py on four processors, three times, with drivers restarted."""
# suite: long
# timeout: 3600

import sys

import neighbours_runs
import rotunda_vm

if __name__ == "__main__":
    rotunda_vm.wanted_tests()
    sys.exit(neighbours_runs.run(smp=4, rounds=3, seconds=600))
