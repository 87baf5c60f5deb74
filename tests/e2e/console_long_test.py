#!/usr/bin/env python3
"""Ten million random bytes on the console, and 120 lines of 64 KiB."""
# suite: long
# timeout: 14400

import sys

import console_runs
import rotunda_vm


def random_bytes_do_no_harm(vm):
    console_runs.random_bytes(vm, seed=22, count=10000000)


def lines_of_64_kib_are_refused(vm):
    console_runs.long_lines(vm, seed=23, count=120)


if __name__ == "__main__":
    sys.exit(rotunda_vm.run_tests([random_bytes_do_no_harm, lines_of_64_kib_are_refused]))
