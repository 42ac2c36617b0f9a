#!/usr/bin/env python3
"""Holds files, headers, functions and parameter lists to the soft caps of the design.

    tools/check_caps.py      prints one line per excess; exit code 1 when there is one

Exceptions are lines of tools/caps.txt, `path | what | cap | reason`, with a cap of their own; one that is no longer
needed is an excess too. The sources are formatted by clang-format, so that a function can be told by its indentation.
"""
import pathlib
import re
import subprocess
import sys

CAPS = {"file": 500, "header": 150, "function": 80, "parameters": 6}
SOURCES = {".h", ".cpp", ".cu", ".cuh", ".py", ".sh", ".cmake", ""}
NOT_A_FUNCTION = re.compile(r"\s*(namespace|struct|class|enum|union|extern|static const|constexpr|#|//|\}|=)|.*=\s*\{$|.*\[\]")


def functions(text):
    """(line, name, number of lines, number of parameters) of every function that is formatted as clang-format does."""
    lines = text.split("\n")
    start = None  # the first line of what may be a signature
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if not line.strip() or line.lstrip().startswith(("//", "#", "}", "public:", "private:")):
            start = None
            continue
        if indent in (0, 2) and (start is None or len(lines[start]) - len(lines[start].lstrip()) >= indent):
            start = number
        if not line.rstrip().endswith("{") or start is None:
            start = None if line.rstrip().endswith((";", "}")) else start
            continue
        signature = " ".join(part.strip() for part in lines[start:number + 1])
        depth = len(lines[start]) - len(lines[start].lstrip())
        if "(" in signature and not NOT_A_FUNCTION.match(signature) and \
                not re.match(r"(if|for|while|switch|do|else|return|TEST|INSTANTIATE)\b|TEST", signature):
            end = next((n for n in range(number + 1, len(lines)) if lines[n].startswith(" " * depth + "}")), number)
            name = re.search(r"([\w:~]+|operator\S+)\s*\(", signature)
            yield start + 1, name[1] if name else "?", end - start + 1, parameters(signature)
        start = None


def parameters(signature):
    """How many parameters the first list in round brackets has; commas within brackets of a parameter do not count."""
    depth, count, text = 0, 0, ""
    signature = re.sub(r"->|<=|>=|<<|>>=", " ", signature)
    for letter in signature[signature.index("("):]:
        depth += letter in "([{<"
        depth -= letter in ")]}>"
        if depth == 0:
            break
        count += letter == "," and depth == 1
        text += letter
    return count + 1 if text.strip("( ") else 0


def excesses(files):
    """(path, what, size, message) of everything above its cap; files is a dict of path to text."""
    for path, text in files.items():
        length = text.count("\n")
        suffix = pathlib.Path(path).suffix
        cap = "header" if suffix in (".h", ".cuh") else "file"
        if length > CAPS[cap]:
            yield path, cap, length, f"{path}: {length} lines, the cap for a {cap} is {CAPS[cap]}"
        if suffix not in (".h", ".cuh", ".cpp", ".cu") or re.search(r"_test\.cpp$", path):
            continue
        for line, name, size, count in functions(text):
            if size > CAPS["function"]:
                yield path, "function", size, f"{path}:{line}: {name} has {size} lines, the cap is {CAPS['function']}"
            if count > CAPS["parameters"]:
                yield path, "parameters", count, f"{path}:{line}: {name} has {count} parameters, the cap is {CAPS['parameters']}"


def read_exceptions(text):
    """{(path, what): cap}, and the messages about lines that are not exceptions."""
    exceptions, wrong = {}, []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 4 or fields[1] not in CAPS or not fields[2].isdigit() or len(fields[3]) < 10:
            wrong.append(f"tools/caps.txt:{number}: not `path | {' or '.join(CAPS)} | cap | reason`")
            continue
        exceptions[fields[0], fields[1]] = int(fields[2])
    return exceptions, wrong


def check(files, exception_text):
    exceptions, messages = read_exceptions(exception_text)
    used = set()
    for path, what, size, message in excesses(files):
        used.add((path, what))
        if size > exceptions.get((path, what), 0):
            messages.append(message + (f", its own in tools/caps.txt {exceptions[path, what]}" if (path, what) in exceptions else ""))
    messages += [f"tools/caps.txt: {path} no longer needs its exception for {what}" for path, what in exceptions.keys() - used]
    return messages


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    listed = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True)
    names = listed.stdout.splitlines() if listed.returncode == 0 else [
        str(p.relative_to(root)) for top in ("src", "models", "tests", "tools") for p in (root / top).rglob("*")]
    files = {name: (root / name).read_text(errors="replace") for name in names
             if pathlib.Path(name).suffix in SOURCES and (root / name).is_file() and name != "LICENSE"}
    messages = check(files, (root / "tools/caps.txt").read_text())
    for message in messages:
        print(message)
    print(f"caps: {len(files)} files, {len(messages)} excesses", file=sys.stderr)
    return 1 if messages or not files else 0


if __name__ == "__main__":
    sys.exit(main())
