"""What every reference script shares: seeds, random weights that matter, files, distances.

A golden is a folder:

    <case>/config.json, weights     the model exactly as a user has it on disk
    <case>/in.safetensors           inputs under the reference's argument names
    <case>/out.safetensors          the reference's outputs in float32, under its names

The string metadata of out.safetensors say where the numbers come from:

    case           the folder's name
    reference      library and version that made it
    command        the `zoetrope` command that must reproduce it ("forward --part decode")
    bf16_distance  relative L2 distance of the reference run in bfloat16 from its float32 run
    f16_distance   the same in float16 ("nan" or "inf" where the reference overflows)
    compare_where  optional: name of an input that is 1 where outputs count, 0 where they do not

Everything is drawn from named seeds, on one thread, so that a second run writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from pathlib import Path

import torch

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.set_grad_enabled(False)

_TYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def generator(name: str) -> torch.Generator:
    """A random generator that depends on a name alone."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "little")
    return torch.Generator().manual_seed(seed)


def normal(name: str, *shape: int, scale: float = 1.0, mean: float = 0.0) -> torch.Tensor:
    """Normal numbers in float32 that depend on the name and the shape alone."""
    return torch.randn(*shape, generator=generator(name)) * scale + mean


def integers(name: str, low: int, high: int, *shape: int) -> torch.Tensor:
    """Integers in [low, high) as int64."""
    return torch.randint(low, high, shape, generator=generator(name))


def random_weights(model: torch.nn.Module, name: str, gain: float = 1.0) -> None:
    """Gives every parameter values that change the output.

    Gains of norms lie around 1, biases and modulation tables are of visible size, and matrices keep the
    scale of what they multiply. Freshly initialised models hide faults: zero biases, gains of 1.
    """
    seen = set()
    for key, parameter in model.named_parameters(remove_duplicate=True):
        if parameter.data_ptr() in seen:
            continue
        seen.add(parameter.data_ptr())
        shape = tuple(parameter.shape)
        draw = normal(f"{name}/{key}", *shape)
        if "scale_shift_table" in key:
            draw *= 0.5
        elif key.endswith("relative_attention_bias.weight"):
            pass
        elif "gamma" in key or ("norm" in key and key.endswith("weight")):
            draw = 1.0 + 0.25 * draw
        elif key.endswith("bias"):
            draw *= 0.2
        elif "embed_tokens" in key or key == "shared.weight":
            pass
        else:
            fan_in = parameter[0].numel()
            draw *= gain / fan_in**0.5
        parameter.copy_(draw.to(parameter.dtype))


def save(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Writes a safetensors file whose bytes depend on the content alone.

    The library's own writer keeps metadata in a hash table, whose order changes from run to run.
    """
    header: dict = {}
    if metadata:
        header["__metadata__"] = {key: metadata[key] for key in sorted(metadata)}
    offset = 0
    blobs = []
    for key, tensor in tensors.items():
        blob = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[key] = {
            "dtype": _TYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for blob in blobs:
            file.write(blob)


def distance(value: torch.Tensor, golden: torch.Tensor) -> float:
    """Relative L2 distance, in double precision."""
    golden = golden.double()
    return float((value.double() - golden).norm() / golden.norm())


def fresh_folder(path: Path) -> Path:
    """An empty folder; what an earlier run left there goes."""
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    return path


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def distances(golden: dict[str, torch.Tensor], low: dict[str, dict[str, torch.Tensor]], keep=None) -> dict[str, str]:
    """The metadata keys bf16_distance and f16_distance, over all outputs of a case joined.

    `low` holds the outputs of the runs in "bf16" and "f16"; `keep` picks the elements that count.
    """
    keep = keep or (lambda value: value)
    joined = torch.cat([keep(value).double().flatten() for value in golden.values()])
    found = {}
    for kind, outputs in low.items():
        other = torch.cat([keep(outputs[key]).double().flatten() for key in golden])
        found[f"{kind}_distance"] = f"{distance(other, joined):.6e}"
    return found


def finish(
    folder: Path,
    inputs: dict[str, torch.Tensor],
    outputs: dict[str, torch.Tensor],
    metadata: dict[str, str],
) -> None:
    """Writes in.safetensors and out.safetensors, and prints one line about the case."""
    for key, value in outputs.items():
        if value.is_floating_point():
            assert torch.isfinite(value).all(), f"{folder}: {key} is not finite"
            outputs[key] = value.float()
    save(folder / "in.safetensors", inputs)
    save(folder / "out.safetensors", outputs, {"case": folder.name, **metadata})
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(
        f"{folder.parent.parent.name}/{folder.name}: {size / 1024:.0f} KiB, "
        f"bf16 {metadata.get('bf16_distance', '-')}, f16 {metadata.get('f16_distance', '-')}, "
        + ", ".join(f"{key} {tuple(value.shape)} rms {value.float().pow(2).mean().sqrt():.3f}"
                    for key, value in outputs.items()),
        flush=True,
    )
