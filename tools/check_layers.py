#!/usr/bin/env python3
"""Holds every #include of src/ and models/ to the layers of the design, and models' names out of src/.

    tools/check_layers.py [ROOT]     prints one line per violation; exit code 1 when there is one

A folder includes folders of lower layers only; folders of one layer do not see each other. Headers of other projects are
included only by the folder that wraps them, and what includes them stays in that folder. Tests (*_test, *_fuzz, *_bench, and *_case and *_testing that they share) are exempt.
"""
import pathlib
import re
import sys

LAYERS = {
    "base": 0,
    "graph": 1, "memory": 1, "device": 1, "formats": 1, "media": 1, "text": 1, "sampling": 1,
    "cpu": 2, "cuda": 2,
    "ops": 3,
    "nn": 4, "runtime": 4,
    "models": 5,
    "forecast": 6, "story": 6,
    "pipeline": 7,
    "server": 8, "cli": 8,
}
# Narrower than the numbers: what these folders never include although it lies below them.
NEVER = {
    "nn": {"cpu", "cuda", "device", "runtime"},
    "models": {"cpu", "cuda", "device", "runtime"},
}
# Who may include headers of other projects. A pattern is matched against the whole name between the brackets.
WRAPPED_BY = [
    (r"fmt/.*", None),  # our formatting library: anywhere
    (r"nlohmann/.*", {"base"}),
    (r"yaml-cpp/.*", {"base"}),
    (r"spdlog/.*", {"base"}),
    (r"omp\.h", {"base", "cpu", "ops"}),
    (r"(imm|x86)intrin\.h", {"base", "cpu", "ops"}),
    (r"(cblas|openblas_config)\.h", {"cpu"}),
    (r"(libav[a-z]+|libsw[a-z]+)/.*", {"media"}),
    (r"ft2build\.h|freetype/.*", {"media"}),
    (r"pcre2\.h|utf8proc\.h|sentencepiece[a-z_]*\.h", {"text"}),
    (r"CLI/.*", {"cli"}),
    (r"(cuda|cublas|cudnn|cupti|nccl|curand)[A-Za-z0-9_]*\.hp?p?|cooperative_groups.*|mma\.h|(cub|cuda|cut(e|lass))/.*", {"cuda", "ops"}),
]
# The standard library has no dot in its names; these are POSIX and Linux.
SYSTEM = re.compile(r"[a-z_0-9]+|(sys|linux|netinet|arpa)/[a-z_0-9]+\.h|"
                    r"(unistd|fcntl|signal|spawn|poll|pthread|sched|termios|dirent|dlfcn|errno|fnmatch|glob|time|wait)\.h")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
SOURCES = {".h", ".hpp", ".cpp", ".cu", ".cuh", ".def", ".inc"}


def strip_comments(text):
    """The text without comments, line breaks kept, string literals kept."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m[0][:2] in ("//", "/*") else m[0], text)


def is_test(path):
    return re.search(r"_(test|testing|fuzz|bench|case)$", path.stem) is not None


def folder_of(path):
    """`ops` for src/ops/x.cpp, `models/wan` for models/wan/x.cpp, None for what is in no layer."""
    parts = path.parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[0] == "models" and len(parts) > 2:
        return "/".join(parts[:2])
    return None


def kind(folder):
    return "models" if folder.startswith("models/") else folder


def wrapper_of(header):
    """(known, folders that may include it; None for any)."""
    for pattern, folders in WRAPPED_BY:
        if re.fullmatch(pattern, header):
            return True, folders
    return SYSTEM.fullmatch(header) is not None, None


class Checker:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.violations = []
        files = [p for top in ("src", "models") for p in sorted((self.root / top).rglob("*"))]
        self.files = [p.relative_to(self.root) for p in files if p.suffix in SOURCES and p.is_file()]
        self.text = {p: strip_comments((self.root / p).read_text(errors="replace")) for p in self.files}
        self.model_names = sorted(p.name for p in (self.root / "models").glob("*") if p.is_dir())

    def say(self, path, position, message):
        line = self.text[path].count("\n", 0, position) + 1
        self.violations.append(f"{path}:{line}: {message}")

    def resolve(self, path, name):
        """The file of ours that `#include "name"` in `path` means, or None."""
        for candidate in (path.parent / name, pathlib.Path("src") / name):
            if candidate in self.text:
                return candidate
        return None

    def leaks(self):
        """Headers through which another project's header is seen: they stay in their folder."""
        leaky = set()
        while True:
            before = len(leaky)
            for path in self.files:
                for m in INCLUDE.finditer(self.text[path]):
                    folders = wrapper_of(m[2])[1]
                    foreign = m[1] == "<" and folders is not None and not re.match(r"omp|imm|x86", m[2])
                    if path.suffix in (".h", ".cuh") and (foreign or self.resolve(path, m[2]) in leaky):
                        leaky.add(path)
            if len(leaky) == before:
                return leaky

    def check_ours(self, path, m, leaky):
        target = self.resolve(path, m[2])
        if target is None:
            self.say(path, m.start(), f'"{m[2]}" is no file under src/ or beside this one')
            return
        here, there = folder_of(path), folder_of(target)
        if here == there:
            return
        if ".." in pathlib.Path(m[2]).parts or kind(there) == "models":
            self.say(path, m.start(), f"{m[2]}: a model's header is included from its own folder only")
            return
        if kind(there) not in LAYERS:
            return  # reported as a folder without a layer
        if there in NEVER.get(kind(here), ()):
            self.say(path, m.start(), f"{kind(here)} never includes {there}")
        elif LAYERS[kind(there)] >= LAYERS[kind(here)]:
            self.say(path, m.start(), f"{here} (layer {LAYERS[kind(here)]}) includes {there} (layer {LAYERS[kind(there)]})")
        elif here == "ops" and there in ("cpu", "cuda"):
            if not path.name.endswith({"cpu": "_cpu.cpp", "cuda": "_cuda.cu"}[there]):
                self.say(path, m.start(), f"in ops only *_cpu.cpp includes cpu and only *_cuda.cu includes cuda")
        # Kernels are written in CUDA: its types are what src/cuda is there to share with them.
        if target in leaky and not (there == "cuda" and path.name.endswith("_cuda.cu")):
            self.say(path, m.start(), f"{m[2]} shows another project's types and stays in {there}")

    def check_foreign(self, path, m):
        known, folders = wrapper_of(m[2])
        folder = kind(folder_of(path))
        if not known:
            self.say(path, m.start(), f"<{m[2]}> is not in the table of this check; say there who wraps it")
        elif folders is not None and folder not in folders:
            self.say(path, m.start(), f"<{m[2]}> is included by {', '.join(sorted(folders))} only")
        elif folder == "ops" and re.match(r"omp|imm|x86", m[2]) and not path.name.endswith(("_cpu.cpp", "_cpu.h")):
            self.say(path, m.start(), f"<{m[2]}> in ops is for *_cpu.cpp only")

    def check_names(self, path):
        for name in self.model_names:
            capital = re.escape(name.capitalize())
            word = re.escape(name)
            found = re.search(rf"(?<![A-Za-z0-9]){word}(?![a-z0-9])|(?<![A-Z]){capital}(?![a-z0-9])|"
                              rf"(?<![A-Za-z0-9])(?i:{word})(?![A-Za-z0-9])", self.text[path])
            if found:
                self.say(path, found.start(), f'a model\'s name ("{found[0]}") in src/')

    def run(self):
        leaky = self.leaks()
        for path in self.files:
            folder = folder_of(path)
            if folder is None or kind(folder) not in LAYERS:
                self.violations.append(f"{path}: lies in no folder that has a layer")
                continue
            if is_test(path):
                continue
            for m in INCLUDE.finditer(self.text[path]):
                self.check_ours(path, m, leaky) if m[1] == '"' else self.check_foreign(path, m)
            if path.parts[0] == "src":
                self.check_names(path)
        return self.violations


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    checker = Checker(root)
    violations = checker.run()
    for line in violations:
        print(line)
    print(f"layers: {len(checker.files)} files, {len(violations)} violations", file=sys.stderr)
    return 1 if violations or not checker.files else 0


if __name__ == "__main__":
    sys.exit(main())
