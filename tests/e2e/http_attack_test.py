#!/usr/bin/env python3
"""Requests that no server should take for good ones: a table, and a thousand mutations."""
# timeout: 300

import sys

import http_attack_runs

if __name__ == "__main__":
    sys.exit(http_attack_runs.run_all(seed=1, count=1000))
