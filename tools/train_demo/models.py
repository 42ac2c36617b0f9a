"""The demo's autoencoder and transformer for training: the parameters of diffusers' AutoencoderKLWan and
WanTransformer3DModel under the same names, with forwards made for batches of whole clips.

check_models.py proves that both compute what diffusers computes from the same weights.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

AE_CONFIG = {"base_dim": 16, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 1, "attn_scales": [],
             "temperal_downsample": [False, True, True], "dropout": 0.0}
DIT_CONFIG = {"patch_size": [1, 2, 2], "num_attention_heads": 5, "attention_head_dim": 32, "in_channels": 16,
              "out_channels": 16, "text_dim": 128, "freq_dim": 256, "ffn_dim": 640, "num_layers": 8,
              "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads", "eps": 1e-6, "rope_max_seq_len": 1024}
TEXT_CONFIG = {"d_model": 128, "d_kv": 32, "num_heads": 4, "d_ff": 256, "num_layers": 4,
               "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128,
               "feed_forward_proj": "gated-gelu", "dropout_rate": 0.0, "pad_token_id": 0, "eos_token_id": 1,
               "decoder_start_token_id": 0, "tie_word_embeddings": False}
TEXT_ROWS = 512   # the pipeline pads every text with zero rows to this many
TEXT_KEPT = 64    # rows computed one by one in training; the rest equal the last of them


# ---- the autoencoder ----
# The reference works chunk by chunk with a cache of two frames per convolution; over a whole clip that is a plain
# causal convolution, except that the first frame goes around both kinds of temporal resampling.

class CausalConv(nn.Conv3d):
    def __init__(self, cin, cout, kernel, padding=0):
        kernel = (kernel,) * 3 if isinstance(kernel, int) else kernel
        super().__init__(cin, cout, kernel, padding=(0, padding, padding) if kernel[1] > 1 else 0)

    def forward(self, x):
        back = self.kernel_size[0] - 1
        return super().forward(F.pad(x, (0, 0, 0, 0, back, 0)) if back else x)


class RMSNorm(nn.Module):
    def __init__(self, dim, images=False):
        super().__init__()
        self.scale = dim**0.5
        self.gamma = nn.Parameter(torch.ones(dim, *((1, 1) if images else (1, 1, 1))))

    def forward(self, x):
        y = x.float()
        y = y * torch.rsqrt((y * y).sum(1, keepdim=True).clamp(min=1e-24))
        return (y * self.scale * self.gamma).to(x.dtype)


class ResBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm1, self.conv1 = RMSNorm(cin), CausalConv(cin, cout, 3, 1)
        self.norm2, self.conv2 = RMSNorm(cout), CausalConv(cout, cout, 3, 1)
        self.conv_shortcut = CausalConv(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        return self.conv_shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class FrameAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm, self.to_qkv, self.proj = RMSNorm(dim, images=True), nn.Conv2d(dim, 3 * dim, 1), nn.Conv2d(dim, dim, 1)

    def forward(self, x):
        b, c, t, h, w = x.shape
        y = x.permute(0, 2, 1, 3, 4).reshape(b * t, c, h, w)
        q, k, v = self.to_qkv(self.norm(y)).flatten(2).transpose(1, 2).unsqueeze(1).chunk(3, -1)
        y = F.scaled_dot_product_attention(q.contiguous(), k.contiguous(), v.contiguous())
        y = self.proj(y.squeeze(1).transpose(1, 2).reshape(b * t, c, h, w))
        return x + y.view(b, t, c, h, w).permute(0, 2, 1, 3, 4)


class MidBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.attentions = nn.ModuleList([FrameAttention(dim)])
        self.resnets = nn.ModuleList([ResBlock(dim, dim), ResBlock(dim, dim)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


def _per_frame(module, x):
    b, c, t, h, w = x.shape
    y = module(x.permute(0, 2, 1, 3, 4).reshape(b * t, c, h, w))
    return y.view(b, t, *y.shape[1:]).permute(0, 2, 1, 3, 4)


class Resample(nn.Module):
    def __init__(self, dim, up, temporal):
        super().__init__()
        self.up, self.temporal = up, temporal
        if up:
            self.resample = nn.Sequential(nn.Upsample(scale_factor=2.0, mode="nearest-exact"),
                                          nn.Conv2d(dim, dim // 2, 3, padding=1))
        else:
            self.resample = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(dim, dim, 3, stride=2))
        if temporal:
            self.time_conv = nn.Conv3d(dim, dim * 2 if up else dim, (3, 1, 1), stride=(1 if up else 2, 1, 1))

    def forward(self, x):
        if self.temporal and self.up and x.shape[2] > 1:
            b, c, t, h, w = x.shape
            y = self.time_conv(F.pad(x[:, :, 1:], (0, 0, 0, 0, 2, 0)))
            y = y.view(b, 2, c, t - 1, h, w).permute(0, 2, 3, 1, 4, 5).reshape(b, c, 2 * (t - 1), h, w)
            x = torch.cat([x[:, :, :1], y], 2)
        x = _per_frame(self.resample, x)
        if self.temporal and not self.up and x.shape[2] > 1:
            x = torch.cat([x[:, :, :1], self.time_conv(x)], 2)
        return x


class UpBlock(nn.Module):
    def __init__(self, cin, cout, count, resample):
        super().__init__()
        self.resnets = nn.ModuleList([ResBlock(cin if i == 0 else cout, cout) for i in range(count)])
        self.upsamplers = nn.ModuleList([resample]) if resample is not None else None

    def forward(self, x):
        for block in self.resnets:
            x = block(x)
        return self.upsamplers[0](x) if self.upsamplers is not None else x


class Encoder(nn.Module):
    def __init__(self, base, z, mult, blocks, temporal):
        super().__init__()
        dims = [base * m for m in [1] + mult]
        self.conv_in = CausalConv(3, dims[0], 3, 1)
        layers = []
        for i, (cin, cout) in enumerate(zip(dims[:-1], dims[1:])):
            layers += [ResBlock(cin if k == 0 else cout, cout) for k in range(blocks)]
            if i < len(mult) - 1:
                layers.append(Resample(cout, False, temporal[i]))
        self.down_blocks = nn.ModuleList(layers)
        self.mid_block, self.norm_out = MidBlock(dims[-1]), RMSNorm(dims[-1])
        self.conv_out = CausalConv(dims[-1], z, 3, 1)

    def forward(self, x):
        x = self.conv_in(x)
        for layer in self.down_blocks:
            x = layer(x)
        return self.conv_out(F.silu(self.norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    def __init__(self, base, z, mult, blocks, temporal):
        super().__init__()
        dims = [base * m for m in [mult[-1]] + mult[::-1]]
        self.conv_in, self.mid_block = CausalConv(z, dims[0], 3, 1), MidBlock(dims[0])
        layers = []
        for i, (cin, cout) in enumerate(zip(dims[:-1], dims[1:])):
            up = i < len(mult) - 1
            layers.append(UpBlock(cin // 2 if i else cin, cout, blocks + 1, Resample(cout, True, temporal[i]) if up else None))
        self.up_blocks = nn.ModuleList(layers)
        self.norm_out, self.conv_out = RMSNorm(dims[-1]), CausalConv(dims[-1], 3, 3, 1)

    def forward(self, x):
        x = self.mid_block(self.conv_in(x))
        for layer in self.up_blocks:
            x = layer(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Autoencoder(nn.Module):
    def __init__(self, base_dim, z_dim, dim_mult, num_res_blocks, temperal_downsample, **_):
        super().__init__()
        self.encoder = Encoder(base_dim, 2 * z_dim, dim_mult, num_res_blocks, temperal_downsample)
        self.quant_conv = CausalConv(2 * z_dim, 2 * z_dim, 1)
        self.post_quant_conv = CausalConv(z_dim, z_dim, 1)
        self.decoder = Decoder(base_dim, z_dim, dim_mult, num_res_blocks, temperal_downsample[::-1])

    def encode(self, x):
        """Pixels (B, 3, 4n+1, H, W) in [-1, 1] to the mean and log variance (B, z, n+1, H/8, W/8)."""
        return self.quant_conv(self.encoder(x)).float().chunk(2, 1)

    def decode(self, z):
        """Latents to pixels, not clamped."""
        return self.decoder(self.post_quant_conv(z)).float()

    def forward(self, x):
        mean, logvar = self.encode(x)
        logvar = logvar.clamp(-30, 20)
        return self.decode(mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)), mean, logvar


def channels_last(model):
    """Lays the kernels out as the GPU's convolutions like them."""
    for p in model.parameters():
        if p.dim() in (4, 5) and p.shape[1] > 1:
            p.data = p.data.contiguous(memory_format=torch.channels_last if p.dim() == 4 else torch.channels_last_3d)


# ---- the transformer ----

def rope_table(frames, height, width, head_dim, device):
    """cos and sin of (1, tokens, 1, head_dim / 2) over patches in frame, row, column order."""
    h_dim = w_dim = 2 * (head_dim // 6)
    t_dim = head_dim - h_dim - w_dim
    angles = []
    grid = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (frames, height, width)), indexing="ij")
    for dim, position in zip((t_dim, h_dim, w_dim), grid):
        freq = 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        angles.append(position.reshape(-1, 1) * freq)
    angle = torch.cat(angles, 1)[None, :, None]
    return angle.cos().float().to(device), angle.sin().float().to(device)


def rotate(x, cos, sin):
    a, b = x.unflatten(-1, (-1, 2)).float().unbind(-1)
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, dim, heads, eps):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim), nn.Identity()])
        self.norm_q, self.norm_k = nn.RMSNorm(dim, eps=eps), nn.RMSNorm(dim, eps=eps)

    def forward(self, x, context=None, rope=None, bias=None):
        context = x if context is None else context
        q, k, v = self.norm_q(self.to_q(x)), self.norm_k(self.to_k(context)), self.to_v(context)
        q, k, v = (a.unflatten(2, (self.heads, -1)) for a in (q, k, v))
        if rope is not None:
            q, k = rotate(q, *rope), rotate(k, *rope)
        q, k = q.to(v.dtype), k.to(v.dtype)
        out = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=bias)
        return self.to_out[0](out.transpose(1, 2).flatten(2))


class GeluProj(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.proj = nn.Linear(dim, hidden)

    def forward(self, x):
        return F.gelu(self.proj(x), approximate="tanh")


class FeedForward(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.net = nn.ModuleList([GeluProj(dim, hidden), nn.Identity(), nn.Linear(hidden, dim)])

    def forward(self, x):
        return self.net[2](self.net[0](x))


class Block(nn.Module):
    def __init__(self, dim, ffn, heads, eps):
        super().__init__()
        self.dim, self.eps = dim, eps
        self.attn1, self.attn2 = Attention(dim, heads, eps), Attention(dim, heads, eps)
        self.norm2, self.ffn = nn.LayerNorm(dim, eps), FeedForward(dim, ffn)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def forward(self, x, context, modulation, first, rope, bias):
        """x (B, L, D); modulation (B, 2, 6, D) of the noisy and of the clean tokens; first (B, L, 1): the clean ones."""
        table = self.scale_shift_table + modulation.float()
        e = [torch.where(first, table[:, 1, k, None], table[:, 0, k, None]) for k in range(6)]
        h = F.layer_norm(x.float(), (self.dim,), eps=self.eps) * (1 + e[1]) + e[0]
        x = x + self.attn1(h.to(context.dtype), rope=rope) * e[2]
        x = x + self.attn2(self.norm2(x.float()).to(context.dtype), context, bias=bias)
        h = F.layer_norm(x.float(), (self.dim,), eps=self.eps) * (1 + e[4]) + e[3]
        return x + self.ffn(h.to(context.dtype)) * e[5]


class TimeEmbedder(nn.Module):
    def __init__(self, freq, dim):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(freq, dim), nn.Linear(dim, dim)


class TextProjection(nn.Module):
    def __init__(self, text, dim):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(text, dim), nn.Linear(dim, dim)


class Condition(nn.Module):
    def __init__(self, dim, freq, text):
        super().__init__()
        self.freq = freq
        self.time_embedder, self.time_proj = TimeEmbedder(freq, dim), nn.Linear(dim, 6 * dim)
        self.text_embedder = TextProjection(text, dim)

    def forward(self, timestep, text):
        half = self.freq // 2
        freq = torch.exp(-math.log(10000.0) * torch.arange(half, device=timestep.device, dtype=torch.float32) / half)
        angle = timestep.float().unsqueeze(-1) * freq
        wave = torch.cat([angle.cos(), angle.sin()], -1)
        t = self.time_embedder
        temb = t.linear_2(F.silu(t.linear_1(wave)))
        p = self.text_embedder
        return temb, self.time_proj(F.silu(temb)), p.linear_2(F.gelu(p.linear_1(text), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self, num_attention_heads, attention_head_dim, in_channels, out_channels, text_dim, freq_dim, ffn_dim,
                 num_layers, eps, **_):
        super().__init__()
        dim = num_attention_heads * attention_head_dim
        self.head_dim, self.dim, self.eps, self.out_channels = attention_head_dim, dim, eps, out_channels
        self.patch_embedding = nn.Conv3d(in_channels, dim, (1, 2, 2), (1, 2, 2))
        self.condition_embedder = Condition(dim, freq_dim, text_dim)
        self.blocks = nn.ModuleList([Block(dim, ffn_dim, num_attention_heads, eps) for _ in range(num_layers)])
        self.proj_out = nn.Linear(dim, out_channels * 4)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)
        self._rope = {}

    def forward(self, x, timestep, text, clean_first=None):
        """x (B, C, F, H, W); timestep (B) in 0..1000; text (B, TEXT_KEPT, text_dim), zero past its mask, standing for
        TEXT_ROWS rows; clean_first (B) bool: the first frame is clean, its tokens are at timestep 0."""
        b, c, f, h, w = x.shape
        hh, ww = h // 2, w // 2
        key = (f, hh, ww, x.device)
        if key not in self._rope:
            self._rope[key] = rope_table(f, hh, ww, self.head_dim, x.device)
        # Rows past TEXT_KEPT are equal: one key whose weight counts them all is the same attention.
        bias = torch.zeros(1, 1, 1, text.shape[1], device=x.device)
        bias[..., -1] = math.log(TEXT_ROWS - text.shape[1] + 1)
        patches = x.view(b, c, f, hh, 2, ww, 2).permute(0, 2, 3, 5, 1, 4, 6).reshape(b, f * hh * ww, c * 4)
        tokens = F.linear(patches, self.patch_embedding.weight.flatten(1), self.patch_embedding.bias).float()
        both = torch.stack([timestep, torch.zeros_like(timestep)], 1)
        temb, modulation, context = self.condition_embedder(both, text)
        if clean_first is None:
            clean_first = torch.zeros(b, dtype=torch.bool, device=x.device)
        first = (torch.arange(f * hh * ww, device=x.device) < hh * ww)[None] & clean_first[:, None]
        first = first.unsqueeze(2)
        modulation = modulation.unflatten(2, (6, -1))
        bias = bias.to(context.dtype).expand(b, 1, tokens.shape[1], -1)
        for block in self.blocks:
            tokens = block(tokens, context, modulation, first, self._rope[key], bias)
        shift, scale = (self.scale_shift_table + temb.float().unsqueeze(2)).unbind(2)  # (B, 2, D)
        shift, scale = (torch.where(first, a[:, 1, None], a[:, 0, None]) for a in (shift, scale))
        out = F.layer_norm(tokens.float(), (self.dim,), eps=self.eps) * (1 + scale) + shift
        out = self.proj_out(out.to(context.dtype)).float()
        o = self.out_channels
        return out.view(b, f, hh, ww, 2, 2, o).permute(0, 6, 1, 2, 4, 3, 5).reshape(b, o, f, h, w)


# ---- Muon: momentum with orthogonalised updates, for the matrices inside the blocks ----

class Muon:
    """Updates of equal shape are orthogonalised together by five Newton-Schulz steps and scaled to the size of
    Adam's (0.2 times the root of the longer side). A convolution's kernel counts as the matrix (out, the rest).
    Jordan et al. 2024; Liu et al. 2025, arXiv 2502.16982."""

    def __init__(self, params, momentum=0.95, decay=0.01):
        self.groups, self.momentum, self.decay = {}, momentum, decay
        for p in params:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.buffers = {s: torch.zeros(len(ps), s[0], math.prod(s[1:]), device=ps[0].device)
                        for s, ps in self.groups.items()}

    @torch.no_grad()
    def step(self, lr):
        for shape, params in self.groups.items():
            buffer = self.buffers[shape]
            rows, columns = buffer.shape[1:]
            grad = torch.stack([p.grad.reshape(rows, columns) for p in params])
            buffer.mul_(self.momentum).add_(grad)
            u = (grad + self.momentum * buffer).to(torch.bfloat16)
            tall = rows > columns
            u = u.transpose(1, 2) if tall else u
            u = u / (u.float().norm(dim=(1, 2), keepdim=True) + 1e-7).to(u.dtype)
            for _ in range(5):
                g = u @ u.transpose(1, 2)
                u = 3.4445 * u + (-4.7750 * g + 2.0315 * (g @ g)) @ u
            u = (u.transpose(1, 2) if tall else u).float() * (0.2 * max(rows, columns) ** 0.5)
            for p, update in zip(params, u):
                p.mul_(1 - lr * self.decay).add_(update.view(shape), alpha=-lr)
