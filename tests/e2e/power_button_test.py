"""
The power button, pressed as QEMU's monitor presses it: the driver of docs/first-driver.md sees the
pin rise, asks the launcher, and the machine is off, if need be at the second press.  And the page
shows the driver as it is.
"""

import sys

import page
from debugger import Debugger
from outside import Outside
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


def who_would_be_deaf_to_the_next_press_is_started_again():
    """Its handle of the interrupt is overwritten, so it can't take another one."""
    with Machine() as vm:
        vm.wait_prompt()
        place, size = Outside(vm).variable("pl061", "button", "interrupt")
        with Debugger(vm) as debugger:
            debugger.write(place, bytes(range(size)))
        vm.qmp("system_powerdown")
        vm.expect(r"pl061: can't acknowledge its interrupt \(0x706050403020100\): bad handle")
        vm.expect(r"pl061: will be started again")
        assert vm.is_running()
        vm.drain(1)
        vm.qmp("system_powerdown")
        vm.expect(r"pl061: the power button was pressed")
        vm.wait_exit()


def a_press_whose_bit_gets_lost_is_found():
    """When the launcher next asks whether the driver comes round."""
    with Machine() as vm:
        vm.wait_prompt()
        outside = Outside(vm)
        thread = outside.kernel.threads(outside.domain("pl061"))[0]
        place, size = outside.variable("pl061", "pending")
        with Debugger(vm) as debugger:
            debugger.breakpoint(thread.pc, True)
            debugger.go()
            vm.qmp("system_powerdown")
            assert debugger.has_stopped(10), "the driver isn't woken"
            assert debugger.write(place, bytes(size)) != bytes(size), "woken for nothing"
            debugger.breakpoint(thread.pc, False)
        vm.expect(r"pl061: the power button was pressed")
        vm.wait_exit()


def main():
    for test in (page_shows_the_code_that_is_built, a_press_switches_the_machine_off,
                 who_would_be_deaf_to_the_next_press_is_started_again,
                 a_press_whose_bit_gets_lost_is_found):
        test()
        print(f"ok: {test.__name__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
