"""
The power button, pressed as QEMU's monitor presses it: the driver of docs/first-driver.md sees the
pin rise, asks the launcher, and the machine is off.  And the page shows the driver as it is.
"""

import os
import re
import sys

from rotunda_vm import ROOT, Machine, VmError

PAGE = os.path.join(ROOT, "docs", "first-driver.md")


def page_shows_the_code_that_is_built():
    """Each block of code on the page stands in the file that the block's first line names."""
    with open(PAGE, encoding="utf-8") as page:
        blocks = re.findall(r"```\w*\n(?:/\*|#|//) (\S+?)(?: \*/)?\n(.*?)```", page.read(), re.S)
    if len(blocks) < 5:
        raise VmError(f"only {len(blocks)} blocks of code found in {PAGE}")
    for path, code in blocks:
        with open(os.path.join(ROOT, path), encoding="utf-8") as source:
            text = source.read()
        for piece in re.split(r"\n\s*(?:/\*|#|//) \.\.\.(?: \*/)?\n", code):
            lines = [line.strip() for line in piece.strip().splitlines()]
            wanted = re.compile(r"\s+".join(re.escape(line) for line in lines if line))
            if not wanted.search(text):
                raise VmError(f"{PAGE} shows code that is not in {path}:\n{piece}")


def a_press_switches_the_machine_off():
    with Machine() as vm:
        vm.wait_prompt()
        vm.qmp("system_powerdown")
        vm.expect(r"pl061: the power button was pressed")
        vm.expect(r"pl061 asked for power off")
        vm.wait_exit()


def main():
    for test in (page_shows_the_code_that_is_built, a_press_switches_the_machine_off):
        test()
        print(f"ok: {test.__name__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
