#!/usr/bin/env python3
"""The cases of bench/ops_bench.cpp in PyTorch: python bench/ops_torch.py [part of a name] [threads]

One thread: seconds of processor time; more: of the clock. The least of many runs. Convolutions get inputs that are
padded already and have the cached frames in front, channels first, which is PyTorch's own layout.
"""

import sys
import time

import torch
import torch.nn.functional as F


def measure(name, flops, run, clock):
    run()
    least, total, runs = 1e9, 0.0, 0
    while runs < 400 and (runs < 5 or total < 0.6):
        start = clock()
        run()
        took = clock() - start
        least, total, runs = min(least, took), total + took, runs + 1
    print(f"{name:<38} {least * 1e3:9.3f} ms {flops / least * 1e-9:8.1f} GFLOP/s", flush=True)


def cases():
    for queries, keys, heads, depth in [(384, 384, 5, 32), (756, 756, 5, 32), (1428, 1428, 5, 32), (2856, 2856, 5, 32),
                                        (1428, 512, 5, 32), (2048, 2048, 4, 128), (1, 1024, 8, 64)]:
        q, k, v = (torch.randn(1, n, heads, depth).transpose(1, 2) * 0.2 for n in (queries, keys, keys))
        yield (f"attention {queries}x{keys} {heads} heads of {depth}", queries * keys * heads * (4 * depth + 10),
               lambda q=q, k=k, v=v: F.scaled_dot_product_attention(q, k, v, scale=0.18))
    for t, h, w, cin, cout, kt, k, up in [(4, 112, 192, 16, 16, 3, 3, 1), (1, 112, 192, 16, 16, 3, 3, 1),
                                          (4, 56, 96, 32, 32, 3, 3, 1), (1, 56, 96, 32, 32, 3, 3, 1),
                                          (2, 28, 48, 64, 64, 3, 3, 1), (1, 14, 24, 64, 64, 3, 3, 1),
                                          (4, 112, 192, 16, 3, 3, 3, 1), (4, 112, 192, 3, 16, 3, 3, 1),
                                          (4, 56, 96, 32, 16, 1, 3, 2), (4, 28, 48, 64, 32, 1, 3, 2),
                                          (2, 28, 48, 64, 128, 3, 1, 1), (4, 30, 52, 384, 384, 3, 3, 1)]:
        weight = torch.randn(cout, cin, kt, k, k)
        name = f"conv {t}x{h}x{w} {cin}->{cout} {kt}x{k}x{k}"
        flops = 2 * t * h * w * up * up * cin * cout * kt * k * k
        if up == 2:  # frames are a batch of pictures there
            x = torch.randn(t, cin, h, w)
            yield (name + " doubled", flops, lambda x=x, weight=weight: F.conv2d(
                F.interpolate(x, scale_factor=2, mode="nearest-exact"), weight[:, :, 0], padding=1))
        else:
            x = torch.randn(1, cin, t + kt - 1, h + k - 1, w + k - 1)
            yield name, flops, lambda x=x, weight=weight: F.conv3d(x, weight)
    for tokens in (756, 1428):
        x, w1, b1, w2, b2 = (torch.randn(*s) for s in ((tokens, 160), (640, 160), (640,), (160, 640), (160,)))
        square = torch.randn(160, 160)
        yield (f"feed_forward {tokens} 160-640-160", tokens * (4 * 640 * 160 + 8 * 640),
               lambda x=x, w1=w1, b1=b1, w2=w2, b2=b2: F.linear(F.gelu(F.linear(x, w1, b1), approximate="tanh"), w2, b2))
        yield f"linear {tokens} 160-160", tokens * 2 * 160 * 160, lambda x=x, w=square, b=b2: F.linear(x, w, b)
    x, gamma = torch.randn(1, 16, 4, 112, 192), torch.randn(16, 1, 1, 1)
    yield ("norm and silu 4x112x192x16", 4 * x.numel(),
           lambda: F.silu(F.normalize(x, dim=1) * 4.0 * gamma))


def main():
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    with torch.inference_mode():
        for name, flops, run in cases():
            if part in name:
                measure(name, flops, run, time.thread_time if threads == 1 else time.perf_counter)


if __name__ == "__main__":
    main()
