"""Judges the demo's clips: do they show the colour of the subject, the place and the direction that the prompt names?

    python judge.py --zoetrope build/zoetrope            # draws 100 held-out prompts with our program and judges them
    python judge.py --zoetrope build/zoetrope --quick    # 10 of them
    python judge.py --folder DIR                         # judges DIR/000.mp4, 001.mp4, ... made before
    python judge.py --validate                           # judges true renderings, right and with shuffled captions

Every fourth frame is looked at with simple means (numpy alone):
- direction: pixels that change are the subject's; the horizontal shift that explains the change best, from one frame
  looked at to the next, is summed over the clip;
- colour: what was uncovered and what was covered between frames shows the subject's own colours; they are
  counted by the nearest named colour, and the counts compared with those of true renderings of the same
  subject in every colour that it comes in;
- place: the clip's median over time, at 12 x 7 cells, next to those of true renderings of all places.
What true renderings look like is in judge_templates.json (--templates makes it anew, with torch).
Exit status: 0 if each property is shown in nine clips of ten.
"""

import argparse
import dataclasses
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np

import world

HERE = pathlib.Path(__file__).resolve().parent
TEMPLATES = HERE / "judge_templates.json"
WIDTH, HEIGHT, STRIDE, FRAMES = 192, 112, 4, 33
TINT = {"day": (1.0, 1.0, 1.0), "dusk": (1.0, 0.88, 0.86), "night": (0.74, 0.76, 0.90)}
NAMES = list(world.COLOURS)


def prompts(count, seed=2026):
    """Held-out scenes with a prompt that names colour, place and direction, as plain dictionaries."""
    rng, cases = random.Random(seed), []
    while len(cases) < count:
        scene = world.sample_scene(rng, "held_out")
        text = world.caption(scene, rng)
        if any(f" {word} " in text for word in world.COLOUR_WORDS[scene.colour]):
            cases.append({"prompt": text, **dataclasses.asdict(scene)})
    return cases


# ---- looking ----

def changed(a, b, threshold=28):
    return np.abs(a.astype(np.int16) - b.astype(np.int16)).max(-1) > threshold


def shift(a, b):
    """The horizontal shift in pixels that turns a into b best where they differ, and how many pixels differ."""
    mask = changed(a, b)
    count = int(mask.sum())
    if count < 40:
        return 0.0, count
    best, found = None, 0
    for d in range(-16, 17):
        moved = np.roll(a, d, axis=1)
        valid = mask.copy()
        if d > 0:
            valid[:, :d] = False
        elif d < 0:
            valid[:, d:] = False
        # Pixels of b that are explained by a moved by d; the part of the change that is background never is.
        error = np.minimum(np.abs(moved.astype(np.int16) - b.astype(np.int16)).sum(-1), 120)
        cost = (error * valid).sum() + 120 * (mask & ~valid).sum()
        if best is None or cost < best:
            best, found = cost, d
    return float(found), count


def travel(frames):
    """Sum of the shifts over a clip's frames, in pixels; positive is towards the right."""
    return sum(shift(a, b)[0] for a, b in zip(frames[:-1], frames[1:]))


def thick(mask):
    """The mask without what is only a few pixels high, as the lines of waves are."""
    out = mask.copy()
    for roll in ((1, 0), (-1, 0), (2, 0), (-2, 0), (0, 1), (0, -1)):
        out &= np.roll(mask, roll, axis=(0, 1))
    return out


def leap_travel(frames):
    """Travel of what leaps out of the water and is gone between: by the middle of what is not there mostly."""
    usual = np.median(frames, axis=0).astype(np.uint8)
    times, middles, weights = [], [], []
    for t, frame in enumerate(frames):
        columns = np.nonzero(thick(changed(frame, usual)))[1]
        if len(columns) >= 20:
            times.append(t)
            middles.append(columns.mean())
            weights.append(len(columns))
    if len(times) < 3:
        return 0.0
    return float(np.polyfit(times, middles, 1, w=np.sqrt(weights))[0] * (len(frames) - 1))


def subject_pixels(frames, direction):
    """Pixels (N, 3) of the subject: what leaves its old place and what comes to its new one."""
    found = []
    n = len(frames)
    for i, j in ((0, n // 2), (n // 2, n - 1), (0, n - 1), (1, n - 2)):
        a, b = frames[i], frames[j]
        mask = changed(a, b, 36)
        mask = thick(mask) if thick(mask).sum() >= 30 else mask
        if mask.sum() < 30:
            continue
        columns = np.nonzero(mask)[1]
        low, high = np.percentile(columns, 1), np.percentile(columns, 99)
        behind = np.arange(WIDTH)[None, :] < (low + high) / 2
        if direction < 0:
            behind = ~behind
        found += [a[mask & behind], b[mask & ~behind]]
    return np.concatenate(found) if found else np.zeros((0, 3), np.uint8)


def shares(pixels, time):
    """How much of the pixels is nearest to each named colour under the time's tint, light and dark shades included."""
    if len(pixels) == 0:
        return np.zeros(len(NAMES))
    palette, owner = [], []
    for k, name in enumerate(NAMES):
        base = np.array(world.COLOURS[name], float)
        for shade in (base, base + (255 - base) * (0.38 if name != "black" else 0.22), base * 0.78):
            palette.append(shade * TINT[time])
            owner.append(k)
    palette = np.array(palette)
    distance = ((pixels[:, None, :].astype(float) - palette[None]) ** 2).sum(-1)
    counts = np.bincount(np.array(owner)[distance.argmin(1)], minlength=len(NAMES))
    return counts / counts.sum()


def cells(frames):
    """The clip's median over time at 12 x 7 cells, (7, 12, 3)."""
    middle = np.median(frames, axis=0)
    return middle.reshape(7, 16, 12, 16, 3).mean(axis=(1, 3))


def look(frames, case, templates):
    """What a clip shows, for frames (T, H, W, 3) uint8, every fourth of the clip."""
    leaps = case["action"] == "jump" and world.PLACES[case["place"]]["kind"] == "water"
    moved = leap_travel(frames) if leaps else travel(frames)
    pixels = subject_pixels(frames, 1 if moved > 0 else -1)
    seen = shares(pixels, case["time"])
    options = {c: np.array(templates["colours"][f"{case['subject']}|{c}"])
               for c in world.SUBJECTS[case["subject"]]["colours"]}
    colour = min(options, key=lambda c: np.abs(seen - options[c]).sum()) if seen.sum() else None
    grid = cells(frames)
    far = {key: np.minimum(np.abs(grid - np.array(t).reshape(7, 12, 3)).sum(-1), 90).mean()
           for key, t in templates["places"].items()}
    key = min(far, key=far.get)
    return {"colour": colour, "place": key.split("|")[0], "time": key.split("|")[1],
            "direction": "right" if moved > 6 else "left" if moved < -6 else "", "travel": moved}


def summary(results, cases):
    return {p: sum(r[p] == c[p] for r, c in zip(results, cases)) for p in ("colour", "place", "direction", "time")}


# ---- clips ----

def read_clip(path):
    """Every fourth frame of a video, (T, H, W, 3)."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                          f"{WIDTH}x{HEIGHT}", "-"], stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)[::STRIDE]


def draw(args, cases, folder):
    for i, case in enumerate(cases):
        path = folder / f"{i:03d}.mp4"
        if not path.exists():
            subprocess.run([args.zoetrope, "clip", "--model", str(args.model), "--prompt", case["prompt"], "--size",
                            f"{WIDTH}x{HEIGHT}", "--frames", str(args.frames), "--steps", str(args.steps), "--guidance",
                            str(args.guidance), "--seed", str(1000 + i), "-o", str(path), *args.extra],
                           check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


# ---- true renderings ----

def true_clips(scenes, seeds, times=tuple(range(0, FRAMES, STRIDE))):
    import torch

    import render
    torch.set_grad_enabled(False)
    for scene, seed in zip(scenes, seeds):
        yield render.render([scene], [seed], FRAMES, times=list(times))[0].numpy()


def make_templates(per_subject=4, per_place=5):
    """A subject's colour counts are a fixed part (eyes, wheels, skin, outline) and a share of the named colour."""
    rng = random.Random(77)
    colours = {}
    for subject, info in world.SUBJECTS.items():
        rows = []
        while len(rows) < per_subject:
            action = rng.choice([a for a in info["actions"] if a != "stand"])
            used = [c for c, _ in rows]
            scene = world.Scene(subject, rng.choice([c for c in info["colours"] if c not in used]), "big", False,
                                rng.choice(world.places_for(subject, action)), "day", action,
                                rng.choice(["left", "right"]))
            if world.allowed(scene):
                frames = next(true_clips([scene], [rng.randrange(10**9)]))
                sign = 1 if scene.direction == "right" else -1
                rows.append((scene.colour, shares(subject_pixels(frames, sign), "day")))
        fixed = np.zeros(len(NAMES))
        for k, name in enumerate(NAMES):
            fixed[k] = np.median([s[k] for c, s in rows if c != name])
        for colour in info["colours"]:
            full = fixed.copy()
            full[NAMES.index(colour)] += max(0.1, 1 - fixed.sum())
            colours[f"{subject}|{colour}"] = [round(float(v), 3) for v in full]
        print(subject, file=sys.stderr, flush=True)
    places = {}
    for place in world.PLACES:
        for time in world.TIMES:
            grids = []
            while len(grids) < per_place:
                scene = world.sample_scene(rng, "any")
                if scene.size != "small" or scene.pair:
                    continue
                scene = dataclasses.replace(scene, place=place, time=time)
                if world.allowed(scene):
                    grids.append(cells(next(true_clips([scene], [rng.randrange(10**9)], [0, 16, 32]))))
            places[f"{place}|{time}"] = [int(round(v)) for v in np.median(grids, 0).ravel()]
        print(place, file=sys.stderr, flush=True)
    TEMPLATES.write_text(json.dumps({"colours": colours, "places": places}, separators=(",", ":")) + "\n")


def report(results, cases, out, floors=(0.9, 0.9, 0.9)):
    figures = summary(results, cases)
    for name in ("colour", "place", "direction"):
        print(f"{name}: {figures[name]} passed, {len(cases) - figures[name]} failed")
    if out:
        out.write_text(json.dumps({"clips": len(cases), "passed": figures,
                                   "cases": [{**c, "seen": r} for c, r in zip(cases, results)]}, indent=1) + "\n")
    return all(figures[name] >= floor * len(cases) for name, floor in zip(("colour", "place", "direction"), floors))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--zoetrope", help="our program: draws the clips")
    parser.add_argument("--model", type=pathlib.Path, default=HERE.parents[1] / "assets" / "demo" / "video")
    parser.add_argument("--folder", type=pathlib.Path, help="where the clips are, or are put")
    parser.add_argument("--array", type=pathlib.Path, help="an .npz of the trainer's samples instead")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="10 prompts")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures and what was seen in every clip here")
    parser.add_argument("--floors", type=float, nargs=3, default=(0.9, 0.9, 0.9), metavar=("COLOUR", "PLACE", "DIRECTION"),
                        help="the shares of clips below which the judge ends with 1")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--templates", action="store_true")
    parser.add_argument("extra", nargs="*", help="more arguments for the program, after --")
    args = parser.parse_args()
    if args.templates:
        make_templates()
        return 0
    templates = json.loads(TEMPLATES.read_text())
    cases = prompts(10 if args.quick else args.count)
    if args.validate:
        scenes = [world.Scene(**{k: v for k, v in c.items() if k != "prompt"}) for c in cases]
        clips = list(true_clips(scenes, [5000 + i for i in range(len(cases))]))
        print("true renderings")
        good = report([look(clip, case, templates) for clip, case in zip(clips, cases)], cases, args.json)
        print("the same with the captions shuffled")
        other = cases[7 % len(cases):] + cases[:7 % len(cases)]
        wrong = summary([look(clip, case, templates) for clip, case in zip(clips, other)], other)
        for name in ("colour", "place", "direction"):
            print(f"{name}: {wrong[name]} passed, {len(cases) - wrong[name]} failed")
        return 0 if good else 1
    if args.array:
        clips = np.load(args.array)["clips"]
        cases = cases[:len(clips)]
        return 0 if report([look(clip, case, templates) for clip, case in zip(clips, cases)], cases, args.json) else 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or pathlib.Path(scratch)
        if args.zoetrope:
            folder.mkdir(parents=True, exist_ok=True)
            draw(args, cases, folder)
        elif not args.folder:
            parser.error("--zoetrope, --folder, --array or --validate")
        results = [look(read_clip(folder / f"{i:03d}.mp4"), case, templates) for i, case in enumerate(cases)]
        return 0 if report(results, cases, args.json, args.floors) else 1


if __name__ == "__main__":
    sys.exit(main())
