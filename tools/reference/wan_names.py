"""Names of the original Wan repository for diffusers' parameters, transformer and autoencoder.

Derived from the two implementations' modules: the original numbers the entries of its sequential
containers, diffusers names them. `tensor names in, tensor names out`; values never change.
"""

from __future__ import annotations

import re

# Order matters: the norm around cross attention is norm3 in the original and norm2 in diffusers, and the
# one before the feed-forward the other way round.
_TRANSFORMER = [
    (r"^condition_embedder\.time_embedder\.linear_1\.", "time_embedding.0."),
    (r"^condition_embedder\.time_embedder\.linear_2\.", "time_embedding.2."),
    (r"^condition_embedder\.text_embedder\.linear_1\.", "text_embedding.0."),
    (r"^condition_embedder\.text_embedder\.linear_2\.", "text_embedding.2."),
    (r"^condition_embedder\.time_proj\.", "time_projection.1."),
    (r"^scale_shift_table$", "head.modulation"),
    (r"^proj_out\.", "head.head."),
    (r"\.scale_shift_table$", ".modulation"),
    (r"\.norm2\.", ".norm3."),
    (r"\.attn1\.", ".self_attn."),
    (r"\.attn2\.", ".cross_attn."),
    (r"\.to_out\.0\.", ".o."),
    (r"\.to_([qkv])\.", r".\1."),
    (r"\.ffn\.net\.0\.proj\.", ".ffn.0."),
    (r"\.ffn\.net\.2\.", ".ffn.2."),
]


def transformer_name(name: str) -> str:
    for pattern, replacement in _TRANSFORMER:
        name = re.sub(pattern, replacement, name)
    return name


_RESIDUAL = {
    "norm1.gamma": "residual.0.gamma",
    "conv1.weight": "residual.2.weight",
    "conv1.bias": "residual.2.bias",
    "norm2.gamma": "residual.3.gamma",
    "conv2.weight": "residual.6.weight",
    "conv2.bias": "residual.6.bias",
    "conv_shortcut.weight": "shortcut.weight",
    "conv_shortcut.bias": "shortcut.bias",
}


def _block(rest: str) -> str:
    return _RESIDUAL.get(rest, rest)


def vae_name(name: str, num_res_blocks: int, is_residual: bool) -> str:
    """One parameter of AutoencoderKLWan under its name in Wan2.1_VAE.pth or Wan2.2_VAE.pth.

    In the 2.1 decoder, residual blocks and upsamplers stand in one flat list (num_res_blocks + 1 blocks,
    then the upsampler, if any); in 2.2 every level is a module with a list of its own.
    """
    if match := re.match(r"^(post_)?quant_conv\.(.*)$", name):
        return f"conv{2 if match[1] else 1}.{match[2]}"
    side, rest = name.split(".", 1)
    if match := re.match(r"^conv_in\.(.*)$", rest):
        return f"{side}.conv1.{match[1]}"
    if match := re.match(r"^norm_out\.(.*)$", rest):
        return f"{side}.head.0.{match[1]}"
    if match := re.match(r"^conv_out\.(.*)$", rest):
        return f"{side}.head.2.{match[1]}"
    if match := re.match(r"^mid_block\.resnets\.(\d)\.(.*)$", rest):
        return f"{side}.middle.{2 * int(match[1])}.{_block(match[2])}"
    if match := re.match(r"^mid_block\.attentions\.0\.(.*)$", rest):
        return f"{side}.middle.1.{match[1]}"
    if side == "encoder":
        if is_residual:
            match = re.match(r"^down_blocks\.(\d+)\.(?:resnets\.(\d+)|downsampler)\.(.*)$", rest)
            place = match[2] if match[2] is not None else num_res_blocks
            return f"encoder.downsamples.{match[1]}.downsamples.{place}.{_block(match[3])}"
        match = re.match(r"^down_blocks\.(\d+)\.(.*)$", rest)
        return f"encoder.downsamples.{match[1]}.{_block(match[2])}"
    if is_residual:
        match = re.match(r"^up_blocks\.(\d+)\.(?:resnets\.(\d+)|upsampler)\.(.*)$", rest)
        place = match[2] if match[2] is not None else num_res_blocks + 1
        return f"decoder.upsamples.{match[1]}.upsamples.{place}.{_block(match[3])}"
    match = re.match(r"^up_blocks\.(\d+)\.(?:resnets\.(\d+)|upsamplers\.0)\.(.*)$", rest)
    place = int(match[2]) if match[2] is not None else num_res_blocks + 1
    return f"decoder.upsamples.{int(match[1]) * (num_res_blocks + 2) + place}.{_block(match[3])}"
