#!/usr/bin/env python3
"""A hundred thousand mutations of requests."""
# suite: long
# timeout: 14400

import sys

import http_attack_runs

if __name__ == "__main__":
    sys.exit(http_attack_runs.run_all(seed=2, count=100000))
