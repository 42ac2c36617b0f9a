"""Runs the built program as a person would, for the end-to-end scripts beside this file. Python's standard library only."""
import json
import os
import pathlib
import re
import resource
import shutil
import struct
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Run:
    """What one start of the program gave: exit code (None: ended by us, over its time), both outputs as bytes, seconds."""

    def __init__(self, program, arguments, timeout=60, file_size_limit=None, **options):
        def limit():
            if file_size_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, file_size_limit))

        begin = time.monotonic()
        # restore_signals=False leaves SIGXFSZ ignored, as it is in Python: a write over the limit fails with an error, as
        # on a full disk.
        try:
            done = subprocess.run([os.fspath(program), *arguments], stdin=options.pop("stdin", subprocess.DEVNULL),
                                  capture_output=True, timeout=timeout, preexec_fn=limit, restore_signals=False, **options)
            self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            self.code, self.out, self.err = None, late.stdout or b"", late.stderr or b""
        self.seconds = time.monotonic() - begin

    @property
    def message(self):
        return self.err.decode("utf-8", "replace")


def read_safetensors(path):
    """(header, data) of a safetensors file."""
    blob = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", blob[:8])
    return json.loads(blob[8:8 + size]), blob[8 + size:]


def safetensors_bytes(header, data=b"", declared=None):
    """A safetensors file with this header (a dict, or its bytes as they are), also where it is a lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if declared is None else declared) + text + data


def snapshot(folder):
    """Every file and folder under a folder, files with size and time: equal before and after means nothing was written."""
    return {str(p.relative_to(folder)): None if p.is_dir() else (p.lstat().st_size, p.lstat().st_mtime_ns)
            for p in sorted(pathlib.Path(folder).rglob("*"))}


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(pathlib.Path(folder).rglob("*")) if p.is_file()}


# A whole story in a few seconds: the demo's models at a small size, and few frames a second; shots of several segments.
SMALL_STORY = ["make", "A red bear walks through the forest at dusk", "--shots", "3", "--steps", "2", "--size", "64x48",
               "--frames", "9", "--fps", "4", "--seed", "11", "--threads", "2"]
HAS_DEMO = (ROOT / "assets/demo/video/model_index.json").exists()


def without_seconds(report):
    """The bytes of report.json with every measured duration taken out: what must be the same in every run."""
    return re.sub(rb'("[a-z_]*seconds[a-z_]*"\s*:\s*)[0-9.eE+-]+', rb"\1*", report)


def story_bytes(folder):
    """What two runs of one story must agree on: every file, of report.json all but the seconds."""
    files = contents(folder)
    files["report.json"] = without_seconds(files["report.json"])
    return files


def difference(one, other):
    """The names of the files that differ between two results of `contents`, as text; empty when none does."""
    return ", ".join(sorted(n for n in one.keys() | other.keys() if one.get(n) != other.get(n)))


def copy_tree(source, target):
    """A copy with links resolved, writable by us."""
    shutil.copytree(source, target, symlinks=False)
    for path in pathlib.Path(target).rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return pathlib.Path(target)
