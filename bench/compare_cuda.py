"""Our engine against PyTorch and diffusers on one NVIDIA GPU, both sides in one run.

    python3 compare_cuda.py --zoetrope build/zoetrope layer forward:25 forward:81 decode:81 encode:81 text:512

Models are full size with random weights in bf16, both sides' made by the same hash (src/nn/random_weights.cpp), so
that products draw the same power. layer: one block of Wan 2.2 A14B against float64 (a check, no timing). forward:N: the
transformer at 832x1216 and N frames against diffusers with its blocks compiled. decode:N, encode:N: the Wan 2.1
autoencoder against diffusers in channels-last. text:N: UMT5-XXL against transformers, compiled. Order ABBA, medians; a
spread over 2 % marks the row. load: 28.6 GB of weights from the page cache (the file is written first). streamed:N:GIB:
the forward at N frames under a budget of so many GiB, against our own with resident weights, from the same file.
Needs torch, diffusers, transformers, safetensors, and for load and streamed 29 GB of disk.
"""

import argparse
import gc
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from safetensors.torch import load_file, save_file

A14B = dict(patch_size=(1, 2, 2), num_attention_heads=40, attention_head_dim=128, in_channels=16, out_channels=16,
            text_dim=4096, freq_dim=256, ffn_dim=13824, num_layers=40, cross_attn_norm=True,
            qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=1024)
WIDTH, HEIGHT = 832, 1216
DEVICE = "cuda"


def mixed(x):
    """The hash of src/nn/random_weights.cpp on int64 tensors that hold 32 bits."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


def key_of(name, seed=1):
    key = mixed(seed)
    for letter in name.encode():
        key = mixed((key * 31 + letter) & 0xFFFFFFFF)
    return key


@torch.no_grad()
def fill(tensor, name):
    """Element i of the parameter as RandomWeights makes it."""
    vector = tensor.dim() == 1
    spread = math.sqrt(3) * (0.02 if vector else 1 / math.sqrt(tensor.numel() / tensor.shape[0]))
    norm = "norm" in name or name.endswith("gamma")
    centre = 1.0 if vector and norm and not name.endswith("bias") else 0.0
    flat, key = tensor.view(-1), key_of(name)
    for first in range(0, flat.numel(), 1 << 26):
        i = torch.arange(first, min(first + (1 << 26), flat.numel()), device=tensor.device)
        bits = mixed(((i * 0x9E3779B1) & 0xFFFFFFFF) ^ key)
        value = (bits >> 8).float() * 2**-23 - 1
        flat[first:first + len(i)] = (centre + spread * value).to(torch.bfloat16).to(tensor.dtype)


def fill_all(model):
    for name, parameter in model.named_parameters():
        fill(parameter.data, name)
    return model.eval().requires_grad_(False)


def made(make, dtype=torch.bfloat16):
    torch.set_default_dtype(dtype)
    with torch.device(DEVICE):
        model = make()
    torch.set_default_dtype(torch.float32)
    return fill_all(model)


def free():
    gc.collect()
    torch.cuda.empty_cache()


def seconds_of(run):
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def theirs(run, count, burn=3.0):
    start = time.perf_counter()
    while time.perf_counter() - start < burn:
        seconds_of(run)
    return [seconds_of(run) for _ in range(count)]


def ours(args, part, model, count, *extra):
    command = [args.zoetrope, "bench", part, "--model", model, "--random-weights", "--device", "cuda", "--json", "--runs",
               str(count), "--warm-up", "3", *extra]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr[-1500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row(name, peer, mine, details):
    a, b = statistics.median(peer), statistics.median(mine)
    spread = max(max(s) / min(s) - 1 for s in (peer, mine))
    print(f"{name:<22} peer {a:8.4f} s  ours {b:8.4f} s  ratio {b / a:.3f}  spread {spread:.1%}"
          f"{' VOID' if spread > 0.02 else ''}  {details}", flush=True)


def compared(args, name, run, part, model, count, *extra):
    """ABBA."""
    peer = theirs(run, count)
    first = ours(args, part, model, count, *extra)
    second = ours(args, part, model, count, *extra)
    peer += theirs(run, count)
    keep = lambda r: [r["min_seconds"], r["median_seconds"], r["max_seconds"]] if count > 1 else [r["median_seconds"]]  # noqa: E731
    row(name, peer, keep(first) + keep(second),
        f"{second['flops'] / second['median_seconds'] / 1e12:.0f} TFLOP/s, peak {second['measured_peak_bytes'] / 2**30:.2f} "
        f"of {second['planned_peak_bytes'] / 2**30:.2f} GiB, load {second['load_seconds']:.2f} s")
    free()


@torch.no_grad()
def layer(args):
    """One block at full width against float64, in float32, bf16 and f16."""
    from diffusers import WanTransformer3DModel
    config = {**A14B, "num_layers": 1}
    reference = made(lambda: WanTransformer3DModel(**config), torch.float64)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "config.json").write_text(json.dumps({"_class_name": "WanTransformer3DModel", **config}))
        save_file({k: v.to(torch.bfloat16).contiguous() for k, v in reference.state_dict().items()},
                  folder / "model.safetensors")
        torch.manual_seed(5)
        inputs = {"hidden_states": torch.randn(1, 16, 3, 38, 26), "timestep": torch.tensor([731.0]),
                  "encoder_hidden_states": torch.randn(1, 77, 4096)}
        save_file(inputs, folder / "in.safetensors")
        wide = reference(**{k: v.double().to(DEVICE) for k, v in inputs.items()}, return_dict=False)[0].cpu()
        same = made(lambda: WanTransformer3DModel(**config))
        half = same(**{k: v.to(DEVICE, torch.bfloat16 if k != "timestep" else torch.float32) for k, v in inputs.items()},
                    return_dict=False)[0].double().cpu()
        print(f"layer: diffusers in bf16 is {(half - wide).norm() / wide.norm():.2e} from float64")
        for dtype in ("f32", "bf16", "f16"):
            subprocess.run([args.zoetrope, "forward", folder, folder / "in.safetensors", folder / "out.safetensors",
                            "--device", "cuda", "--dtype", dtype], check=True, stdin=subprocess.DEVNULL)
            out = load_file(folder / "out.safetensors")["sample"].double()
            print(f"layer: ours in {dtype} is {(out - wide).norm() / wide.norm():.2e} from float64", flush=True)
    free()


@torch.no_grad()
def forward(args, frames):
    from diffusers import WanTransformer3DModel
    from torch.nn.attention import SDPBackend, sdpa_kernel
    if "transformer" not in KEPT:
        KEPT["transformer"] = made(lambda: WanTransformer3DModel(**A14B))
        KEPT["transformer"].compile_repeated_blocks(fullgraph=True, dynamic=False)
    model, f = KEPT["transformer"], (frames - 1) // 4 + 1
    inputs = {"hidden_states": torch.randn(1, 16, f, HEIGHT // 8, WIDTH // 8, device=DEVICE, dtype=torch.bfloat16),
              "timestep": torch.tensor([500.0], device=DEVICE),
              "encoder_hidden_states": torch.randn(1, 512, 4096, device=DEVICE, dtype=torch.bfloat16)}
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        run = lambda: model(**inputs, return_dict=False)  # noqa: E731
        run()
        count = 3 if frames <= 81 else 1
        compared(args, f"forward {frames} frames", run, "forward", "wan2.2-t2v-a14b", count, "--size", f"{WIDTH}x{HEIGHT}",
                 "--frames", str(frames))


@torch.no_grad()
def weight_folder():
    """A folder with the transformer's config and weights, written once a run."""
    from diffusers import WanTransformer3DModel
    if "folder" not in KEPT:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="a14b"))
        with torch.device("meta"):
            shapes = {k: v.shape for k, v in WanTransformer3DModel(**A14B).named_parameters()}
        tensors = {}
        for name, shape in shapes.items():
            value = torch.empty(shape, device=DEVICE, dtype=torch.bfloat16)
            fill(value, name)
            tensors[name] = value.cpu()
        save_file(tensors, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"_class_name": "WanTransformer3DModel", **A14B}))
        KEPT["folder"] = folder
        free()
    return KEPT["folder"]


def from_file(args, frames, count, *extra):
    command = [args.zoetrope, "bench", "forward", "--model", weight_folder(), "--device", "cuda", "--json", "--runs",
               str(count), "--warm-up", "3", "--size", f"{WIDTH}x{HEIGHT}", "--frames", str(frames), *extra]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{command[2:]}: exit {done.returncode}: {done.stderr[-1500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def load(args):
    for _ in range(3):
        r = from_file(args, 1, 1)
        print(f"load: {r['parameter_bytes'] / 1e9:.1f} GB in {r['load_seconds']:.2f} s, "
              f"{r['parameter_bytes'] / r['load_seconds'] / 1e9:.1f} GB/s", flush=True)


def streamed(args, frames, gib):
    resident = from_file(args, frames, 2)
    tight = from_file(args, frames, 2, "--budget", f"{int(float(gib) * 1024)}MiB")
    print(f"streamed {frames} frames in {gib} GiB: {tight['median_seconds']:.3f} s, resident "
          f"{resident['median_seconds']:.3f} s, ratio {tight['median_seconds'] / resident['median_seconds']:.3f}; plan "
          f"{tight['planned_peak_bytes'] / 2**30:.2f} GiB, on the device {tight['device_used_bytes'] / 2**30:.2f} GiB (resident "
          f"{resident['planned_peak_bytes'] / 2**30:.2f}, {resident['device_used_bytes'] / 2**30:.2f}), set-up "
          f"{tight['load_seconds']:.2f} s", flush=True)


def autoencoder():
    from diffusers import AutoencoderKLWan
    if "vae" not in KEPT:
        torch.backends.cudnn.benchmark = True
        model = fill_all(AutoencoderKLWan().to(DEVICE, torch.bfloat16))
        for module in model.modules():
            if isinstance(module, torch.nn.Conv3d):
                module.weight.data = module.weight.data.to(memory_format=torch.channels_last_3d)
            if isinstance(module, torch.nn.Conv2d):
                module.weight.data = module.weight.data.to(memory_format=torch.channels_last)
        KEPT["vae"] = model
    return KEPT["vae"]


@torch.no_grad()
def decode(args, frames):
    model, f = autoencoder(), (frames - 1) // 4 + 1
    z = torch.randn(1, 16, f, HEIGHT // 8, WIDTH // 8, device=DEVICE, dtype=torch.bfloat16)
    z = z.to(memory_format=torch.channels_last_3d)
    compared(args, f"decode {frames} frames", lambda: model.decode(z), "decode", "wan2.1-vae", 3, "--size",
             f"{WIDTH}x{HEIGHT}", "--frames", str(frames))


@torch.no_grad()
def encode(args, frames):
    model = autoencoder()
    x = torch.randn(1, 3, frames, HEIGHT, WIDTH, device=DEVICE, dtype=torch.bfloat16).clamp(-1, 1)
    x = x.to(memory_format=torch.channels_last_3d)
    compared(args, f"encode {frames} frames", lambda: model.encode(x), "encode", "wan2.1-vae", 3, "--size",
             f"{WIDTH}x{HEIGHT}", "--frames", str(frames))


@torch.no_grad()
def text(args, tokens):
    from transformers import UMT5Config, UMT5EncoderModel
    config = UMT5Config(vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
                        feed_forward_proj="gated-gelu")
    model = torch.compile(made(lambda: UMT5EncoderModel(config)))
    ids = torch.randint(2, 256000, (1, tokens), device=DEVICE)
    mask = torch.ones_like(ids)
    run = lambda: model(input_ids=ids, attention_mask=mask)  # noqa: E731
    run()
    compared(args, f"text {tokens} tokens", run, "text", "umt5-xxl", 9, "--tokens", str(tokens))


KEPT = {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoetrope", required=True)
    parser.add_argument("parts", nargs="+")
    args = parser.parse_args()
    print(torch.__version__, torch.cuda.get_device_name(), "cuDNN", torch.backends.cudnn.version(), flush=True)
    failed = False
    for part in args.parts:
        name, *numbers = part.split(":")
        begin = time.perf_counter()
        try:
            globals()[name](args, *[float(n) if "." in n else int(n) for n in numbers])
        except Exception as problem:  # the other rows are still wanted
            failed = True
            print(f"{part}: {problem!r}"[:2000], flush=True)
            free()
        print(f"-- {part}: {time.perf_counter() - begin:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
