"""Writes the averaged weights as a model folder in the pipeline layout of diffusers, in bf16.

    python export.py --work DIR [--out assets/demo/video] [--shift 5]

DIR holds autoencoder.pt, high.pt, low.pt and text.pt as the trainers leave them. The tokenizer is already in place
(data.py writes it). Needs torch and safetensors alone, so that it runs where the training ran.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file

import data
import models

VERSION = "0.35.0"   # of diffusers' layout that the configs follow


def write(folder, name, config, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file({k: v.to(torch.bfloat16).contiguous() for k, v in tensors.items()}, folder / name,
              metadata={"format": "pt"})
    size = (folder / name).stat().st_size
    print(f"{folder.name}/{name}: {size / 2**20:.2f} MiB")


def load(folder):
    """The weights of an exported folder by the trainers' names: high, low, text, and the autoencoder's file."""
    from safetensors.torch import load_file
    read = lambda part, name: {k: v.float() for k, v in load_file(folder / part / name).items()}  # noqa: E731
    text = read("text_encoder", "model.safetensors")
    text["encoder.embed_tokens.weight"] = text["shared.weight"]
    config = json.loads((folder / "vae" / "config.json").read_text())
    file = "diffusion_pytorch_model.safetensors"
    return {"high": read("transformer", file), "low": read("transformer_2", file), "text": text,
            "autoencoder": {"model": read("vae", file), "mean": config["latents_mean"], "std": config["latents_std"]}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=data.VIDEO)
    parser.add_argument("--shift", type=float, default=5.0)
    args = parser.parse_args()
    load = lambda name: torch.load(args.work / f"{name}.pt", map_location="cpu", weights_only=True)  # noqa: E731
    for name, folder in (("high", "transformer"), ("low", "transformer_2")):
        tensors = load(name)
        write(args.out / folder, "diffusion_pytorch_model.safetensors",
              {"_class_name": "WanTransformer3DModel", "_diffusers_version": VERSION, "added_kv_proj_dim": None,
               "image_dim": None, "pos_embed_seq_len": None, **models.DIT_CONFIG}, tensors)
    saved = load("autoencoder")
    write(args.out / "vae", "diffusion_pytorch_model.safetensors",
          {"_class_name": "AutoencoderKLWan", "_diffusers_version": VERSION, **models.AE_CONFIG,
           "latents_mean": [round(v, 5) for v in saved["mean"]], "latents_std": [round(v, 5) for v in saved["std"]]},
          saved["model"])
    text = load("text")
    vocabulary = text["shared.weight"].shape[0]
    text = {k: v for k, v in text.items() if k != "encoder.embed_tokens.weight"}
    write(args.out / "text_encoder", "model.safetensors",
          {"architectures": ["UMT5EncoderModel"], "model_type": "umt5", "vocab_size": vocabulary, **models.TEXT_CONFIG,
           "dense_act_fn": "gelu_new", "is_gated_act": True, "is_encoder_decoder": True, "layer_norm_epsilon": 1e-6,
           "initializer_factor": 1.0, "num_decoder_layers": models.TEXT_CONFIG["num_layers"],
           "scalable_attention": True, "torch_dtype": "bfloat16", "use_cache": True}, text)
    (args.out / "scheduler").mkdir(exist_ok=True)
    (args.out / "scheduler" / "scheduler_config.json").write_text(json.dumps({
        "_class_name": "UniPCMultistepScheduler", "_diffusers_version": VERSION, "beta_end": 0.02,
        "beta_schedule": "linear", "beta_start": 0.0001, "disable_corrector": [],
        "dynamic_thresholding_ratio": 0.995, "final_sigmas_type": "zero", "flow_shift": args.shift,
        "lower_order_final": True, "num_train_timesteps": 1000, "predict_x0": True,
        "prediction_type": "flow_prediction", "rescale_betas_zero_snr": False, "sample_max_value": 1.0,
        "solver_order": 2, "solver_p": None, "solver_type": "bh2", "steps_offset": 0, "thresholding": False,
        "timestep_spacing": "linspace", "trained_betas": None, "use_beta_sigmas": False,
        "use_exponential_sigmas": False, "use_flow_sigmas": True, "use_karras_sigmas": False}, indent=2) + "\n")
    (args.out / "model_index.json").write_text(json.dumps({
        "_class_name": "WanPipeline", "_diffusers_version": VERSION, "boundary_ratio": 0.875, "expand_timesteps": True,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"], "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"], "transformer": ["diffusers", "WanTransformer3DModel"],
        "transformer_2": ["diffusers", "WanTransformer3DModel"], "vae": ["diffusers", "AutoencoderKLWan"]},
        indent=2) + "\n")
    total = sum(f.stat().st_size for f in args.out.rglob("*") if f.is_file())
    print(f"{total / 2**20:.2f} MiB in all")


if __name__ == "__main__":
    main()
