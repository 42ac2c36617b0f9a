#!/usr/bin/env python3
"""How ./zoetrope comes to CUDA's parts: with which driver, from where, and what it does where that goes wrong.

    tests/cuda_parts.py

The script runs in a folder of its own, with wheels of a few bytes from a server on this machine, and with programs of ours
in place of nvidia-smi, dpkg-query, df, and those parts of cmake that would build.
"""
import hashlib
import http.server
import io
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parent.parent
CU13 = "nvidia/cu13/"
TOOLKIT = {"include/cublasLt.h": "", "include/nvrtc.h": "", "lib/libcublasLt.so.13": "", "lib/libnvrtc.so.13": "",
           "lib/libcudart_static.a": ""}
CUDNN = {"include/cudnn.h": "", "lib/libcudnn.so.9": ""}


def nvcc(version):
    return f"#!/bin/sh\necho 'Cuda compilation tools, release {version}, V{version}.88'\n"


def wheel(files):
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o755 if "/bin/" in name else 0o644) << 16
            archive.writestr(info, text)
    return blob.getvalue()


WHEELS = {
    "nvcc.whl": ("toolkit", wheel({CU13 + "bin/nvcc": nvcc("13.0")})),
    "libraries.whl": ("toolkit", wheel({CU13 + name: text for name, text in TOOLKIT.items()} | {"big": "x" * 5000})),
    "cudnn.whl": ("cudnn", wheel({"nvidia/cudnn/" + name: text for name, text in CUDNN.items()})),
    "frontend.whl": ("frontend", wheel({"include/cudnn_frontend.h": ""})),
}


class Site(http.server.ThreadingHTTPServer):
    """Serves the wheels, also from a byte on. `cut`: sends only so many bytes of a file that it says is longer."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {name: blob for name, (kind, blob) in WHEELS.items()}
        self.asked, self.cut = [], {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        begin = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])
        self.server.asked.append((name, begin))
        blob = self.server.files[name]
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(blob) - 1}/{len(blob)}")
        self.send_header("Content-Length", str(len(blob) - begin))
        self.end_headers()
        self.wfile.write(blob[begin:self.server.cut.get(name, len(blob))])

    def log_message(self, *arguments):
        pass


CMAKE = """#!/bin/sh
case "$*" in
  *-P*|*-E*) exec {cmake} "$@" ;;
  --build*) printf '#!/bin/sh\\necho program "$@"\\n' >"$2/zoetrope"; chmod +x "$2/zoetrope" ;;
  *) echo "$*" >>{folder}/configured
     cat <<END >{folder}/build/CMakeCache.txt ;;
CMAKE_HOME_DIRECTORY:INTERNAL={folder}
CMAKE_CACHEFILE_DIR:INTERNAL={folder}/build
CMAKE_GENERATOR:INTERNAL=Ninja
ZOETROPE_CUDA_BUILT:INTERNAL=$(case "$*" in (*CUDA=ON*) echo TRUE ;; esac)
END
esac
"""


class CudaParts(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zoetrope_cuda_parts_"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.site = Site()
        self.addCleanup(self.site.server_close)
        self.addCleanup(self.site.shutdown)
        self.address = self.site.url
        self.toolkit = self.folder / "toolkit"
        (self.folder / "cmake").mkdir()
        # What is installed on this machine is of no concern here.
        self.copy("zoetrope", {"/proc/driver/nvidia": "driver"})
        self.copy("cmake/cuda_parts.sh", {"/proc/driver/nvidia": str(self.folder / "driver")})
        self.copy("cmake/CudaParts.cmake", {"$ENV{CUDA_PATH} /usr/local/cuda /usr": str(self.toolkit),
                                            "$ENV{CUDA_PATH} /usr/local/cuda": str(self.toolkit)})
        self.write_list()
        self.stub("dpkg-query", 'for p; do echo "$p installed"; done')
        self.stub("nvidia-smi", "exit 9")
        self.stub("cmake", CMAKE.format(cmake=shutil.which("cmake"), folder=self.folder), whole=True)

    def copy(self, name, replaced):
        text = (SOURCE / name).read_text()
        for old, new in replaced.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def write_list(self):
        lines = [f"{kind} {hashlib.sha256(blob).hexdigest()} {len(blob)} {2 * len(blob)} ab/{name}\n"
                 for name, (kind, blob) in WHEELS.items()]
        (self.folder / "cmake/cuda_wheels.txt").write_text("# a comment\n" + "".join(lines))

    def stub(self, name, text, whole=False):
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text if whole else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def gpu(self, *lines):
        self.stub("nvidia-smi", "\n".join(f"echo '{line}'" for line in lines))

    def install(self, version, files):
        for name, text in ({"bin/nvcc": nvcc(version)} | files).items():
            path = self.toolkit / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)

    def start(self, *command):
        environment = dict(os.environ, PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}", ZOETROPE_WHEEL_SITE=self.address)
        done = subprocess.run(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120)
        self.said = done.stderr
        self.printed = done.stdout
        return done.returncode

    def bring(self):
        return self.start("bash", "-c", "source ./zoetrope && bring_cuda_parts")

    def asked(self):
        names = [name for name, begin in self.site.asked]
        self.site.asked.clear()
        return sorted(names)

    def configured(self):
        path = self.folder / "configured"
        text = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return re.findall(r"ZOETROPE_CUDA=(\w+)", text)

    def offline(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{unused.getsockname()[1]}"

    # ---- What is brought ----

    def test_everything_once(self):
        self.assertEqual(self.bring(), 0, self.said)
        self.assertEqual(self.asked(), sorted(WHEELS))
        cuda = self.folder / "build/cuda"
        self.assertTrue(os.access(cuda / CU13 / "bin/nvcc", os.X_OK))
        self.assertTrue((cuda / CU13 / "lib64/libcublasLt.so.13").exists())
        self.assertEqual(list(cuda.glob("*.whl")), [])
        self.assertEqual(self.bring(), 0)
        self.assertEqual((self.asked(), self.said), ([], ""))

    def test_an_installed_toolkit_is_taken_first(self):
        for version, files, brought in (
                ("13.1", TOOLKIT | CUDNN, ["frontend.whl"]),
                ("12.8", TOOLKIT | CUDNN, ["frontend.whl"]),
                ("13.0", TOOLKIT, ["cudnn.whl", "frontend.whl"]),
                ("12.9", TOOLKIT, sorted(WHEELS)),                # the wheels' cuDNN is for CUDA 13
                ("12.6", TOOLKIT | CUDNN, sorted(WHEELS)),        # too old
                ("13.0", {}, sorted(WHEELS))):                    # a compiler alone
            with self.subTest(version=version, files=len(files)):
                shutil.rmtree(self.toolkit, ignore_errors=True)
                shutil.rmtree(self.folder / "build", ignore_errors=True)
                self.install(version, files)
                self.assertEqual(self.bring(), 0, self.said)
                self.assertEqual(self.asked(), brought)

    def test_another_list_brings_all_anew(self):
        self.assertEqual(self.bring(), 0)
        self.asked()
        unpacked = self.folder / "build/cuda/unpacked.txt"
        unpacked.write_text(unpacked.read_text().replace("ab/nvcc", "ab/nvcc_of_last_year"))
        self.assertEqual(self.bring(), 0)
        self.assertEqual(self.asked(), sorted(WHEELS))

    # ---- What goes wrong on the way ----

    def test_an_unfinished_download_goes_on(self):
        self.site.cut["libraries.whl"] = 1000
        self.assertEqual(self.bring(), 1)
        self.assertIn("libraries.whl", self.said)
        self.assertIn("network", self.said)
        self.assertEqual((self.folder / "build/cuda/libraries.whl").stat().st_size, 1000)
        self.site.cut.clear()
        self.site.asked.clear()
        self.assertEqual(self.bring(), 0, self.said)
        self.assertEqual(self.site.asked, [("libraries.whl", 1000), ("cudnn.whl", 0), ("frontend.whl", 0)])

    def test_half_a_toolkit_is_none(self):
        self.assertEqual(self.bring(), 0, self.said)
        unpacked = self.folder / "build/cuda/unpacked.txt"
        unpacked.write_text("".join(unpacked.read_text().splitlines(keepends=True)[1:]))  # as if killed while unpacking
        self.asked()
        self.assertEqual(self.bring(), 0, self.said)
        self.assertEqual(self.asked(), ["nvcc.whl"])

    def test_a_wrong_hash_stops(self):
        self.site.files["cudnn.whl"] = self.site.files["cudnn.whl"][::-1]
        self.gpu("580.65.06, 9.0")
        self.assertEqual(self.start("./zoetrope", "make"), 3)
        self.assertIn("SHA-256", self.said)
        self.assertNotIn("program", self.printed)
        self.assertFalse((self.folder / "build/cuda/cudnn.whl").exists())
        self.assertFalse((self.folder / "build/cuda/nvidia/cudnn").exists())
        self.site.files["cudnn.whl"] = WHEELS["cudnn.whl"][1]
        self.assertEqual(self.start("./zoetrope", "make"), 0, self.said)
        self.assertEqual(self.configured(), ["ON"])

    def test_too_little_disk_is_said_before_anything_is_loaded(self):
        self.gpu("580.65.06, 9.0")
        self.stub("df", "echo Avail; echo 999000000")
        self.assertEqual(self.start("./zoetrope", "make"), 0, self.said)
        self.assertRegex(self.said, r"need 10\d\d MB .* 999 MB are free")
        self.assertEqual((self.asked(), self.configured(), self.printed), ([], ["AUTO"], "program make\n"))

    def test_without_network_the_cpu_build_goes_on_and_the_next_start_tries_again(self):
        self.gpu("580.65.06, 9.0")
        self.offline()
        self.assertEqual(self.start("./zoetrope", "make"), 0, self.said)
        self.assertIn("is there a network?", self.said)
        self.assertEqual((self.configured(), self.printed), (["AUTO"], "program make\n"))
        self.address = self.site.url
        self.assertEqual(self.start("./zoetrope", "make"), 0, self.said)
        self.assertEqual((self.configured(), self.printed), (["ON"], "program make\n"))
        self.assertEqual(self.start("./zoetrope", "make"), 0)
        self.assertEqual((self.configured(), self.said), ([], ""))

    # ---- For whom ----

    def test_nothing_is_brought_without_a_driver(self):
        self.assertEqual(self.start("./zoetrope", "make"), 0, self.said)
        self.assertEqual((self.asked(), self.configured()), ([], ["AUTO"]))
        self.assertNotIn("NVIDIA", self.said)

    def test_nothing_is_brought_for_an_old_driver_or_chip(self):
        for line, reason in (("570.133.20, 9.0", "driver 570.133.20 is too old"), ("580.65.06, 7.5", "capability 7.5")):
            with self.subTest(line):
                shutil.rmtree(self.folder / "build", ignore_errors=True)
                self.gpu(line)
                self.assertEqual(self.start("./zoetrope", "make"), 0, self.said)
                self.assertIn(reason, self.said)
                self.assertEqual((self.asked(), self.configured()), ([], ["AUTO"]))

    def test_the_best_of_several_gpus_counts(self):
        self.gpu("580.65.06, 6.1", "580.65.06, 12.0", "580.65.06, 8.6")
        self.start("bash", "-c", "source ./zoetrope && nvidia_driver")
        self.assertEqual(self.printed, "580.65.06 12.0\n")

    def test_a_driver_without_nvidia_smi_is_seen(self):
        (self.folder / "driver").mkdir()
        for line in ("NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:12:11 UTC 2026",
                     "NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22-I3)"):
            (self.folder / "driver/version").write_text(f"NVRM version: {line}\nGCC version:  gcc version 12.2.0\n")
            self.start("bash", "-c", "source ./zoetrope && nvidia_driver")
            self.assertEqual(self.printed, "580.65.06\n")

    def test_cuda_is_built_when_asked_for(self):
        self.assertEqual(self.start("./zoetrope", "make"), 0, self.said)
        self.assertEqual(self.start("./zoetrope", "--cuda", "make"), 0, self.said)
        self.assertEqual((self.configured(), self.printed), (["AUTO", "ON"], "program make\n"))
        self.assertEqual(self.start("./zoetrope", "--cuda", "make"), 0)
        self.assertEqual(self.start("./zoetrope", "make"), 0)
        self.assertEqual(self.configured(), [])

    def test_cuda_that_was_asked_for_and_cannot_be_had_is_an_error(self):
        self.offline()
        self.assertEqual(self.start("./zoetrope", "--cuda", "make"), 3)
        self.assertIn("--cuda was given", self.said)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
