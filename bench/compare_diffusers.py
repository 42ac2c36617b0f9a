#!/usr/bin/env python3
"""One forward of the transformer and one decode of the autoencoder, ours and diffusers', on the same checkpoint.

    python bench/compare_diffusers.py VIDEO_DIR [--part forward|decode] [--size 192x112] [--frames 33] [--threads 2] [--rounds 5]
                                      [--limit 600]

Both compute in float32 with the same number of threads at the same shapes. They take turns in the order A B B A, each in a
process of its own, because a machine that grows slower or faster within the run would else favour one of them; the first
turn of each is thrown away. A turn of ours is `zoetrope bench ... --json`, a turn of diffusers as many seconds as that, and
one run at least: a decode of 33 frames takes it some 12 seconds on two cores, and minutes where other programs want them too.
A turn that takes longer than --limit seconds ends the comparison. Printed are both medians over the turns, the ratio (ours /
diffusers; below 1 we are faster), and the ratios of the single rounds; what is going on is told on standard error.
Needs tools/requirements.txt, and a built program (./zoetrope --help builds it).
"""

import argparse
import json
import multiprocessing
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def reference_inputs(folder, part, width, height, frames):
    """(model, arguments) of diffusers in float32 at the shapes that a clip of this size has."""
    import diffusers
    import torch

    generator = torch.Generator().manual_seed(0)
    vae_config = diffusers.AutoencoderKLWan.load_config(folder / "vae")
    spatial, temporal = vae_config.get("scale_factor_spatial", 8), vae_config.get("scale_factor_temporal", 4)
    latent = (1, vae_config["z_dim"], (frames - 1) // temporal + 1, height // spatial, width // spatial)
    if part == "decode":
        model = diffusers.AutoencoderKLWan.from_pretrained(folder / "vae", torch_dtype=torch.float32)
        return model.decode, (torch.randn(latent, generator=generator),)
    model = diffusers.WanTransformer3DModel.from_pretrained(folder / "transformer", torch_dtype=torch.float32)
    hidden = torch.randn((1, model.config.in_channels, *latent[2:]), generator=generator)
    text = torch.randn((1, 512, model.config.text_dim), generator=generator)
    return model, (hidden, torch.tensor([500.0]), text)  # one timestep for all tokens, as in our bench


def serve_reference(connection, folder, part, width, height, frames, threads):
    """Waits for a number of seconds, runs for about that long (once at least), sends the median back. Ends with the pipe."""
    import torch

    torch.set_num_threads(threads)
    model, arguments = reference_inputs(folder, part, width, height, frames)
    with torch.inference_mode():
        while True:
            try:
                seconds = connection.recv()
            except EOFError:
                return
            times, end = [], time.perf_counter() + seconds
            while not times or time.perf_counter() < end:
                begin = time.perf_counter()
                model(*arguments)
                times.append(time.perf_counter() - begin)
            connection.send(statistics.median(times))


def our_turn(options, part):
    """(median seconds, seconds that the turn took)."""
    begin = time.perf_counter()
    command = [str(options.program), "bench", part, "--model", str(options.folder), "--size", options.size, "--frames",
               str(options.frames), "--threads", str(options.threads), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=options.limit)
    except subprocess.TimeoutExpired:
        sys.exit(f"{' '.join(command)} gave no answer within {options.limit} s; --limit gives it more")
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["median_seconds"], time.perf_counter() - begin


def compare(options, part):
    width, height = map(int, options.size.split("x"))
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    worker = context.Process(target=serve_reference, daemon=True,
                             args=(there, options.folder, part, width, height, options.frames, options.threads))
    worker.start()
    there.close()  # the worker alone holds it, so that its end is noticed

    def reference_turn(seconds):
        try:
            here.send(seconds)
            if not here.poll(options.limit):
                worker.kill()
                sys.exit(f"diffusers gave no answer within {options.limit} s; --limit gives it more, fewer --frames need less")
            return here.recv()
        except (EOFError, BrokenPipeError):
            worker.join()
            sys.exit(f"diffusers ended with {worker.exitcode} (its message is above; -9 is a lack of memory)")

    first, seconds = our_turn(options, part)
    print(f"{part}: ours {first:.3f} s the first time", file=sys.stderr, flush=True)
    print(f"{part}: diffusers {reference_turn(seconds):.3f} s the first time", file=sys.stderr, flush=True)
    ours, theirs = [], []
    for number in range(options.rounds):
        for turn in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
            time.sleep(0.5)  # threads that spin on after the other's turn fall asleep
            ours.append(our_turn(options, part)[0]) if turn == "ours" else theirs.append(reference_turn(seconds))
        print(f"{part}: round {number + 1} of {options.rounds}: ours {ours[-1]:.3f} s, diffusers {theirs[-1]:.3f} s", file=sys.stderr,
              flush=True)
    here.close()
    worker.join()
    ratios = sorted(a / b for a, b in zip(ours, theirs))
    result = {"part": part, "size": options.size, "frames": options.frames, "threads": options.threads,
              "ours_seconds": statistics.median(ours), "diffusers_seconds": statistics.median(theirs),
              "ratio": statistics.median(ours) / statistics.median(theirs), "ratios": [round(r, 3) for r in ratios]}
    if options.json:
        print(json.dumps(result), flush=True)
    else:
        print(f"{part:8} {options.size} x {options.frames} frames, {options.threads} threads: ours {result['ours_seconds']:.3f} s, "
              f"diffusers {result['diffusers_seconds']:.3f} s, ratio {result['ratio']:.2f} "
              f"(rounds {ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="a folder in diffusers' pipeline layout")
    parser.add_argument("--part", choices=["forward", "decode"], help="one of the two; both when omitted")
    parser.add_argument("--size", default="192x112")
    parser.add_argument("--frames", type=int, default=33)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=600, help="seconds that one turn may take")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "zoetrope")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for part in [options.part] if options.part else ["forward", "decode"]:
        compare(options, part)


if __name__ == "__main__":
    main()
