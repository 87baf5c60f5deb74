#!/usr/bin/env python3
"""Each service is killed while HTTPS load runs, and is back before its clients mind."""
# timeout: 900

import sys

import kills_runs
import rotunda_vm

if __name__ == "__main__":
    rotunda_vm.wanted_tests()
    sys.exit(kills_runs.run_all(kills_runs.Amounts(rounds=20, seed=4)))
