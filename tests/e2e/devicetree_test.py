#!/usr/bin/env python3
"""Two hundred boots, each with a devicetree that nobody should have."""
# timeout: 600

import sys

import devicetree_runs

if __name__ == "__main__":
    sys.exit(devicetree_runs.run_all(seed=1, count=200))
