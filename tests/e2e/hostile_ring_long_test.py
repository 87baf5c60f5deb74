#!/usr/bin/env python3
"""
A hundred times as many hostile messages and calls as hostile_ring_test.py and
hostile_client_test.py, on one CPU and on two.
"""
# suite: long
# timeout: 43200

import argparse
import os
import sys

import hostile_ring_runs
import portions
import rotunda_vm

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", nargs="?", default=rotunda_vm.build_folder())
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--messages", type=int, default=100000000, help="for each service")
    parser.add_argument("--services", default=",".join(hostile_ring_runs.SERVICES))
    portions.part_argument(parser)
    options = parser.parse_args()
    os.environ["ROTUNDA_BUILD"] = os.path.abspath(options.build)
    sys.argv[1:] = options.services.split(",")
    messages, seed = options.part.share(options.messages), options.part.seed(options.seed)
    print(f"{messages} messages, seed {seed}, {options.part}", flush=True)
    sys.exit(hostile_ring_runs.run_all(messages, seed)
             or hostile_ring_runs.run_all(messages // 20, seed + 1, cpus=2))
