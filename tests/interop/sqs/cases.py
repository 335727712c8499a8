"""Cases: the parts of a test that stand or fall by themselves, and what a peer is known to do otherwise."""

import contextlib
import functools
import unittest


class Cases(unittest.TestCase):
    """Tests made of cases. A case that a peer is known to handle otherwise must fail, and in the way that is known.

    A whole test is a case under its name without `test_`, a part of it is `NAME / PART`.
    """

    # Of the peer that is asked: by case, what the failure says.
    differences = {}
    # Which of them were seen.
    seen = set()

    def __init_subclass__(cls):
        for name, test in list(vars(cls).items()):
            if name.startswith("test_"):
                setattr(cls, name, as_case(test))

    @contextlib.contextmanager
    def case(self, part=None):
        name = self._testMethodName.removeprefix("test_") + (f" / {part}" if part else "")
        shows = self.differences.get(name)
        with self.subTest(part) if part else contextlib.nullcontext():
            if shows is None:
                yield
                return
            self.seen.add(name)
            try:
                yield
            except Exception as difference:
                self.assertIn(shows, f"{type(difference).__name__}: {difference}", "it differs otherwise")
                return
            self.fail("it differs no more: strike it from differences.py")


def as_case(test):
    @functools.wraps(test)
    def run(self):
        with self.case():
            test(self)

    return run
