"""Trains the demo's autoencoder for a number of seconds on clips it renders itself; the averaged weights are kept.

    python train_autoencoder.py --work DIR --seconds 480

DIR/autoencoder.pt holds the averaged weights, the latents' mean and deviation, and the measured PSNR.
"""

import argparse
import copy
import math
import pathlib
import random
import time

import torch

import data
import models


def sample(count, split, seed):
    rng = random.Random(seed)
    scenes = [s for _ in range((count + 7) // 8) for s in data.scene_group(rng, 8, split)][:count]
    return scenes, [rng.randrange(2**40) for _ in scenes]


@torch.no_grad()
def measure(model, device, frames, count, amp, split="held_out"):
    """PSNR over held-out clips in dB (from the mean squared error of all), and the worst clip's."""
    scenes, seeds = sample(count, split, 4242 + frames)
    errors, pairs = [], []
    for i in range(0, count, 4):
        clips = data.render_many(scenes[i:i + 4], seeds[i:i + 4], frames, device)
        x = data.to_pixels(clips)
        with torch.autocast(device, torch.bfloat16, enabled=amp):
            y = model.decode(model.encode(x)[0]).clamp(-1, 1)
        errors.append(((x - y) / 2).square().mean(dim=(1, 2, 3, 4)))
        pairs.append((clips[0], ((y[0] + 1) * 127.5).round().byte().permute(1, 2, 3, 0)))
    errors = torch.cat(errors)
    db = lambda e: -10 * math.log10(e)  # noqa: E731
    return db(errors.mean().item()), db(errors.max().item()), pairs


@torch.no_grad()
def latent_statistics(model, device, amp, count=160):
    scenes, seeds = sample(count, "train", 99)
    rows = []
    for i in range(0, count, 8):
        x = data.to_pixels(data.render_many(scenes[i:i + 8], seeds[i:i + 8], 33, device))
        with torch.autocast(device, torch.bfloat16, enabled=amp):
            rows.append(model.encode(x)[0])
    z = torch.cat(rows)
    return z.mean(dim=(0, 2, 3, 4)).tolist(), z.std(dim=(0, 2, 3, 4)).tolist()


def contact_sheet(pairs, path):
    from PIL import Image
    rows = []
    for clip, again in pairs[:8]:
        steps = [0, clip.shape[0] // 2, clip.shape[0] - 1]
        rows.append(torch.cat([part[t] for t in steps for part in (clip, again)], 1))
    Image.fromarray(torch.cat(rows, 0).cpu().numpy()).save(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=480)
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--frames", type=int, default=17)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--crop", type=int, nargs=2, default=[112, 192])
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--eager", action="store_true")
    args = parser.parse_args()
    begin = time.time()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cuda = device == "cuda"
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    args.work.mkdir(parents=True, exist_ok=True)

    model = models.Autoencoder(**models.AE_CONFIG).to(device)
    if args.resume:
        model.load_state_dict(torch.load(args.work / "autoencoder.pt", map_location=device, weights_only=True)["model"])
    if cuda:
        models.channels_last(model)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    kernels = [p for p in model.parameters() if p.dim() > 2 and min(p.shape[0], p[0].numel()) >= 16]
    chosen = {id(p) for p in kernels}
    adam = torch.optim.AdamW([p for p in model.parameters() if id(p) not in chosen], lr=args.rate, betas=(0.9, 0.95),
                             weight_decay=0.0, fused=cuda)
    muon = models.Muon(kernels, decay=1e-3)
    run = torch.compile(model) if cuda and not args.eager else model

    scenes, seeds = sample(args.clips, "train", 5)
    pool = torch.cat([data.render_many(scenes[i:i + 8], seeds[i:i + 8], 33, device) for i in range(0, args.clips, 8)])
    if cuda:
        torch.cuda.synchronize()
    print(f"rendered {args.clips} clips by {time.time() - begin:.1f} s", flush=True)

    started, step, log = time.time(), 0, []
    length = args.seconds - (started - begin)
    while time.time() - started < length:
        progress = (time.time() - started) / length
        rate = args.rate * min(1.0, (step + 1) / 100) * max(0.02, 0.5 + 0.5 * math.cos(math.pi * progress))
        for group in adam.param_groups:
            group["lr"] = rate
        pick = torch.randint(len(pool), (args.batch,)).tolist()
        h, w = args.crop
        windows = []
        for i in pick:
            t = random.randrange(33 - args.frames + 1)
            r, c = random.randrange(112 - h + 1), random.randrange(192 - w + 1)
            windows.append(pool[i, t:t + args.frames, r:r + h, c:c + w])
        x = data.to_pixels(torch.stack(windows))
        if random.random() < 0.5:
            x = x.flip(4)
        if cuda:
            x = x.contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(device, torch.bfloat16, enabled=cuda):
            y, mean, logvar = run(x)
        d = y - x
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        loss = d.abs().mean() + 2 * d.square().mean() + 3e-5 * kl
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        muon.step(rate)
        model.zero_grad(set_to_none=True)
        step += 1
        keep = min(0.999, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - keep)
        if step % 250 == 0 or (not cuda and step % 5 == 0):
            mse = d.detach().square().mean().item() / 4
            print(f"step {step} {time.time() - begin:.0f} s loss {loss.item():.4f} kl {kl.item():.3f} "
                  f"psnr {-10 * math.log10(mse):.2f}", flush=True)
            if not math.isfinite(mse):
                raise SystemExit("the loss is not finite")
        if step % 1000 == 0:
            torch.save({"model": model.state_dict()}, args.work / "autoencoder_live.pt")

    mean, std = latent_statistics(average, device, cuda)
    result = {"model": {k: v.contiguous() for k, v in average.state_dict().items()}, "mean": mean, "std": std}
    for frames, count in ((33, 40), (65, 12)) if cuda else ((9, 4),):
        result[f"psnr_{frames}"], worst, pairs = measure(average, device, frames, count, cuda)
        print(f"held out, {frames} frames: {result[f'psnr_{frames}']:.2f} dB, worst clip {worst:.2f} dB", flush=True)
        contact_sheet(pairs, args.work / f"autoencoder_{frames}.png")
    torch.save(result, args.work / "autoencoder.pt")
    print(f"{step} steps, {time.time() - begin:.0f} s, latents' deviation {min(std):.3f} to {max(std):.3f}")


if __name__ == "__main__":
    main()
