"""Proves that models.py computes what diffusers computes: same weights in both, random inputs, whole clips.

Needs diffusers; prints the relative errors and exits with 1 if one is above 1e-4."""

import sys

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel

import models


def relative(a, b):
    return ((a - b).norm() / b.norm()).item()


def main():
    torch.manual_seed(0)
    errors = {}
    ours, theirs = models.Autoencoder(**models.AE_CONFIG), AutoencoderKLWan(**models.AE_CONFIG).eval()
    for p in ours.parameters():
        torch.nn.init.normal_(p, 1.0 if p.dim() == 4 and p.shape[1:] == (1, 1, 1) else 0.0, 0.05) if p.dim() < 2 else None
    theirs.load_state_dict(ours.state_dict())
    print("autoencoder", sum(p.numel() for p in ours.parameters()) * 2 / 2**20, "MiB in bf16")
    x = torch.rand(1, 3, 17, 32, 48) * 2 - 1
    with torch.no_grad():
        mean, logvar = ours.encode(x)
        dist = theirs.encode(x).latent_dist
        errors["encode mean"] = relative(mean, dist.mean)
        errors["encode logvar"] = relative(logvar.clamp(-30, 20), dist.logvar)
        z = torch.randn_like(mean)
        errors["decode"] = relative(ours.decode(z).clamp(-1, 1), theirs.decode(z).sample)
        errors["first frame alone"] = relative(ours.encode(x[:, :, :1])[0], mean[:, :, :1])

    ours, theirs = models.Transformer(**models.DIT_CONFIG), WanTransformer3DModel(**models.DIT_CONFIG).eval()
    theirs.load_state_dict(ours.state_dict())
    print("transformer", sum(p.numel() for p in ours.parameters()) * 2 / 2**20, "MiB in bf16")
    x = torch.randn(2, 16, 3, 6, 8)
    text = torch.zeros(2, models.TEXT_ROWS, models.DIT_CONFIG["text_dim"])
    text[0, :21], text[1, :1] = torch.randn(21, 128), torch.randn(1, 128)
    t = torch.tensor([900.0, 300.0])
    clean = torch.tensor([True, False])
    per_token = t[:, None].expand(2, 3 * 12).clone()
    per_token[0, :12] = 0
    with torch.no_grad():
        errors["transformer"] = relative(ours(x, t, text[:, :models.TEXT_KEPT], clean),
                                         theirs(x, per_token, text, return_dict=False)[0])
    for name, error in errors.items():
        print(f"{name}: {error:.2e}")
    return int(max(errors.values()) > 1e-4)


if __name__ == "__main__":
    sys.exit(main())
