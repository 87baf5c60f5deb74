#!/usr/bin/env python3
"""Ten thousand boots, each with a devicetree that nobody should have."""
# suite: long
# timeout: 14400

import sys

import devicetree_runs

if __name__ == "__main__":
    sys.exit(devicetree_runs.run_all(seed=2, count=10000))
