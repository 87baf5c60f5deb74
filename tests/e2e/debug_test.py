"""tools/debug: gdb knows the kernel, and a program at the address it happens to have."""
# timeout: 300

import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CANNOT_RUN = 77


def main():
    if shutil.which("gdb-multiarch") is None:
        print("no gdb-multiarch")
        return CANNOT_RUN
    commands = ["break kernel_start", "continue", "backtrace 1",
                "rotunda-wait web", "break userland/web/web.c:main", "continue", "backtrace"]
    arguments = [part for command in commands for part in ("-ex", command)]
    done = subprocess.run([os.path.join(ROOT, "tools", "debug"), "--", "-batch", *arguments],
                          text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    wanted = ["kernel_start (devicetree=", "#0  main () at", "start_program"]
    missing = [text for text in wanted if text not in done.stdout]
    if missing:
        print(done.stdout)
        print(f"gdb did not say: {missing}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
