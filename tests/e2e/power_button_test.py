"""
The power button, pressed as QEMU's monitor presses it: the driver of docs/first-driver.md sees the
pin rise, asks the launcher, and the machine is off.  And the page shows the driver as it is.
"""

import sys

import page
from rotunda_vm import Machine


def page_shows_the_code_that_is_built():
    page.shows_the_code_that_is_built("first-driver.md", 5)


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
