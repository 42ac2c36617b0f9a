#!/usr/bin/env python3
"""One seed gives one result: the same story twice, in two folders, and the same clip twice, byte for byte.

    tests/determinism.py PROGRAM

Another seed gives another result, so that equal bytes mean something. A folder that holds another story is left as it is.
"""
import pathlib
import sys
import tempfile

from program import HAS_DEMO, ROOT, SMALL_STORY, Run, contents, difference, story_bytes

CLIP = ["clip", "--model", str(ROOT / "tests/data/pipelines/t2v"), "--prompt", "a red bear", "--size", "16x16", "--frames", "5",
        "--steps", "2"]


def clips(program, folder):
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        (folder / name).mkdir()
        run = Run(program, [*CLIP, "--seed", seed, "--dump-latents", "latents.safetensors", "-o", "out.mp4"], cwd=folder / name)
        if run.code != 0:
            yield f"clip ended with {run.code}: {run.message[-500:]}"
            return
    first = contents(folder / "a")
    if sorted(first) != ["latents.safetensors", "out.mp4"]:
        yield f"clip wrote {', '.join(sorted(first))}"
    if difference(first, contents(folder / "b")):
        yield f"clip: one seed, other bytes in {difference(first, contents(folder / 'b'))}"
    if difference(first, contents(folder / "c")) != "latents.safetensors, out.mp4":
        yield "clip: another seed gave the same bytes"


def stories(program, folder):
    results = {}
    for name, seed in (("a", "11"), ("b", "11"), ("c", "12")):
        story = list(SMALL_STORY)
        story[story.index("--seed") + 1] = seed
        run = Run(program, [*story, "--out", str(folder / name)], timeout=600)
        if run.code != 0:
            yield f"make ended with {run.code}: {run.message[-1000:]}"
            return
        last = run.out.decode().strip().split("\n")[-1]
        if not last.endswith("story.mp4"):
            yield f"the last line names no video: {last!r}"
        results[name] = story_bytes(folder / name)
    names = ["report.json", "sheet.png", "story.mp4", "story.srt", "story.vtt", "storyboard.json"]
    if sorted(results["a"]) != names:
        yield f"a finished story's folder holds {', '.join(sorted(results['a']))}"
    if difference(results["a"], results["b"]):
        yield f"make: one seed, other bytes in {difference(results['a'], results['b'])}"
    if results["a"]["story.mp4"] == results["c"]["story.mp4"]:
        yield "make: another seed gave the same video"
    other = [*SMALL_STORY, "--out", str(folder / "a")]
    other[1] = "A blue boat sails to an island"
    run = Run(program, other)
    if run.code not in (2, 3) or "--force" not in run.message:
        yield f"another story into the same folder: exit code {run.code}, {run.message.strip()[-300:]!r}"
    if difference(results["a"], story_bytes(folder / "a")):
        yield "another story changed the one that was there"


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        failures = []
        for part in [clips, stories] if HAS_DEMO else [clips]:
            (pathlib.Path(folder) / part.__name__).mkdir()
            failures += part(program, pathlib.Path(folder) / part.__name__)
    print("\n".join(failures) or "same seed, same bytes")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
