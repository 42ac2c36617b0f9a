"""Shows that the goldens notice faults: plants each fault in the reference and measures the output's change.

    python tools/reference/check_goldens.py [model ...]

For every golden in a layout that the reference reads, every tensor of the checkpoint is in turn given a gain
of 1.02, two of its channels are swapped, and every layer is skipped once. A fault counts as seen when the
outputs move by more than FLOOR, ten times the tolerance in float32. Per model it prints how many faults were
planted and lists the tensors (numbers left out of their names) that no case of the model sees. Also shown is
the smallest change that was seen, as a measure of how sharp the goldens are.

Encoding cannot see the decoder and the reverse; a single token cannot see queries and keys. Other cases do.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
import golden  # noqa: E402

FLOOR = 1e-4


def load_script(model: str):
    spec = importlib.util.spec_from_file_location(f"reference_{model}", ROOT / "models" / model / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def opened(model: str, folder: Path):
    """The loaded model and a function that runs it, or None where the reference can't read the layout."""
    import diffusers
    import transformers

    inputs = load_file(folder / "in.safetensors")
    if model == "llama":
        network = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        return network, lambda: network(**inputs, use_cache=False).logits, network.model.layers
    if model == "umt5":
        network = transformers.UMT5EncoderModel.from_pretrained(folder, dtype=torch.float32).eval()
        return network, lambda: network(**inputs).last_hidden_state, network.encoder.block
    if "original" in folder.name or "comfy" in folder.name:
        return None
    if model == "wan":
        network = diffusers.WanTransformer3DModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
        return network, lambda: network(**inputs).sample, network.blocks
    network = diffusers.AutoencoderKLWan.from_pretrained(folder, torch_dtype=torch.float32).eval()
    if "encode" in folder.name:
        return network, lambda: network.encode(inputs["sample"]).latent_dist.parameters, []
    return network, lambda: network.decode(inputs["sample"]).sample, []


def main() -> None:
    for model in sys.argv[1:] or ["llama", "umt5", "wan", "wan_vae"]:
        load_script(model)  # silences the libraries the way the script does
        seen: dict[str, float] = {}
        planted = 0
        skipped: list[str] = []
        for folder in sorted((ROOT / "models" / model / "goldens").iterdir()):
            subject = opened(model, folder)
            if subject is None:
                continue
            network, forward, layers = subject
            plain = forward().clone()
            for name, parameter in network.named_parameters():
                kind = re.sub(r"\.\d+\.", ".*.", re.sub(r"\.\d+\.", ".*.", name))
                kept = parameter.clone()
                changes = []
                parameter.mul_(1.02)
                changes.append(golden.distance(forward(), plain))
                parameter.copy_(kept)
                long = max(range(parameter.dim()), key=lambda axis: parameter.shape[axis])
                if parameter.shape[long] > 1 and "shared" not in name and "embed_tokens" not in name:
                    order = list(range(parameter.shape[long]))
                    order[0], order[1] = 1, 0
                    parameter.copy_(kept.index_select(long, torch.tensor(order)))
                    changes.append(golden.distance(forward(), plain))
                    parameter.copy_(kept)
                planted += len(changes)
                seen[kind] = max(seen.get(kind, 0.0), min(changes))
            for place, layer in enumerate(layers):
                whole = layer.forward
                layer.forward = lambda hidden_states, *rest, **more: hidden_states
                planted += 1
                if golden.distance(forward(), plain) < FLOOR:
                    skipped.append(f"{folder.name}: layer {place} skipped")
                layer.forward = whole
        unseen = sorted(kind for kind, change in seen.items() if change < FLOOR)
        print(f"{model}: {planted} faults planted, {len(seen)} kinds of tensors, smallest change seen "
              f"{min(change for change in seen.values()):.1e}", flush=True)
        for line in skipped + [f"no case sees {kind}" for kind in unseen]:
            print(f"  {line}")


if __name__ == "__main__":
    main()
