"""Trains the demo's text encoder and its two experts on clips it renders and encodes itself.

    python train_experts.py --work DIR --seconds 540 --stage shared     # one model over all noise levels
    python train_experts.py --work DIR --seconds 540 --stage experts    # two of it, each on its own range

DIR/autoencoder.pt must be there. Each run goes on from what DIR holds. Kept in DIR: latents.pt (the encoded clips),
state.pt (weights and optimisers), and the averaged weights high.pt, low.pt and text.pt.
"""

import argparse
import copy
import math
import pathlib
import random
import time

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import data
import export
import judge
import models
import sampling
import world

MIX = {33: (0.55, 128), 49: (0.25, 88), 65: (0.20, 64)}   # frames: share of the steps, batch
SHIFT = 4.0        # training's noise levels lie as an inference schedule of this shift visits them
BOUNDARY = 0.875
PHRASINGS = 6
WAYS = ["", "right", "left"]
WAY_WEIGHT = 0.05  # of telling the direction from the encoded text


def encode_clips(work, clips, device, tokenizer, part):
    """Renders and encodes; gives {frames: {"z", "ids", "still", "way"}} on the device, the latents normalised."""
    saved = torch.load(work / "autoencoder.pt", map_location=device, weights_only=True)
    ae = models.Autoencoder(**models.AE_CONFIG).to(device)
    ae.load_state_dict(saved["model"])
    ae.eval().requires_grad_(False)
    cuda = device == "cuda"
    if cuda:
        models.channels_last(ae)
    mean = torch.tensor(saved["mean"], device=device).view(1, -1, 1, 1, 1)
    std = torch.tensor(saved["std"], device=device).view(1, -1, 1, 1, 1)
    rng = random.Random(f"clips {part}")
    pools = {}
    for frames, (share, _) in MIX.items():
        count = int(clips * share) // 16 * 16
        encode = ae.encode
        rows, ids, still, way = [], [], [], []
        begin = time.time()
        for k in range(0, count, 16):
            scenes = data.scene_group(rng, 16)
            on = (k // 16) % 3 == 0     # a third of the clips start anywhere: these are only shown with their first frame
            x = data.to_pixels(data.render_many(scenes, [rng.randrange(2**40) for _ in scenes], frames, device,
                                                chunk=16, still_start=on))
            with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=cuda):
                z = encode(x.contiguous(memory_format=torch.channels_last_3d) if cuda else x)[0]
            rows.append(((z - mean) / std).to(torch.bfloat16))
            texts = [data.noisy_caption(scene, rng) for scene in scenes for _ in range(PHRASINGS)]
            ids.append(data.tokens_of(tokenizer, texts, models.TEXT_KEPT).view(16, PHRASINGS, -1))
            still += [on] * 16
            way += [WAYS.index(scene.direction) for scene in scenes]
        pools[frames] = {"z": torch.cat(rows), "ids": torch.cat(ids).to(device),
                         "still": torch.tensor(still, device=device), "way": torch.tensor(way, device=device)}
        print(f"{count} clips of {frames} frames in {time.time() - begin:.1f} s", flush=True)
    return pools


class Sampler:
    """Draws batches: latents, token ids with one in ten dropped, which first frames stay clean, and the way that the
    text tells (its place in WAYS, -100 where the text was dropped)."""

    def __init__(self, pools, tokenizer, device):
        self.pools, self.device = pools, device
        rng = random.Random(11)
        self.empty = data.tokens_of(tokenizer, [""], models.TEXT_KEPT).to(device)
        self.negative = data.tokens_of(tokenizer, [world.negative(rng) for _ in range(512)], models.TEXT_KEPT).to(device)

    def draw(self, frames, batch):
        pool, device = self.pools[frames], self.device
        pick = torch.randint(len(pool["z"]), (batch,), device=device)
        z = pool["z"][pick].float()
        ids = pool["ids"][pick, torch.randint(PHRASINGS, (batch,), device=device)]
        drop = torch.rand(batch, 1, device=device) < 0.1
        none = self.negative[torch.randint(len(self.negative), (batch,), device=device)]
        ids = torch.where(drop, none, ids)
        clean = pool["still"][pick] | (torch.rand(batch, device=device) < 0.25)
        return z, ids, clean, pool["way"][pick].masked_fill(drop.flatten(), -100)


def flow_loss(model, encoder, teller, batch, low, high):
    """Mean squared error of the predicted velocity at noise levels within [low, high], placed by SHIFT, and the cross
    entropy of the way told from the mean of the text's rows. "From left to right" and "from right to left" are the same
    words: the pictures alone teach the encoder their order only slowly."""
    z, ids, clean, way = batch
    edge = lambda s: s / (SHIFT - (SHIFT - 1) * s)  # noqa: E731
    u = edge(low) + (edge(high) - edge(low)) * torch.rand(len(z), device=z.device)
    s = (SHIFT * u / (1 + (SHIFT - 1) * u)).view(-1, 1, 1, 1, 1)
    noise = torch.randn_like(z)
    x = (1 - s) * z + s * noise
    x = torch.cat([torch.where(clean.view(-1, 1, 1, 1, 1), z[:, :, :1], x[:, :, :1]), x[:, :, 1:]], 2)
    ids = ids.long()
    mask = ids != 0
    text = encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state * mask.unsqueeze(2)
    error = (model(x, s.flatten() * 1000, text, clean) - (noise - z)).square()
    first = error[:, :, :1].mean(dim=(1, 2, 3, 4)) * (~clean)
    rest = error[:, :, 1:].mean(dim=(1, 2, 3, 4))
    frames = z.shape[2]
    told = F.cross_entropy(teller(text.sum(1) / mask.sum(1, keepdim=True)), way)
    return ((first + rest * (frames - 1)) / (frames - clean.float())).mean(), told


def build(device):
    from transformers import UMT5Config, UMT5EncoderModel
    tokenizer = Tokenizer.from_file(str(data.VIDEO / "tokenizer" / "tokenizer.json"))
    encoder = UMT5EncoderModel(UMT5Config(vocab_size=tokenizer.get_vocab_size(), **models.TEXT_CONFIG)).to(device)
    high = models.Transformer(**models.DIT_CONFIG).to(device)
    torch.nn.init.zeros_(high.proj_out.weight)
    torch.nn.init.zeros_(high.proj_out.bias)
    return tokenizer, encoder, high, copy.deepcopy(high)


def optimisers(model, cuda):
    inner = [p for n, p in model.named_parameters() if p.dim() == 2 and n.startswith("blocks.")]
    chosen = {id(p) for p in inner}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return models.Muon(inner), torch.optim.AdamW(rest, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0, fused=cuda)


def draw_samples(nets, sampler, tokenizer, work, device, count, settings, name):
    """Clips of held-out prompts at each of the settings (steps, guidance, shift): a sheet of some and, as an array
    for judge.py, every fourth frame of all."""
    import numpy
    from PIL import Image
    saved = torch.load(work / "autoencoder.pt", map_location=device, weights_only=True)
    ae = models.Autoencoder(**models.AE_CONFIG).to(device).eval()
    ae.load_state_dict(saved["model"])
    mean, std = (torch.tensor(saved[k], device=device).view(1, -1, 1, 1, 1) for k in ("mean", "std"))
    ids = data.tokens_of(tokenizer, [c["prompt"] for c in judge.prompts(count)], models.TEXT_KEPT).to(device)
    for steps, guidance, shift in settings:
        clips = []
        for k in range(0, count, 20):
            with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                z = sampling.sample(*nets, ids[k:k + 20], sampler.empty, 33, steps, guidance, shift, 7 + k)
                y = torch.cat([ae.decode(z[i:i + 4] * std + mean) for i in range(0, len(z), 4)])
            clips.append(((y.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1)[:, ::4].cpu())
        clips = torch.cat(clips)
        title = f"{name}_{steps}_{guidance:g}_{shift:g}"
        numpy.savez_compressed(work / f"{title}.npz", clips=clips.numpy())
        rows = [torch.cat([clips[i, t] for t in (0, 3, 5, 8)], 1) for i in range(min(20, count))]
        half = len(rows) // 2
        sheet = torch.cat([torch.cat(rows[:half], 0), torch.cat(rows[half:half * 2], 0)], 1) if half else rows[0]
        Image.fromarray(sheet.numpy()).save(work / f"{title}.png")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--stage", choices=["shared", "experts"], required=True)
    parser.add_argument("--clips", type=int, default=24000)
    parser.add_argument("--part", type=int, default=0, help="seed of the clips, when more are made")
    parser.add_argument("--rates", type=float, nargs=2, default=[1.5e-3, 1.5e-3], help="first and last learning rate")
    parser.add_argument("--scale", type=float, default=1.0, help="of the batches")
    parser.add_argument("--judge", type=int, default=100)
    parser.add_argument("--init", type=pathlib.Path, help="an exported folder to begin from instead of from nothing")
    args = parser.parse_args()
    begin = time.time()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cuda = device == "cuda"
    torch.manual_seed(args.part + 1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    work = args.work
    work.mkdir(parents=True, exist_ok=True)
    if args.init and not (work / "autoencoder.pt").exists():
        torch.save(export.load(args.init)["autoencoder"], work / "autoencoder.pt")
    tokenizer, encoder, high, low = build(device)
    if cuda:
        models.Block.forward = torch.compile(models.Block.forward, dynamic=False)

    pools = None
    if (work / "latents.pt").exists():
        pools = torch.load(work / "latents.pt", map_location=device, weights_only=True)
        print(f"latents loaded by {time.time() - begin:.1f} s", flush=True)
    if args.clips:
        more = encode_clips(work, args.clips, device, tokenizer, args.part)
        if pools:
            more = {f: {k: torch.cat([pools[f][k], more[f][k]]) for k in more[f]} for f in more}
        pools = more
        torch.save(pools, work / "latents.pt")
        print(f"latents made by {time.time() - begin:.1f} s", flush=True)
    sampler = Sampler(pools, tokenizer, device)

    nets = {"high": high, "low": low, "text": encoder}
    state = None
    if args.init:
        given = export.load(args.init)
        for name, net in nets.items():
            net.load_state_dict(given[name])
    elif (work / "state.pt").exists():
        state = torch.load(work / "state.pt", map_location=device, weights_only=True)
        for name, net in nets.items():
            net.load_state_dict(state["live"][name])
    averages = {name: copy.deepcopy(net).eval().requires_grad_(False) for name, net in nets.items()}
    if state:
        for name, net in averages.items():
            net.load_state_dict(state["averaged"][name])
    if args.stage == "shared":
        active = ["high", "text"]
    else:
        active = ["high", "low", "text"]
        if state and state["stage"] == "shared":
            nets["low"].load_state_dict(nets["high"].state_dict())
            averages["low"].load_state_dict(averages["high"].state_dict())
    tuned = {name: optimisers(nets[name], cuda) for name in active if name != "text"}
    teller = torch.nn.Linear(models.TEXT_CONFIG["d_model"], len(WAYS)).to(device)  # of use in training alone
    text_adam = torch.optim.AdamW([*encoder.parameters(), *teller.parameters()], lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0, fused=cuda)
    params = [p for name in active for p in nets[name].parameters()]
    shadow = [p for name in active for p in averages[name].parameters()]

    step, started, log = 0, time.time(), {}
    length = args.seconds - (started - begin)
    while time.time() - started < length:
        progress = min(1.0, (time.time() - started) / length)
        rate = (args.rates[0] + (args.rates[1] - args.rates[0]) * progress) * min(1.0, (step + 1) / 200)
        frames = random.choices(list(MIX), [share for share, _ in MIX.values()])[0]
        batch = max(2, int(MIX[frames][1] * args.scale))
        with torch.autocast(device, torch.bfloat16, enabled=cuda):
            if args.stage == "shared":
                losses = {"all": flow_loss(high, encoder, teller, sampler.draw(frames, batch), 0.0, 1.0)}
            else:
                half = batch * 3 // 4
                losses = {"low": flow_loss(low, encoder, teller, sampler.draw(frames, half), 0.0, BOUNDARY),
                          "high": flow_loss(high, encoder, teller, sampler.draw(frames, half), BOUNDARY, 1.0)}
        losses["way"] = sum(told for _, told in losses.values()) / len(losses)
        losses = {name: loss if name == "way" else loss[0] for name, loss in losses.items()}
        sum(loss * (WAY_WEIGHT if name == "way" else 1.0) for name, loss in losses.items()).backward()
        for name in active:
            torch.nn.utils.clip_grad_norm_(nets[name].parameters(), 1.0, foreach=True)
        for muon, adam in tuned.values():
            muon.step(rate)
            for group in adam.param_groups:
                group["lr"] = rate
            adam.step()
        for group in text_adam.param_groups:
            group["lr"] = rate * 0.7
        text_adam.step()
        for p in [*params, *teller.parameters()]:
            p.grad = None
        step += 1
        keep = min(0.9993, (step + 1) / (step + 10)) if not (state or args.init) else 0.9993
        with torch.no_grad():
            torch._foreach_lerp_(shadow, params, 1 - keep)
        for name, loss in losses.items():
            log.setdefault(name, []).append(loss.detach())
        if step % 200 == 0 or step in (10, 50) or (not cuda and step % 5 == 0):
            text = " ".join(f"{k} {torch.stack(v).mean().item():.4f}" for k, v in log.items())
            print(f"step {step} {time.time() - begin:.0f} s {text}", flush=True)
            if "nan" in text:
                raise SystemExit("the loss is not finite")
            log = {}
    print(f"{step} steps by {time.time() - begin:.0f} s", flush=True)
    torch.save({"stage": args.stage, "live": {n: m.state_dict() for n, m in nets.items()},
                "averaged": {n: m.state_dict() for n, m in averages.items()}}, work / "state.pt")
    if args.stage == "shared":
        averages["low"] = averages["high"]
    for name, net in averages.items():
        torch.save(net.state_dict(), work / f"{name}.pt")
    if args.judge:
        draw_samples((averages["high"], averages["low"], averages["text"]), sampler, tokenizer, work, device, args.judge,
                     [(10, 3.0, 5.0)], f"samples_{args.stage}")
    print(f"done by {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
