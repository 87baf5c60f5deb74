#!/usr/bin/env python3
"""The floods of flood_test.py ten times as long, and a million frames."""
# suite: long
# timeout: 3600

import sys

import flood_runs

if __name__ == "__main__":
    sys.exit(flood_runs.run_all(flood_runs.Amounts(frames=1000000, flood_seconds=40,
                                                   connections=5000)))
