"""tests/e2e/honest.py: how many late pages of an honest client are the test machine's."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
import honest

IN_TIME, LATE = 0.1, 100.0  # later than on the busiest machine


def client(*waits):
    """One that waits so long, in this order, or meets with such exceptions."""
    left = list(waits)

    def ask():
        wait = left.pop(0)
        if isinstance(wait, Exception):
            raise wait
        return wait

    return honest.HonestClient(ask, (TimeoutError,))


def after(pages, *waits):
    """The client after so many pages."""
    asked = client(*waits)
    for _ in range(pages):
        asked.page()
    return asked


class Honest(unittest.TestCase):
    def test_pages_in_time_are_counted(self):
        asked = after(2, IN_TIME, 0.3)
        self.assertEqual(asked.verdict(), "2 honest pages in 0.30 s at most, 0 of them late at "
                                          "first, 2 tries")

    def test_a_page_comes_in_time_at_the_third_try(self):
        asked = after(1, LATE, TimeoutError(), IN_TIME)
        self.assertEqual((asked.pages, asked.tries, asked.late), (1, 3, 1))
        self.assertEqual(asked.longest, IN_TIME)

    def test_not_at_the_fourth(self):
        with self.assertRaisesRegex(AssertionError, "waited: .*before: 0 honest pages"):
            after(1, LATE, LATE, TimeoutError(), IN_TIME)

    def test_what_is_not_forgiven_is_no_late_page(self):
        with self.assertRaises(ConnectionResetError):
            after(1, ConnectionResetError(), IN_TIME)

    def test_two_of_few_may_be_late(self):
        after(3, LATE, IN_TIME, LATE, IN_TIME, IN_TIME).verdict()
        with self.assertRaisesRegex(AssertionError, "2 at most: 3 honest .* 3 of them late"):
            after(3, *[LATE, IN_TIME] * 3).verdict()

    def test_one_in_ten_of_many_may_be_late(self):
        after(40, *[LATE, IN_TIME] * 4, *[IN_TIME] * 36).verdict()
        with self.assertRaisesRegex(AssertionError, "4 at most: 40 honest .* 5 of them late"):
            after(40, *[LATE, IN_TIME] * 5, *[IN_TIME] * 35).verdict()

    def test_too_few_say_nothing(self):
        with self.assertRaisesRegex(AssertionError, "3 at least: 2 honest pages"):
            after(2, IN_TIME, IN_TIME).verdict(least=3)
        with self.assertRaisesRegex(AssertionError, "1 at least: 0 honest pages"):
            client().verdict()

    def test_each_attack_is_judged_by_itself(self):
        asked = after(2, LATE, IN_TIME, LATE, IN_TIME, IN_TIME)
        asked.forget()
        asked.page()
        self.assertEqual((asked.pages, asked.tries, asked.late), (1, 1, 0))

    def test_time_is_taken_of_those_who_do_not_say(self):
        asked = honest.HonestClient(lambda: None)
        asked.page()
        self.assertLess(asked.longest, honest.HONEST_SECONDS)


if __name__ == "__main__":
    unittest.main()
