"""Tiny complete pipeline folders with random weights, and what diffusers makes of them.

    python tests/data/pipelines/reference.py    # writes the folders beside this file

README.md says what each folder is. Needs torch, diffusers, transformers, tokenizers, ftfy, Pillow. The
tokenizer is the T5 one of src/text/goldens.
"""

from __future__ import annotations

import html
import json
import shutil
import sys
from pathlib import Path

import diffusers
import numpy
import torch
import transformers
from diffusers import (
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from PIL import Image
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "reference"))
import golden  # noqa: E402
import wan_names  # noqa: E402

diffusers.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

TEXT_DIM = 22
PROMPT = "  A polar bear cub &amp;amp; its mother\n\tcross  the ice at night &lt;3 "
NEGATIVE = "blurred,  grey"


def write_tokenizer(folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copyfile(ROOT / "src" / "text" / "goldens" / "t5_unigram" / "tokenizer.json", folder / "tokenizer.json")
    golden.write_json(folder / "tokenizer_config.json", {
        "clean_up_tokenization_spaces": False, "eos_token": "</s>", "extra_ids": 0, "model_max_length": 512,
        "pad_token": "<pad>", "tokenizer_class": "T5Tokenizer", "unk_token": "<unk>"})


def text_encoder() -> UMT5EncoderModel:
    vocab = len(json.loads((ROOT / "src/text/goldens/t5_unigram/tokenizer.json").read_text())["model"]["vocab"]) + 3
    model = UMT5EncoderModel(UMT5Config(
        vocab_size=vocab, d_model=TEXT_DIM, d_kv=6, d_ff=30, num_layers=2, num_heads=3, feed_forward_proj="gated-gelu",
        relative_attention_num_buckets=10, relative_attention_max_distance=17)).eval()
    golden.random_weights(model, "pipelines/text_encoder")
    return model.to(torch.bfloat16)


def autoencoder(generation: int) -> AutoencoderKLWan:
    z = {21: 4, 22: 5}[generation]
    config = {"base_dim": 4, "z_dim": z, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1,
              "temperal_downsample": [False, True, True],
              "latents_mean": [round(0.15 * i - 0.3, 2) for i in range(z)],
              "latents_std": [round(0.7 + 0.2 * i, 2) for i in range(z)]}
    if generation == 22:
        config.update(decoder_base_dim=4, is_residual=True, patch_size=2, in_channels=12, out_channels=12,
                      scale_factor_spatial=16, scale_factor_temporal=4)
    model = AutoencoderKLWan(**config).eval()
    golden.random_weights(model, f"pipelines/vae{generation}")
    model.decoder.conv_out.weight.mul_(0.5)
    return model.to(torch.bfloat16)


def transformer(name: str, z: int, channels: int) -> WanTransformer3DModel:
    model = WanTransformer3DModel(num_attention_heads=2, attention_head_dim=14, in_channels=channels, out_channels=z,
                                  text_dim=TEXT_DIM, freq_dim=24, ffn_dim=34, num_layers=2).eval()
    golden.random_weights(model, f"pipelines/{name}")
    return model.to(torch.bfloat16)


def picture(width: int, height: int) -> Image.Image:
    y, x = numpy.mgrid[0:height, 0:width]
    red = 255 * x / (width - 1)
    green = 255 * y / (height - 1)
    blue = 127 + 120 * numpy.sin(x / 5.0) * numpy.cos(y / 3.0)
    return Image.fromarray(numpy.stack([red, green, blue], axis=-1).round().astype(numpy.uint8), "RGB")


def unipc(shift: float) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000,
                                   flow_shift=shift)


def write_pipeline(name: str, cls, generation: int, channels: int, experts: int, scheduler, size: tuple[int, int],
                   **settings) -> Path:
    """Saves the folder as diffusers does, draws noise and picture, and returns it. `size` is (width, height)."""
    folder = HERE / name
    golden.fresh_folder(folder)
    vae = autoencoder(generation)
    z = vae.config.z_dim
    write_tokenizer(folder / "tokenizer")
    tokenizer = T5TokenizerFast.from_pretrained(folder / "tokenizer")
    pipe = cls(tokenizer=tokenizer, text_encoder=text_encoder(), vae=vae, scheduler=scheduler,
               transformer=transformer(f"{name}/high", z, channels),
               transformer_2=transformer(f"{name}/low", z, channels) if experts == 2 else None, **settings)
    pipe.save_pretrained(folder)
    shutil.rmtree(folder / "tokenizer")
    write_tokenizer(folder / "tokenizer")
    if name != "t2v":
        for part in ("text_encoder", "tokenizer", *(["vae"] if generation == 21 else [])):
            share(folder / part, HERE / "t2v" / part)
    picture(*size).save(folder / "picture.png")
    return folder


def share(part: Path, same: Path) -> None:
    """Replaces a folder by a link to one with the same bytes, as caches and model collections do."""
    assert all(file.read_bytes() == (same / file.name).read_bytes() for file in part.iterdir())
    shutil.rmtree(part)
    part.symlink_to(Path("..") / same.parent.name / same.name)


def load(folder: Path, cls):
    pipe = cls.from_pretrained(folder, torch_dtype=torch.float32)
    for part in (pipe.transformer, pipe.transformer_2, pipe.vae, pipe.text_encoder):
        assert part is None or all(p.dtype == torch.float32 for p in part.parameters())
    pipe.set_progress_bar_config(disable=True)
    return pipe


def noise_for(folder: Path, pipe, frames: int, size: tuple[int, int]) -> torch.Tensor:
    spatial = pipe.vae_scale_factor_spatial
    shape = (1, pipe.vae.config.z_dim, (frames - 1) // 4 + 1, size[1] // spatial, size[0] // spatial)
    latents = golden.normal(f"pipelines/{folder.name}/noise", *shape)
    golden.save(folder / "noise.safetensors", {"latents": latents})
    return latents


def per_expert_guidance(pipe, latents, steps, high, low, prompt, negative) -> torch.Tensor:
    """Guidance decided for each expert by its own scale, which diffusers decides by the first scale alone."""
    condition, uncondition = pipe.encode_prompt(prompt, negative, True, max_sequence_length=512)
    pipe.scheduler.set_timesteps(steps)
    pipe.scheduler.set_begin_index(0)
    boundary = pipe.config.boundary_ratio * pipe.scheduler.config.num_train_timesteps
    for timestep in pipe.scheduler.timesteps:
        model, scale = (pipe.transformer, high) if timestep >= boundary else (pipe.transformer_2, low)
        velocity = model(latents, timestep.expand(1), condition).sample
        if scale != 1.0:
            without = model(latents, timestep.expand(1), uncondition).sample
            velocity = without + scale * (velocity - without)
        latents = pipe.scheduler.step(velocity, timestep, latents, return_dict=False)[0]
    return latents


def write_lora(folder: Path, high) -> dict[str, torch.Tensor]:
    """lora.safetensors beside the pipeline, and what it adds to the weights of `high` at strength 1."""
    file, deltas = {}, {}
    for block in range(2):
        for leaf in ("attn1.to_q", "attn1.to_v", "attn2.to_k", "attn2.to_out.0", "ffn.net.0.proj"):
            name = f"blocks.{block}.{leaf}.weight"
            outputs, inputs = high.state_dict()[name].shape
            down = golden.normal(f"pipelines/lora/{name}/down", 3, inputs, scale=inputs**-0.5)
            up = golden.normal(f"pipelines/lora/{name}/up", outputs, 3, scale=0.5)
            key = "diffusion_model." + wan_names.transformer_name(name).removesuffix(".weight")
            file |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(2)}
            deltas[name] = 2 / 3 * up @ down
    golden.save(folder / "lora.safetensors", file)
    return deltas


def run(folder: Path, name: str, cls, frames: int, size: tuple[int, int], steps: int, guidance: float,
        guidance_low: float | None = None, prompt: str = PROMPT, negative: str | None = None, image: bool = False,
        scheduler=None, boundary: float | None = None, by_hand: bool = False, decode: bool = False,
        lora: dict[str, float] | None = None) -> None:
    """`lora` gives strengths for "high" and "low"."""
    pipe = load(folder, cls)
    if lora is not None:
        deltas = write_lora(folder, pipe.transformer)
        for expert, part in (("high", pipe.transformer), ("low", pipe.transformer_2)):
            for key, delta in deltas.items():
                part.state_dict()[key].add_(lora.get(expert, 0.0) * delta)
    args = {"prompt": prompt, "negative": negative or "", "width": size[0], "height": size[1], "frames": frames,
            "steps": steps, "guidance": guidance, "guidance_low": guidance if guidance_low is None else guidance_low,
            "image": "picture.png" if image else None, "sampler": None, "shift": None, "boundary": boundary,
            "lora": lora}
    if scheduler is not None:
        pipe.scheduler = scheduler
        euler = isinstance(scheduler, FlowMatchEulerDiscreteScheduler)
        args["sampler"] = "euler" if euler else "unipc"
        args["shift"] = scheduler.config.shift if euler else scheduler.config.flow_shift
    if boundary is not None:
        pipe.register_to_config(boundary_ratio=boundary)
    latents = noise_for(folder, pipe, frames, size)
    tensors, notes = {}, {}
    if by_hand:
        final = per_expert_guidance(pipe, latents, steps, guidance, guidance_low, prompt, negative)
        notes["reference"] = "diffusers' modules, guidance decided per expert"
    else:
        given = {"prompt": prompt, "negative_prompt": negative, "height": size[1], "width": size[0],
                 "num_frames": frames, "num_inference_steps": steps, "guidance_scale": guidance,
                 "guidance_scale_2": guidance_low, "latents": latents.clone(), "output_type": "latent"}
        if image:
            given["image"] = Image.open(folder / "picture.png")
        final = pipe(**given).frames
        notes["reference"] = cls.__name__
    assert torch.isfinite(final).all()
    tensors["latents"] = final
    tensors["timesteps"] = pipe.scheduler.timesteps.float()
    if decode:
        condition, uncondition = pipe.encode_prompt(prompt, negative, True, max_sequence_length=512)
        ids = pipe.tokenizer(html_clean(prompt)).input_ids
        assert condition[0, len(ids) :].abs().max() == 0
        tensors["prompt_embeds"] = condition[:, : len(ids)].contiguous()
        used = len(pipe.tokenizer(html_clean(negative or "")).input_ids)
        tensors["negative_prompt_embeds"] = uncondition[:, :used].contiguous()
        mean = torch.tensor(pipe.vae.config.latents_mean).view(1, -1, 1, 1, 1)
        std = torch.tensor(pipe.vae.config.latents_std).view(1, -1, 1, 1, 1)
        pixels = pipe.vae.decode(final * std + mean).sample[0].permute(1, 2, 3, 0)
        tensors["frames"] = (pixels / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    notes["reference"] += f", diffusers {diffusers.__version__}, transformers {transformers.__version__}"
    golden.save(folder / "golden" / f"{name}.safetensors", tensors, {**notes, "case": name, "arguments": json.dumps(args)})
    print(f"{folder.name}/{name}: latents rms {final.pow(2).mean().sqrt():.3f}, "
          f"timesteps {[round(float(t), 1) for t in pipe.scheduler.timesteps]}")


def html_clean(text: str) -> str:
    return " ".join(html.unescape(html.unescape(text)).split())


def main() -> None:
    size = (48, 32)
    folder = write_pipeline("t2v", WanPipeline, 21, 4, 2, unipc(3.0), size, boundary_ratio=0.875)
    given = {"folder": folder, "cls": WanPipeline, "frames": 9, "size": size}
    run(name="guided", steps=6, guidance=4.0, guidance_low=2.5, negative=NEGATIVE, decode=True, **given)
    run(name="one_scale", steps=5, guidance=5.0, **given)
    run(name="low_unguided", steps=5, guidance=3.5, guidance_low=1.0, **given)
    run(name="unguided", steps=7, guidance=1.0, guidance_low=1.0, **given)
    run(name="high_unguided", steps=6, guidance=1.0, guidance_low=4.0, negative=NEGATIVE, by_hand=True, **given)
    run(name="euler_shift5", steps=5, guidance=4.0, scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0), **given)
    run(name="unipc_shift8", steps=4, guidance=4.0, scheduler=unipc(8.0), **given)
    run(name="boundary_0.5", steps=6, guidance=3.0, guidance_low=2.0, boundary=0.5, **given)
    run(name="one_step", steps=1, guidance=6.0, **given)
    run(name="long_prompt", steps=3, guidance=4.0, prompt="The moon is shining on the snow. " * 90, **given)

    run(name="lora_high_0.7", steps=4, guidance=4.0, lora={"high": 0.7}, **given)
    run(name="lora_both", steps=4, guidance=4.0, lora={"high": 1.0, "low": 1.0}, **given)
    run(name="lora_high_1.2_low_-0.5", steps=4, guidance=1.0, lora={"high": 1.2, "low": -0.5}, **given)

    folder = write_pipeline("t2v_euler", WanPipeline, 21, 4, 1, FlowMatchEulerDiscreteScheduler(shift=3.0), size)
    given = {"folder": folder, "cls": WanPipeline, "frames": 5, "size": size}
    run(name="guided", steps=4, guidance=5.0, negative=NEGATIVE, decode=True, **given)
    run(name="unguided", steps=3, guidance=1.0, **given)
    run(name="unipc", steps=4, guidance=5.0, scheduler=unipc(3.0), **given)

    folder = write_pipeline("i2v", WanImageToVideoPipeline, 21, 12, 2, unipc(5.0), size, boundary_ratio=0.9)
    given = {"folder": folder, "cls": WanImageToVideoPipeline, "frames": 9, "size": size, "image": True}
    run(name="guided", steps=6, guidance=3.5, guidance_low=3.0, negative=NEGATIVE, decode=True, **given)
    run(name="unguided", steps=4, guidance=1.0, **given)

    size = (64, 96)
    folder = write_pipeline("ti2v", WanPipeline, 22, 5, 1, unipc(5.0), size, expand_timesteps=True)
    given = {"folder": folder, "frames": 5, "size": size}
    run(name="text", cls=WanPipeline, steps=5, guidance=5.0, negative=NEGATIVE, **given)
    run(name="picture", cls=WanImageToVideoPipeline, steps=5, guidance=5.0, negative=NEGATIVE, image=True, decode=True,
        **given)

    size = (32, 64)
    folder = write_pipeline("ti2v_two_experts", WanPipeline, 21, 4, 2, unipc(5.0), size, boundary_ratio=0.875,
                            expand_timesteps=True)
    given = {"folder": folder, "frames": 13, "size": size}
    run(name="text", cls=WanPipeline, steps=5, guidance=4.0, guidance_low=3.0, **given)
    run(name="picture", cls=WanImageToVideoPipeline, steps=5, guidance=4.0, guidance_low=3.0, image=True, decode=True,
        **given)


if __name__ == "__main__":
    main()
