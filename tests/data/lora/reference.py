"""LoRA files in every dialect people have, and the forward outputs of a tiny Wan transformer with them.

    python tests/data/lora/reference.py         # writes the files beside this one

README.md says what each file is. The outputs come from diffusers' transformer with
`weight += strength * alpha / rank * up @ down` (and `strength * diff`) added in PyTorch, in float32.
Needs torch, diffusers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import diffusers
import torch
from diffusers import WanTransformer3DModel

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent.parent / "tools" / "reference"))
import golden  # noqa: E402
import wan_names  # noqa: E402

diffusers.logging.set_verbosity_error()

CONFIG = {"num_attention_heads": 2, "attention_head_dim": 10, "in_channels": 3, "out_channels": 3, "text_dim": 16,
          "freq_dim": 14, "ffn_dim": 34, "num_layers": 2}
INPUTS = {"hidden_states": golden.normal("lora/x", 1, 3, 5, 6, 8), "timestep": torch.tensor([640.0]),
          "encoder_hidden_states": golden.normal("lora/text", 1, 7, 16)}
ATTENTION = [f"{side}.{leaf}" for side in ("self_attn", "cross_attn") for leaf in "qkvo"]
LEAVES = [f"blocks.{block}.{leaf}" for block in range(2) for leaf in (*ATTENTION, "ffn.0", "ffn.2")]


def base() -> WanTransformer3DModel:
    model = WanTransformer3DModel(**CONFIG).eval()
    golden.random_weights(model, "lora/model")
    return model


def diffusers_names() -> dict[str, str]:
    """Original parameter name -> diffusers' name."""
    return {wan_names.transformer_name(key): key for key in base().state_dict()}


NAMES = diffusers_names()


def diffusers_module(leaf: str) -> str:
    return NAMES[leaf + ".weight"].removesuffix(".weight")


class Patch:
    """What a LoRA changes, by original parameter name, and the tensors of its file."""

    def __init__(self, name: str):
        self.name = name
        self.file: dict[str, torch.Tensor] = {}
        self.deltas: dict[str, torch.Tensor] = {}

    def low_rank(self, leaf: str, rank: int, keys: tuple[str, str], alpha: tuple[str, torch.Tensor] | None = None,
                 stored: torch.dtype = torch.float32) -> None:
        """`keys` are the file's names of down and up; `alpha` its name and value."""
        shape = dict(SHAPES)[leaf + ".weight"]
        down = golden.normal(f"lora/{self.name}/{leaf}/down", rank, *shape[1:],
                             scale=(shape[1:].numel()) ** -0.5).to(stored)
        up = golden.normal(f"lora/{self.name}/{leaf}/up", shape[0], rank, *[1] * (len(shape) - 2), scale=0.4).to(stored)
        self.file[keys[0]], self.file[keys[1]] = down, up
        scale = 1.0
        if alpha is not None:
            self.file[alpha[0]] = alpha[1]
            scale = float(alpha[1].reshape(())) / rank
        product = up.float().reshape(shape[0], rank) @ down.float().reshape(rank, -1)
        self.deltas[leaf + ".weight"] = scale * product.reshape(shape)

    def difference(self, parameter: str, key: str, stored: torch.dtype = torch.float32) -> None:
        value = golden.normal(f"lora/{self.name}/{parameter}/diff", *dict(SHAPES)[parameter], scale=0.1).to(stored)
        self.file[key] = value
        self.deltas[parameter] = value.float()


SHAPES = [(wan_names.transformer_name(key), value.shape) for key, value in base().state_dict().items()]


def forward(patches: list[tuple[Patch, float]]) -> torch.Tensor:
    model = base()
    state = model.state_dict()
    for patch, strength in patches:
        for parameter, delta in patch.deltas.items():
            state[NAMES[parameter]].add_(strength * delta)
    return model(**INPUTS).sample


def finish(patch: Patch, strengths: tuple[float, ...] = (1.0, 0.6, -0.5), metadata: dict | None = None) -> Patch:
    golden.save(HERE / f"{patch.name}.safetensors", patch.file, metadata)
    outputs = {f"sample@{strength:g}": forward([(patch, strength)]) for strength in strengths}
    plain = forward([])
    golden.save(HERE / f"{patch.name}.out.safetensors", outputs,
                {"case": patch.name, "reference": f"diffusers {diffusers.__version__}, deltas added in PyTorch"})
    print(f"{patch.name}: {len(patch.file)} tensors, changes the output by "
          f"{golden.distance(outputs[f'sample@{strengths[0]:g}'], plain):.3f}")
    return patch


def main() -> None:
    for old in HERE.glob("*.safetensors"):
        old.unlink()
    model = base()
    model.save_pretrained(golden.fresh_folder(HERE / "model"))
    golden.save(HERE / "in.safetensors", INPUTS)
    golden.save(HERE / "none.out.safetensors", {"sample@0": forward([])},
                {"case": "none", "reference": f"diffusers {diffusers.__version__}"})

    # Original names, kohya's suffixes, alpha a 64-bit integer: the 4-step files of Wan 2.2.
    light = Patch("comfy_alpha_i64")
    for leaf in LEAVES:
        key = f"diffusion_model.{leaf}"
        light.low_rank(leaf, 4, (f"{key}.lora_down.weight", f"{key}.lora_up.weight"), (f"{key}.alpha", torch.tensor(2)),
                       stored=torch.float16)
    finish(light)

    peft_native = Patch("comfy_lora_a_b")
    for leaf in LEAVES:
        key = f"diffusion_model.{leaf}"
        peft_native.low_rank(leaf, 3, (f"{key}.lora_A.weight", f"{key}.lora_B.weight"), stored=torch.bfloat16)
    finish(peft_native)

    kohya = Patch("kohya_underscores")
    for place, leaf in enumerate(LEAVES):
        key = "lora_unet_" + leaf.replace(".", "_")
        rank = 2 + place % 3
        kohya.low_rank(leaf, rank, (f"{key}.lora_down.weight", f"{key}.lora_up.weight"),
                       (f"{key}.alpha", torch.tensor(1.5, dtype=torch.bfloat16)), stored=torch.bfloat16)
    finish(kohya, metadata={"ss_network_dim": "4", "ss_network_alpha": "1.5"})

    fun = Patch("wan_fun_double_underscore")
    for leaf in LEAVES:
        key = "lora_unet__" + leaf.replace(".", "_")
        fun.low_rank(leaf, 3, (f"{key}.lora_down.weight", f"{key}.lora_up.weight"),
                     (f"{key}.alpha", torch.tensor([2.0])))
    finish(fun, strengths=(1.0,))

    peft = Patch("peft_diffusers")
    for leaf in (*LEAVES, "head.head", "time_projection.1", "text_embedding.0", "time_embedding.2"):
        key = f"transformer.{diffusers_module(leaf)}"
        peft.low_rank(leaf, 3, (f"{key}.lora_A.weight", f"{key}.lora_B.weight"))
    finish(peft)

    bare = Patch("peft_raw_default")
    for leaf in LEAVES[:10]:
        key = f"base_model.model.{leaf}"
        bare.low_rank(leaf, 2, (f"{key}.lora_A.default.weight", f"{key}.lora_B.default.weight"))
    finish(bare, strengths=(1.0,))

    prefixless = Patch("no_prefix_diffusers")
    for leaf in LEAVES[10:]:
        key = diffusers_module(leaf)
        prefixless.low_rank(leaf, 2, (f"{key}.lora_A.weight", f"{key}.lora_B.weight"))
    finish(prefixless, strengths=(1.0,))

    suffixes = Patch("other_suffixes")
    dialects = [("_lora.down.weight", "_lora.up.weight"), (".lora.down.weight", ".lora.up.weight"), (".lora_A", ".lora_B"),
                (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
                (".lora_down.weight", ".lora_up.weight"), (".lora_A.weight", ".lora_B.weight")]
    for place, leaf in enumerate(LEAVES):
        down, up = dialects[place % len(dialects)]
        key = f"diffusion_model.{leaf}"
        alpha = (f"{key}.alpha", torch.tensor(3.0, dtype=torch.float16)) if place % 2 else None
        suffixes.low_rank(leaf, 2, (key + down, key + up), alpha)
    finish(suffixes, strengths=(1.0,))

    # Distilled models as differences: low rank, biases, norms, modulation tables, whole small matrices.
    extras = Patch("distilled_diffs")
    for leaf in (*LEAVES, "text_embedding.0", "text_embedding.2", "time_embedding.0", "time_embedding.2", "time_projection.1",
                 "patch_embedding"):
        key = f"diffusion_model.{leaf}"
        extras.low_rank(leaf, 4, (f"{key}.lora_down.weight", f"{key}.lora_up.weight"))
        extras.difference(f"{leaf}.bias", f"{key}.diff_b")
    for block in range(2):
        prefix = f"blocks.{block}"
        for norm in ("self_attn.norm_q", "self_attn.norm_k", "cross_attn.norm_q", "cross_attn.norm_k", "norm3"):
            extras.difference(f"{prefix}.{norm}.weight", f"diffusion_model.{prefix}.{norm}.diff")
        extras.difference(f"{prefix}.norm3.bias", f"diffusion_model.{prefix}.norm3.diff_b")
        extras.difference(f"{prefix}.modulation", f"diffusion_model.{prefix}.diff_m")
    extras.difference("head.modulation", "diffusion_model.head.diff_m")
    extras.difference("head.head.weight", "diffusion_model.head.head.diff")
    extras.difference("head.head.bias", "diffusion_model.head.head.diff_b")
    finish(extras)

    part = Patch("one_block_ffn")
    for leaf in ("blocks.1.ffn.0", "blocks.1.ffn.2"):
        key = f"diffusion_model.{leaf}"
        part.low_rank(leaf, 5, (f"{key}.lora_down.weight", f"{key}.lora_up.weight"), (f"{key}.alpha", torch.tensor(5, dtype=torch.int32)))
    finish(part, strengths=(1.0,))

    # Three at once, each with its strength.
    golden.save(HERE / "joined.out.safetensors", {"sample": forward([(light, 0.8), (kohya, 0.5), (extras, 0.3)])},
                {"case": "joined", "reference": f"diffusers {diffusers.__version__}, deltas added in PyTorch",
                 "loras": json.dumps([[light.name, 0.8], [kohya.name, 0.5], [extras.name, 0.3]])})

    # Keys of Wan 2.1's image branch, which this model lacks, beside ones that fit.
    image = Patch("with_image_branch")
    for leaf in LEAVES[:8]:
        key = f"diffusion_model.{leaf}"
        image.low_rank(leaf, 2, (f"{key}.lora_down.weight", f"{key}.lora_up.weight"))
    for leaf in ("k_img", "v_img"):
        key = f"diffusion_model.blocks.0.cross_attn.{leaf}"
        image.file[f"{key}.lora_down.weight"] = golden.normal(f"lora/{leaf}/down", 2, 20)
        image.file[f"{key}.lora_up.weight"] = golden.normal(f"lora/{leaf}/up", 20, 2)
    finish(image, strengths=(1.0,))

    # Files that no forward comes from.
    def bad(name: str, tensors: dict[str, torch.Tensor]) -> None:
        golden.save(HERE / f"bad_{name}.safetensors", tensors)

    key = "diffusion_model.blocks.0.self_attn.q"
    down, up = torch.ones(2, 20), torch.ones(20, 2)
    bad("wrong_width", {f"{key}.lora_down.weight": torch.ones(2, 24), f"{key}.lora_up.weight": torch.ones(24, 2)})
    bad("ranks_differ", {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": torch.ones(20, 3)})
    bad("no_up", {f"{key}.lora_down.weight": down})
    bad("matches_nothing", {"lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight": down,
                            "lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight": up})
    bad("block_beyond", {"diffusion_model.blocks.7.self_attn.q.lora_down.weight": down,
                         "diffusion_model.blocks.7.self_attn.q.lora_up.weight": up,
                         f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up})
    bad("alpha_nan", {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up,
                      f"{key}.alpha": torch.tensor(float("nan"))})
    bad("alpha_vector", {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up,
                         f"{key}.alpha": torch.tensor([1.0, 2.0])})
    bad("empty", {})


if __name__ == "__main__":
    main()
