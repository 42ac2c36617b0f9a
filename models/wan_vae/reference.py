"""Golden tensors of the Wan 2.1 and 2.2 autoencoders, from diffusers' AutoencoderKLWan.

    python models/wan_vae/reference.py          # writes models/wan_vae/goldens/<case>/

Every case is a small random autoencoder, run one way: `forward --part encode` turns pixels `sample` into
`latent_mean` and `latent_logvar`, `forward --part decode` turns raw latents `sample` into pixels `sample`.
Some log variances lie beyond [-30, 20] and some pixels beyond [-1, 1], where the reference clamps.
Covered: 1 to 17 frames, odd latent sizes, batches, both architectures, every order of temporal stages,
three and four levels, diffusers' and the original repository's names. Needs torch, diffusers, safetensors.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
from diffusers import AutoencoderKLWan

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "reference"))
import golden  # noqa: E402
import wan_names  # noqa: E402

diffusers.logging.set_verbosity_error()


def run(folder: Path, part: str, inputs: dict, dtype: torch.dtype) -> dict:
    model = AutoencoderKLWan.from_pretrained(folder, torch_dtype=dtype).eval()
    sample = inputs["sample"].to(dtype)
    if part == "decode":
        return {"sample": model.decode(sample).sample.float()}
    latent = model.encode(sample).latent_dist
    return {"latent_mean": latent.mean.float(), "latent_logvar": latent.logvar.float()}


def random_autoencoder(config: dict, name: str, clamped: bool) -> AutoencoderKLWan:
    model = AutoencoderKLWan(**config).eval()
    golden.random_weights(model, f"wan_vae/{name}")
    model.decoder.conv_out.weight.mul_(0.6)  # a few pixels beyond the clamp, not most of them
    if clamped:
        z = config["z_dim"]
        model.quant_conv.bias[z] = -30.5  # the first channel's log variance about the lower clamp
        model.quant_conv.bias[2 * z - 1] = 20.3  # and the last one's about the upper
    return model


def write_model(
    folder: Path,
    name: str,
    config: dict,
    stored: torch.dtype = torch.bfloat16,
    original: bool = False,
    clamped: bool = False,
    change=None,
    source: Path | None = None,
) -> None:
    """Writes config.json and weights; `source` gets diffusers' own layout where the folder has another."""
    model = random_autoencoder(config, name, clamped).to(stored)
    source = source or folder
    model.save_pretrained(source)
    if original:
        # The original repository has no config.json for its autoencoders; people keep diffusers' beside it.
        blocks, residual = config["num_res_blocks"], config.get("is_residual", False)
        state = {wan_names.vae_name(key, blocks, residual): value for key, value in model.state_dict().items()}
        golden.save(folder / "diffusion_pytorch_model.safetensors", {key: state[key] for key in sorted(state)})
        (folder / "config.json").write_text((source / "config.json").read_text())
    if change:
        path = folder / "config.json"
        text = json.loads(path.read_text())
        change(text)
        golden.write_json(path, text)


def group(name: str, config: dict, runs: dict[str, tuple], **how) -> None:
    """One autoencoder and its cases, `runs`: "decode_f9" -> (batch, frames, height, width).

    Sizes are of latents to decode or of pixels to encode. The first case holds the model, the others link
    to its files.
    """
    first = None
    with tempfile.TemporaryDirectory() as scratch:
        for title, sample in runs.items():
            folder = golden.fresh_folder(HERE / "goldens" / f"{name}_{title}")
            if first is None:
                first = folder
                source = Path(scratch) if how.get("original") else folder
                write_model(folder, name, config, source=source, **how)
            else:
                for file in ("config.json", "diffusion_pytorch_model.safetensors"):
                    (folder / file).symlink_to(Path("..") / first.name / file)
            one_run(folder, source, config, title.split("_")[0], sample)


def one_run(folder: Path, source: Path, config: dict, part: str, sample: tuple[int, int, int, int]) -> None:
    batch, frames, height, width = sample
    channels = config["z_dim"] if part == "decode" else 3
    scale = 1.0 if part == "decode" else 0.5
    inputs = {"sample": golden.normal(f"wan_vae/{folder.name}/x", batch, channels, frames, height, width, scale=scale)}
    if part == "encode":
        inputs["sample"].clamp_(-1, 1)
    outputs = run(source, part, inputs, torch.float32)
    low = {"bf16": run(source, part, inputs, torch.bfloat16), "f16": run(source, part, inputs, torch.float16)}
    notes = {"reference": f"diffusers {diffusers.__version__}", "command": f"forward --part {part}"}
    golden.finish(folder, inputs, outputs, {**notes, **golden.distances(outputs, low)})


def wan21(base, z, mult, blocks, time, **more) -> dict:
    return {"base_dim": base, "z_dim": z, "dim_mult": mult, "num_res_blocks": blocks, "temperal_downsample": time,
            "latents_mean": [round(0.1 * i - 0.2, 2) for i in range(z)],
            "latents_std": [round(1.0 + 0.3 * i, 2) for i in range(z)], **more}


def wan22(base, decoder, z, mult, blocks, time, **more) -> dict:
    return wan21(base, z, mult, blocks, time, decoder_base_dim=decoder, is_residual=True, patch_size=2,
                 in_channels=12, out_channels=12, scale_factor_spatial=16, scale_factor_temporal=4, **more)


def leave_out(*keys: str):
    def change(config: dict) -> None:
        for key in keys:
            del config[key]

    return change


def main() -> None:
    last_two, first_two, ends = [False, True, True], [True, True, False], [True, False, True]
    group("wan21", wan21(4, 5, [1, 3, 2, 2], 1, last_two), {
        "decode_f9": (1, 3, 3, 2), "encode_f9": (1, 9, 24, 16), "decode_f17": (1, 5, 1, 3), "encode_f17": (1, 17, 24, 8),
        "decode_f1_b3": (3, 1, 3, 5), "encode_f1_b3": (3, 1, 24, 40), "decode_f5_b2": (2, 2, 1, 2),
        "encode_f13_b2": (2, 13, 8, 16)})
    group("wan21_clamped", wan21(4, 3, [1, 1, 2, 1], 1, last_two), {"encode_f5": (1, 5, 16, 24)}, clamped=True)
    group("wan21_three_levels", wan21(4, 3, [2, 1, 3], 1, [True, True], scale_factor_spatial=4),
          {"decode_f13": (1, 4, 5, 3), "encode_f5": (2, 5, 12, 20)})
    group("wan21_ends_time_f16", wan21(4, 7, [1, 3, 2, 2], 1, ends),
          {"decode_f9": (1, 3, 3, 2), "encode_f5": (1, 5, 16, 24)}, stored=torch.float16)
    group("wan21_defaults_left_out", wan21(2, 16, [1, 2, 4, 4], 2, last_two), {"decode_f5": (1, 2, 3, 2)},
          change=leave_out("z_dim", "dim_mult", "num_res_blocks", "attn_scales", "temperal_downsample", "dropout",
                           "is_residual", "in_channels", "out_channels", "patch_size", "decoder_base_dim",
                           "scale_factor_temporal", "scale_factor_spatial", "latents_mean", "latents_std"))
    group("wan21_original", wan21(4, 6, [1, 1, 2, 2], 2, first_two),
          {"decode_f5": (1, 2, 3, 4), "encode_f9": (1, 9, 24, 16)}, original=True)

    group("wan22", wan22(3, 4, 6, [1, 2, 2, 2], 1, last_two), {
        "decode_f9": (1, 3, 1, 3), "encode_f9": (1, 9, 48, 16), "decode_f17": (1, 5, 2, 1), "encode_f17": (1, 17, 16, 32),
        "decode_f1_b2": (2, 1, 3, 2), "encode_f1_b2": (2, 1, 32, 80), "decode_f5_b2": (2, 2, 1, 2)})
    group("wan22_early_time", wan22(4, 3, 5, [1, 2, 2, 1], 1, first_two),
          {"decode_f5": (1, 2, 1, 3), "encode_f5": (1, 5, 32, 16)})
    group("wan22_original", wan22(4, 6, 7, [1, 2, 2, 1], 1, last_two),
          {"decode_f5": (1, 2, 3, 1), "encode_f9": (1, 9, 16, 32)}, original=True)


if __name__ == "__main__":
    main()
