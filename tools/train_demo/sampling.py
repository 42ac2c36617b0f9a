"""A small flow-matching sampler for looking at the models while they train; the product has its own."""

import torch

import models


def sigmas(steps, shift, device):
    """Steps + 1 noise levels from 1 to 0, as the pipelines' flow schedules place them."""
    u = torch.linspace(1.0, 1.0 / 1000, steps + 1, device=device)[:-1]
    return torch.cat([shift * u / (1 + (shift - 1) * u), torch.zeros(1, device=device)])


@torch.no_grad()
def encode_text(encoder, ids):
    """Rows (B, TEXT_KEPT, D), zero past each text's end."""
    ids = ids.long()
    mask = ids != 0
    hidden = encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()
    return hidden * mask.unsqueeze(2)


@torch.no_grad()
def sample(high, low, encoder, ids, empty, frames, steps, guidance, shift, seed, guidance_low=None, boundary=0.875,
           size=(14, 24), first=None, solver="unipc"):
    """Normalised latents (B, 16, f, h, w). ids (B, TEXT_KEPT); first (B, 16, 1, h, w): a clean first frame to go on
    from. The solver is Euler, or the second-order predictor-corrector UniPC in its simplest form for flows."""
    device = ids.device
    guidance_low = guidance if guidance_low is None else guidance_low
    text, none = encode_text(encoder, ids), encode_text(encoder, empty.expand(len(ids), -1))
    generator = torch.Generator(device).manual_seed(seed)
    z = torch.randn(len(ids), 16, (frames - 1) // 4 + 1, *size, generator=generator, device=device)
    levels = sigmas(steps, shift, device)
    clean = torch.full((len(ids),), first is not None, device=device)
    previous = None
    for i in range(steps):
        s, s_next = levels[i], levels[i + 1]
        t = torch.full((len(ids),), float(int(s * 1000)), device=device)
        model, scale = (high, guidance) if s >= boundary else (low, guidance_low)
        x = z if first is None else torch.cat([first, z[:, :, 1:]], 2)
        v = model(x, t, text, clean)
        if scale != 1:
            base = model(x, t, none, clean)
            v = base + scale * (v - base)
        if solver == "euler" or s_next == 0:
            z = z + (s_next - s) * v
        else:  # a second-order multistep in the clean picture, in the variable log((1 - s) / s)
            x0 = z - s * v
            lam = torch.log((1 - s_next) / s_next) - torch.log((1 - s).clamp(min=1e-4) / s)
            if previous is not None and i > 1:
                ratio = previous[1] / lam
                d = x0 + (x0 - previous[0]) / (2 * ratio)
            else:
                d = x0
            z = (s_next / s) * z + ((1 - s_next) - (1 - s) * s_next / s) * d
            previous = (x0, lam)
    return z if first is None else torch.cat([first, z[:, :, 1:]], 2)
