"""Golden tensors of the Llama architecture, from transformers' LlamaForCausalLM.

    python models/llama/reference.py            # writes models/llama/goldens/<case>/

Every case is a small random model in which all dimensions differ. The cases cover grouped, multi-query
and plain attention, a head dim of its own, Llama-3.1's scaling of RoPE in the spellings of transformers 4
and 5, tied and untied heads, biases, padding on either side, shards, and weights in float32, bfloat16 and
float16. Needs torch, transformers, safetensors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "reference"))
import golden  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

# Wavelengths of the five rotary frequencies of head dim 10 at theta 1000: 6, 25, 100, 396, 1578. With 64
# positions and factors 1 and 4 the first is kept, the second blended, the rest divided by the factor.
SCALING = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def run(folder: Path, inputs: dict, dtype: torch.dtype) -> dict:
    model = LlamaForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    return {"logits": model(**inputs, use_cache=False).logits.float()}


def rewrite_config(folder: Path, change) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    golden.write_json(path, config)


def spell_as_version_4(config: dict) -> None:
    """Turns `rope_parameters` into `rope_theta` and `rope_scaling`, `dtype` into `torch_dtype`."""
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope.get("rope_type") == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.44.2"


def case(
    name: str,
    config: dict,
    batch: int,
    length: int,
    mask=None,
    stored: torch.dtype = torch.float32,
    shard: str | None = None,
    change=None,
    command: str = "forward",
    generate: int = 0,
) -> None:
    folder = golden.fresh_folder(HERE / "goldens" / name)
    model = LlamaForCausalLM(LlamaConfig(**config)).eval()
    golden.random_weights(model, f"llama/{name}")
    model.to(stored).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if change:
        rewrite_config(folder, change)

    inputs = {"input_ids": golden.integers(f"llama/{name}/ids", 0, config["vocab_size"], batch, length)}
    notes = {"reference": f"transformers {transformers.__version__}", "command": command}
    keep = None
    if mask is not None:
        inputs["attention_mask"] = torch.tensor(mask)
        keep = lambda value: value[inputs["attention_mask"] == 1]  # noqa: E731
        notes["compare_where"] = "attention_mask"
    if generate:
        greedy = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        ids, cache = inputs["input_ids"], None
        for _ in range(generate):
            out = greedy(ids[:, cache.get_seq_length() if cache else 0 :], past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            ids = torch.cat([ids, out.logits[:, -1:].argmax(-1)], dim=1)
        inputs["input_ids"] = ids
        notes["prompt_length"] = str(length)
        notes["generated"] = json.dumps(ids[:, length:].tolist())
    outputs = run(folder, inputs, torch.float32)
    low = {"bf16": run(folder, inputs, torch.bfloat16), "f16": run(folder, inputs, torch.float16)}
    golden.finish(folder, inputs, outputs, {**notes, **golden.distances(outputs, low, keep)})


def shape(vocab, hidden, inner, layers, heads, kv=None, head_dim=None, **more) -> dict:
    config = {
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_position_embeddings": 512,
    }
    if kv is not None:
        config["num_key_value_heads"] = kv
    if head_dim is not None:
        config["head_dim"] = head_dim
    return {**config, **more}


def rope5(theta: float) -> dict:
    return {"rope_parameters": {**SCALING, "rope_theta": theta}}


def main() -> None:
    case("gqa_head_dim_llama3_v5", shape(97, 36, 46, 3, 6, 2, 10, rms_norm_eps=1e-5, **rope5(1000.0)), 4, 29)
    case(
        "gqa_tied_llama3_v4_bf16",
        shape(103, 40, 66, 3, 8, 2, tie_word_embeddings=True, rms_norm_eps=1e-5, **rope5(1000.0), head_dim=10),
        1,
        71,
        stored=torch.bfloat16,
        change=spell_as_version_4,
    )

    def leave_out(config: dict) -> None:
        for key in ("rope_parameters", "num_key_value_heads", "head_dim", "rms_norm_eps", "tie_word_embeddings",
                    "attention_bias", "mlp_bias", "hidden_act", "attention_dropout", "pretraining_tp",
                    "initializer_range", "use_cache", "bos_token_id", "eos_token_id", "pad_token_id"):
            config.pop(key, None)

    case("defaults_left_out", shape(61, 30, 50, 4, 3), 2, 17, stored=torch.bfloat16, change=leave_out)
    case(
        "biases_eps",
        shape(67, 48, 38, 2, 4, 1, 14, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-2),
        3,
        19,
        stored=torch.bfloat16,
        change=lambda config: config.update(rope_parameters={"rope_type": "default", "rope_theta": 25000.0}),
    )
    case("sharded_f16", shape(71, 32, 44, 5, 8, 4, 6, **rope5(500.0)), 3, 29, stored=torch.float16, shard="30KB")
    case("mqa_wide_heads_tied", shape(59, 20, 28, 3, 5, 1, 22, tie_word_embeddings=True), 2, 11)
    left = [[0] * 5 + [1] * 10, [1] * 15, [0] * 9 + [1] * 6]
    right = [[1] * 12 + [0] * 3, [1] * 4 + [0] * 11, [1] * 15]
    padded = shape(73, 28, 34, 2, 7, 1, 8)
    case("padded_left", padded, 3, 15, mask=left)
    case("padded_right", padded, 3, 15, mask=right)
    case("padded_both_hole", padded, 3, 15, mask=[[0] * 2 + [1] * 9 + [0] * 4, [1] * 6 + [0] * 2 + [1] * 7, [1] * 15])
    case("greedy", shape(89, 30, 46, 3, 6, 2, 12, **rope5(10000.0)), 1, 7, command="forward --prefill 7", generate=9,
         stored=torch.bfloat16)
    case("greedy_batch", shape(79, 24, 40, 2, 4, 1, 10), 3, 5, command="forward --prefill 5", generate=8)
    case("one_token", shape(53, 24, 38, 2, 4, 1, 10), 1, 1)


if __name__ == "__main__":
    main()
