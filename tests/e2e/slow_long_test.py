#!/usr/bin/env python3
"""The slow clients and the connection floods of https_test.py, ten times."""
# suite: long
# timeout: 7200

import os
import shutil
import sys
import tempfile

import https_test
import rotunda_vm

ROUNDS = 10

if __name__ == "__main__":
    rotunda_vm.wanted_tests()
    if not os.path.exists(rotunda_vm.default_image()):
        print(f"skipped: needs {rotunda_vm.default_image()}")
        sys.exit(rotunda_vm.CANNOT_RUN)
    folder = tempfile.mkdtemp(prefix="rotunda-site-")
    try:
        sys.exit(rotunda_vm.run_tests([https_test.slow_clients_hinder_nobody,
                                       https_test.connection_floods_pass] * ROUNDS,
                                      image=https_test.pack_image(folder), memory="1G"))
    finally:
        shutil.rmtree(folder)
