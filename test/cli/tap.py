"""Run a module's unittest cases and tell of them in TAP."""

import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def tell(self, word, test, comment=""):
        self.count += 1
        name = test.id().split(".")[-1].removeprefix("test_")
        print(f"{word} {self.count} - {name}{comment}", flush=True)

    def explain(self, error):
        for line in self._exc_info_to_string(error, self).splitlines():
            print(f"# {line}", flush=True)

    def _exc_info_to_string(self, error, _test):
        import traceback
        return "".join(traceback.format_exception(*error))

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell("ok", test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell("not ok", test)
        self.explain(err)

    def addError(self, test, err):
        super().addError(test, err)
        self.tell("not ok", test)
        self.explain(err)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
