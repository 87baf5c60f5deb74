"""Random bytes on the console, as many as asked for, and lines of 64 KiB; then a question."""

import random
import re
import time

PORTION = 10000
LINE = 65536
ALIVE_SECONDS = 300
KEPT = 20000  # characters of what the console said, for who reads why it failed


def assert_alive(vm):
    """
    Whatever was half typed is dropped, and the shell answers.  A busy host may let the machine wait
    anywhere and for seconds, so its answer is waited for, not its silence.
    """
    mark = f"alive-{len(vm.text)}"
    vm.seen = len(vm.text)
    vm.send(f"qq\x03\x15\r\x03\x15\recho {mark}\r")
    vm.expect(rf"^{mark}\r?$", ALIVE_SECONDS)
    vm.wait_prompt()
    answer = vm.command("echo alive and well")
    assert answer.strip() == "alive and well", f"echo answered {answer!r}"


def random_bytes(vm, seed, count):
    """`count` bytes in portions, the shell being asked after each tenth."""
    source = random.Random(seed)
    begin = time.monotonic()
    for number in range(count // PORTION):
        vm.send(source.randbytes(PORTION))
        if number % 10 == 9:
            assert_alive(vm)
            vm.forget(max(0, len(vm.text) - KEPT))
    assert_alive(vm)
    print(f"     {count} random bytes tried in {time.monotonic() - begin:.0f} s, the shell answers")


def long_lines(vm, seed, count):
    """Lines of 64 KiB: of one letter, of words, of quotes, of random text; none is run.  Bytes that
    aren't ASCII are ignored, so that a line of nothing else is an empty one."""
    source = random.Random(seed)
    makers = [lambda: b"x" * LINE, lambda: b"echo " * (LINE // 5) + b"\"",
              lambda: b"\"" * LINE, lambda: b" " * LINE,
              lambda: bytes(source.choices(range(0x20, 0x7f), k=LINE)),
              lambda: b"a\xc3\xa9" * (LINE // 3)]
    for number in range(count):
        start = len(vm.text)
        vm.send(makers[number % len(makers)]())
        vm.send("\r")
        vm.expect(r"longer than", 120)
        vm.wait_prompt()
        assert not re.search(r"no verb", vm.text[start:]), "part of a long line was run"
    assert_alive(vm)
    print(f"     {count} lines of 64 KiB tried, the shell answers")
