#!/usr/bin/env python3
"""The size check is checked: planted excesses are found, what lies at the cap is not one."""
import unittest

import check_caps


def function(lines, signature="void long_one()", indent=""):
    body = "".join(f"{indent}  x();\n" for _ in range(lines - 2))
    return f"{indent}{signature} {{\n{body}{indent}}}\n"


class CapsTest(unittest.TestCase):
    def check(self, text, path="src/base/a.cpp", exceptions=""):
        return check_caps.check({path: text}, exceptions)

    def test_files_and_headers(self):
        self.assertEqual(self.check("\n" * 500), [])
        self.assertEqual(len(self.check("\n" * 501)), 1)
        self.assertEqual(self.check("\n" * 150, "src/base/a.h"), [])
        self.assertEqual(len(self.check("\n" * 151, "src/base/a.h")), 1)

    def test_functions(self):
        self.assertEqual(self.check(function(80)), [])
        self.assertIn("long_one has 81 lines", self.check(function(81))[0])
        in_class = "class A {\n public:\n" + function(90, "int in_class(int a) const", "  ") + "};\n"
        self.assertIn("in_class has 90 lines", self.check(in_class)[0])
        wrapped = function(90, "std::vector<int> wrapped(const std::map<int, int>& a,\n                  int b)")
        self.assertIn("wrapped has 91 lines", self.check(wrapped)[0])
        self.assertEqual(self.check("namespace zoetrope {\n" + function(40) + "\n" + function(45) + "}  // namespace zoetrope\n"), [])
        self.assertEqual(self.check(function(90), "src/base/a_test.cpp"), [])

    def test_parameters(self):
        self.assertEqual(self.check("int six(int a, std::map<int, int> b, int c, int d, int e, int f) {\n}\n"), [])
        self.assertIn("seven has 7 parameters", self.check("int seven(int a, int b, int c, int d, int e, int f,\n"
                                                           "          int g) {\n}\n")[0])

    def test_exceptions(self):
        long = "\n" * 600
        self.assertEqual(self.check(long, exceptions="src/base/a.cpp | file | 600 | a table that reads best whole"), [])
        self.assertEqual(len(self.check(long, exceptions="src/base/a.cpp | file | 599 | a table that reads best whole")), 1)
        self.assertEqual(len(self.check("", exceptions="src/base/a.cpp | file | 600 | a table that reads best whole")), 1)
        self.assertEqual(len(self.check("", exceptions="src/base/a.cpp | file | 600 |")), 1)


if __name__ == "__main__":
    unittest.main()
