#!/usr/bin/env python3
"""The layer check is checked: every violation planted here must be found, and a tree that keeps the rules is clean."""
import pathlib
import tempfile
import unittest

import check_layers

GOOD = {
    "src/base/error.h": "#include <string>\n#include <fmt/format.h>\n",
    "src/base/json.cpp": '#include "base/error.h"\n#include <nlohmann/json.hpp>\n',
    "src/graph/graph.h": '#include "base/error.h"\n',
    "src/device/buffer.h": '#include "base/error.h"\n',
    "src/media/libav.h": "#include <libavcodec/avcodec.h>\n",
    "src/media/writer.cpp": '#include "media/libav.h"\n',
    "src/media/picture.h": '#include "base/error.h"\n',
    "src/cpu/blas.h": '#include "device/buffer.h"\n',
    "src/cpu/blas.cpp": '#include "cpu/blas.h"\n#include <cblas.h>\n#include <unistd.h>\n#include <sys/stat.h>\n',
    "src/ops/add.h": '#include "graph/graph.h"\n',
    "src/ops/add_cpu.cpp": '#include "ops/add.h"\n#include "cpu/blas.h"\n#include <immintrin.h>\n',
    "src/nn/block.h": '#include "ops/add.h"\n',
    "src/runtime/run.h": '#include "ops/add.h"\n#include "device/buffer.h"\n',
    "src/story/story.cpp": '#include "nn/block.h"\n#include "runtime/run.h"\n// A word on wan in a comment is no violation.\n'
                           'int swan, wanted, Wander;\n',
    "src/cli/main.cpp": '#include "runtime/run.h"\n',
    "src/cli/main_test.cpp": '#include "cpu/blas.h"\nconst char* name = "wan";\n',
    "models/wan/config.h": '#include "nn/block.h"\n',
    "models/wan/model.cpp": '#include "config.h"\n#include "nn/block.h"\n',
    "models/llama/model.cpp": '#include "nn/block.h"\n',
}

# (file, its text, a part of the message)
PLANTED = [
    ("src/base/a.h", '#include "graph/graph.h"\n', "base (layer 0) includes graph (layer 1)"),
    ("src/graph/a.h", '#include "device/buffer.h"\n', "graph (layer 1) includes device (layer 1)"),
    ("src/memory/a.h", '#include "graph/graph.h"\n', "memory (layer 1) includes graph (layer 1)"),
    ("src/nn/a.h", '#include "runtime/run.h"\n', "nn never includes runtime"),
    ("src/nn/a.h", '  #  include "device/buffer.h"\n', "nn never includes device"),
    ("src/runtime/a.cpp", '#include "nn/block.h"\n', "runtime (layer 4) includes nn (layer 4)"),
    ("models/wan/a.cpp", '#include "cpu/blas.h"\n', "models never includes cpu"),
    ("models/wan/a.cpp", '#include "device/buffer.h"\n', "models never includes device"),
    ("models/wan/a.cpp", '#include "runtime/run.h"\n', "models never includes runtime"),
    ("models/llama/a.cpp", '#include "../wan/config.h"\n', "is no file under src/"),
    ("src/ops/a.cpp", '#include "cpu/blas.h"\n', "only *_cpu.cpp includes cpu"),
    ("src/ops/a_cuda.cu", '#include "cpu/blas.h"\n', "only *_cpu.cpp includes cpu"),
    ("src/ops/a.h", "#include <immintrin.h>\n", "is for *_cpu.cpp only"),
    ("src/story/a.cpp", "#include <libavcodec/avcodec.h>\n", "is included by media only"),
    ("src/story/a.cpp", '#include "media/libav.h"\n', "shows another project's types"),
    ("src/pipeline/a.cpp", "#include <nlohmann/json.hpp>\n", "is included by base only"),
    ("src/pipeline/a.cpp", "#include <gtest/gtest.h>\n", "is not in the table"),
    ("src/story/a.cpp", 'const char* kName = "wan_block";\n', 'a model\'s name ("wan")'),
    ("src/story/a.cpp", "struct WanConfig {};\n", 'a model\'s name ("Wan")'),
    ("src/story/a.cpp", 'const char* kName = "LLAMA";\n', 'a model\'s name ("LLAMA")'),
    ("src/story/a.cpp", '#include "story/absent.h"\n', "is no file under src/"),
    ("src/common/a.cpp", "int x;\n", "lies in no folder that has a layer"),
]


class LayersTest(unittest.TestCase):
    def violations(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check_layers.Checker(folder).run()

    def test_good_tree_is_clean(self):
        self.assertEqual(self.violations(GOOD), [])

    def test_every_planted_violation_is_found(self):
        for name, text, message in PLANTED:
            with self.subTest(name=name, text=text):
                found = self.violations({**GOOD, name: text})
                self.assertEqual(len(found), 1, found)
                self.assertIn(message, found[0])
                self.assertTrue(found[0].startswith(name), found[0])

    def test_the_line_is_named(self):
        found = self.violations({**GOOD, "src/base/a.h": '/* one\ntwo */\n\n#include "graph/graph.h"\n'})
        self.assertTrue(found[0].startswith("src/base/a.h:4:"), found[0])


if __name__ == "__main__":
    unittest.main()
