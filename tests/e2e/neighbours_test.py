#!/usr/bin/env python3
"""Every ordered pair of twelve domains, every kind of touch, everything that one has."""
# timeout: 600

import sys

import neighbours_runs
import rotunda_vm

if __name__ == "__main__":
    rotunda_vm.wanted_tests()
    sys.exit(neighbours_runs.run())
