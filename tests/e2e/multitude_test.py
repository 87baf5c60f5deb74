#!/usr/bin/env python3
"""More domains than there are 16-bit ASIDs, on the ordinary kernel and on the checked one."""
# suite: long
# timeout: 3600

import sys

import target_tests

SECONDS = 1700
MACHINE = dict(cpu="cortex-a72", memory="4G", gic=3)


def main():
    return target_tests.run_all(
        lambda image=image: target_tests.run(image, "long", SECONDS, **MACHINE)
        for image in ("rotunda-long-test", "rotunda-checked-long-test"))


if __name__ == "__main__":
    sys.exit(main())
