#!/usr/bin/env python3
"""SYN floods, silent connections, malformed frames, and numbers that nobody may foresee."""
# timeout: 900

import sys

import flood_runs

if __name__ == "__main__":
    sys.exit(flood_runs.run_all(flood_runs.Amounts(frames=12000, flood_seconds=3,
                                                   connections=500)))
