#!/usr/bin/env python3
"""Seeded faults, each of which has to turn a named test red; see docs/teeth.md."""
# suite: long
# timeout: 7200

import os
import sys

import rotunda_vm

sys.path.insert(0, os.path.join(rotunda_vm.ROOT, "tests"))
import teeth

if __name__ == "__main__":
    sys.exit(teeth.main(sys.argv[1:]))
