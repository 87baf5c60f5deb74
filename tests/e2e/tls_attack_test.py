#!/usr/bin/env python3
"""Every version and cipher, damaged and oversized handshakes, renegotiation; memory afterwards."""
# timeout: 300

import sys

import tls_attack_runs

if __name__ == "__main__":
    sys.exit(tls_attack_runs.run_all(rounds=1))
