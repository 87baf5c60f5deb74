#!/usr/bin/env python3
"""Ten thousand lies in the used rings of the two virtio devices: at the most their driver ends."""
# timeout: 900

import sys

import hostile_device_runs

if __name__ == "__main__":
    sys.exit(hostile_device_runs.run(5000))
