"""Golden tensors of the Wan 2.1/2.2 transformer, from diffusers' WanTransformer3DModel.

    python models/wan/reference.py              # writes models/wan/goldens/<case>/

Every case is a small random model in which all dimensions differ: text to video, image to video
(2z + 4 input channels), TI2V (a timestep per token), head dims that rotary embedding splits unevenly, an
uneven patch, text of any length, and the layouts people have: diffusers and the original repository's
names, ComfyUI's prefix, one file or shards, configs with what has a default left out. Needs torch,
diffusers, safetensors.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
from diffusers import WanTransformer3DModel

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "reference"))
import golden  # noqa: E402
import wan_names  # noqa: E402

diffusers.logging.set_verbosity_error()
WEIGHTS = "diffusion_pytorch_model"


def run(folder: Path, inputs: dict, dtype: torch.dtype) -> dict:
    model = WanTransformer3DModel.from_pretrained(folder, torch_dtype=dtype).eval()
    cast = {key: value.to(dtype) if "hidden_states" in key else value for key, value in inputs.items()}
    return {"sample": model(**cast).sample.float()}


def original_config(config: dict, model_type: str) -> dict:
    """The config.json of the original repository, which never holds its patch size, text dim or norms."""
    return {
        "_class_name": "WanModel",
        "_diffusers_version": "0.33.0",
        "dim": config["num_attention_heads"] * config["attention_head_dim"],
        "eps": config.get("eps", 1e-6),
        "ffn_dim": config["ffn_dim"],
        "freq_dim": config["freq_dim"],
        "in_dim": config["in_channels"],
        "model_type": model_type,
        "num_heads": config["num_attention_heads"],
        "num_layers": config["num_layers"],
        "out_dim": config["out_channels"],
        "text_len": 512,
    }


def write_original(folder: Path, model, stored: torch.dtype, prefix: str, shards: int) -> None:
    state = {prefix + wan_names.transformer_name(key): value.to(stored) for key, value in model.state_dict().items()}
    keys = sorted(state)
    if shards == 1:
        golden.save(folder / f"{WEIGHTS}.safetensors", {key: state[key] for key in keys}, {"format": "pt"})
        return
    where = {}
    for shard in range(shards):
        name = f"{WEIGHTS}-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = keys[shard::shards]
        golden.save(folder / name, {key: state[key] for key in part}, {"format": "pt"})
        where.update({key: name for key in part})
    size = sum(value.numel() * value.element_size() for value in state.values())
    golden.write_json(folder / f"{WEIGHTS}.safetensors.index.json",
                      {"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))})


def case(
    name: str,
    config: dict,
    latents: tuple[int, int, int, int],
    text: int,
    timestep: torch.Tensor,
    stored: torch.dtype = torch.float32,
    shard: str | None = None,
    layout: str = "diffusers",
    model_type: str = "t2v",
    shards: int = 1,
    change=None,
) -> None:
    """`latents` is (batch, frames, height, width); `layout` diffusers, original or comfy."""
    folder = golden.fresh_folder(HERE / "goldens" / name)
    model = WanTransformer3DModel(**config).eval()
    golden.random_weights(model, f"wan/{name}")
    model.to(stored)
    with tempfile.TemporaryDirectory() as scratch:
        # The reference reads diffusers' layout alone, from which the others are renamed.
        source = folder if layout == "diffusers" else Path(scratch)
        model.save_pretrained(source, **({"max_shard_size": shard} if shard else {}))
        if layout != "diffusers":
            prefix = "model.diffusion_model." if layout == "comfy" else ""
            write_original(folder, model, stored, prefix, shards)
            golden.write_json(folder / "config.json", original_config(config, model_type))
        if change:
            path = folder / "config.json"
            text_config = json.loads(path.read_text())
            change(text_config)
            golden.write_json(path, text_config)

        batch, frames, height, width = latents
        text_dim = config.get("text_dim", 4096)
        inputs = {
            "hidden_states": golden.normal(f"wan/{name}/x", batch, config["in_channels"], frames, height, width),
            "timestep": timestep,
            "encoder_hidden_states": golden.normal(f"wan/{name}/text", batch, text, text_dim),
        }
        outputs = run(source, inputs, torch.float32)
        low = {"bf16": run(source, inputs, torch.bfloat16), "f16": run(source, inputs, torch.float16)}
    notes = {"reference": f"diffusers {diffusers.__version__}", "command": "forward"}
    golden.finish(folder, inputs, outputs, {**notes, **golden.distances(outputs, low)})


def shape(heads, head_dim, channels, inner, layers, text, freq, out=None, **more) -> dict:
    return {"num_attention_heads": heads, "attention_head_dim": head_dim, "in_channels": channels,
            "out_channels": channels if out is None else out, "ffn_dim": inner, "num_layers": layers,
            "text_dim": text, "freq_dim": freq, **more}


def leave_out(*keys: str):
    def change(config: dict) -> None:
        for key in keys:
            del config[key]

    return change


def text_dim(value: int):
    """For the original layout, whose config knows the text dim only by its default, 4096."""
    return lambda config: config.update(text_dim=value)


def main() -> None:
    steps = torch.tensor
    # Rotary splits of the head dim (time, height, width): 10 = 6+2+2, 20 = 8+6+6, 44 = 16+14+14, 24 = 8+8+8.
    case("t2v", shape(4, 10, 5, 44, 3, 26, 18), (2, 3, 8, 14), 11, steps([987.0, 13.5]))
    case("t2v_head20_bf16", shape(3, 20, 4, 34, 2, 30, 28, eps=1e-2), (1, 5, 6, 14), 9, steps([500]),
         stored=torch.bfloat16)
    case("t2v_head44_f16", shape(1, 44, 6, 70, 2, 22, 16), (3, 2, 10, 8), 7, steps([1000, 1, 375]),
         stored=torch.float16)
    case("i2v_head24_bf16", shape(2, 24, 12, 30, 3, 20, 14, out=4), (1, 5, 4, 14), 13, steps([899.25]),
         stored=torch.bfloat16)
    tokens = 3 * 4 * 5
    per_token = golden.normal("wan/ti2v/timestep", 2, tokens).abs().mul(300).clamp(max=999)
    per_token[0, :20] = 0
    case("ti2v", shape(2, 16, 7, 46, 3, 24, 12), (2, 3, 8, 10), 17, per_token,
         stored=torch.bfloat16)
    case("no_cross_norm", shape(2, 14, 3, 40, 4, 18, 22, cross_attn_norm=False, eps=1e-3), (1, 6, 10, 8), 5,
         steps([250.75]), stored=torch.bfloat16)
    case("qk_norm_null", shape(3, 8, 4, 34, 2, 16, 20, qk_norm=None), (1, 7, 6, 10), 12, steps([77]))
    case("patch_2_3_1", shape(3, 12, 5, 30, 2, 14, 26, out=7, patch_size=(2, 3, 1)), (1, 4, 9, 11), 6, steps([640.0]),
         stored=torch.bfloat16)
    case("defaults_left_out", shape(2, 10, 16, 38, 3, 28, 256, out=16), (1, 1, 6, 8), 4, steps([321.0]),
         stored=torch.float16, change=leave_out("patch_size", "in_channels", "out_channels", "freq_dim", "cross_attn_norm", "qk_norm", "eps",
                          "image_dim", "added_kv_proj_dim", "rope_max_seq_len", "pos_embed_seq_len"))
    case("sharded", shape(2, 18, 4, 50, 3, 12, 10), (1, 3, 6, 16), 8, steps([44.0]), stored=torch.bfloat16,
         shard="40KB")
    original = {"layout": "original"}
    case("original_t2v", shape(3, 12, 4, 44, 2, 16, 18), (2, 5, 6, 8), 10, steps([950.0, 450.0]), **original,
         stored=torch.float16, change=text_dim(16))
    case("original_i2v_sharded", shape(2, 20, 14, 48, 3, 18, 24, out=5), (1, 7, 4, 6), 11, steps([700.0]), **original,
         model_type="i2v", shards=3, stored=torch.bfloat16, change=text_dim(18))
    tokens = 5 * 3 * 2
    per_token = torch.full((1, tokens), 813.0)
    per_token[0, :6] = 0
    case("original_ti2v", shape(4, 8, 9, 38, 2, 20, 14), (1, 5, 6, 4), 7, per_token, **original, model_type="ti2v",
         stored=torch.bfloat16, change=text_dim(20))
    case("original_text_4096", shape(1, 12, 16, 22, 2, 4096, 256), (1, 3, 4, 10), 2, steps([600.0]), **original,
         stored=torch.bfloat16)
    case("comfy_prefix_f16", shape(2, 22, 6, 36, 2, 14, 16), (1, 3, 10, 8), 9, steps([123.0]), layout="comfy",
         stored=torch.float16, change=text_dim(14))


if __name__ == "__main__":
    main()
