"""Golden tensors of the UMT5 encoder, from transformers' UMT5EncoderModel.

    python models/umt5/reference.py             # writes models/umt5/goldens/<case>/

Every case is a small random encoder in which all dimensions differ; the bias tables over relative
positions are drawn large, and differ from layer to layer, so that a wrong bucket shows. Needs torch,
transformers, safetensors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import UMT5Config, UMT5EncoderModel

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "reference"))
import golden  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def run(folder: Path, inputs: dict, dtype: torch.dtype) -> dict:
    model = UMT5EncoderModel.from_pretrained(folder, dtype=dtype).eval()
    return {"last_hidden_state": model(**inputs).last_hidden_state.float()}


def case(
    name: str,
    config: dict,
    batch: int,
    length: int,
    mask=None,
    stored: torch.dtype = torch.float32,
    shard: str | None = None,
    change=None,
    repeat_embedding: bool = False,
) -> None:
    folder = golden.fresh_folder(HERE / "goldens" / name)
    model = UMT5EncoderModel(UMT5Config(**config)).eval()
    golden.random_weights(model, f"umt5/{name}")
    model.to(stored).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    if repeat_embedding:
        # Checkpoints written from an unshared state dict hold the embedding under both of its names.
        state = {key: value.clone() for key, value in sorted(model.state_dict().items())}
        golden.save(folder / "model.safetensors", state, {"format": "pt"})
    if change:
        path = folder / "config.json"
        text = json.loads(path.read_text())
        change(text)
        golden.write_json(path, text)

    inputs = {"input_ids": golden.integers(f"umt5/{name}/ids", 0, config["vocab_size"], batch, length)}
    if mask is not None:
        inputs["attention_mask"] = torch.tensor(mask)
    outputs = run(folder, inputs, torch.float32)
    low = {"bf16": run(folder, inputs, torch.bfloat16), "f16": run(folder, inputs, torch.float16)}
    notes = {"reference": f"transformers {transformers.__version__}", "command": "forward"}
    golden.finish(folder, inputs, outputs, {**notes, **golden.distances(outputs, low)})


def shape(vocab, model, kv, inner, layers, heads, **more) -> dict:
    return {"vocab_size": vocab, "d_model": model, "d_kv": kv, "d_ff": inner, "num_layers": layers,
            "num_heads": heads, "feed_forward_proj": "gated-gelu", **more}


def ones(count: int, length: int) -> list[int]:
    return [1] * count + [0] * (length - count)


def main() -> None:
    odd = {"relative_attention_num_buckets": 13, "relative_attention_max_distance": 21}
    case("masks", shape(83, 34, 14, 50, 3, 4, **odd), 5, 37, stored=torch.bfloat16,
         mask=[ones(37, 37), ones(1, 37), ones(22, 37), [0] * 30 + [1] * 7, [1] * 11 + [0] * 9 + [1] * 17])
    case("no_mask", shape(61, 28, 10, 38, 4, 5, relative_attention_num_buckets=18,
                          relative_attention_max_distance=33, layer_norm_epsilon=1e-2), 2, 23, stored=torch.float16)

    def as_in_wan(config: dict) -> None:
        """The spelling of transformers 4; what has a default there is left out."""
        config["torch_dtype"] = config.pop("dtype")
        config["transformers_version"] = "4.48.0.dev0"
        for key in ("relative_attention_num_buckets", "relative_attention_max_distance", "layer_norm_epsilon",
                    "dense_act_fn", "is_gated_act", "tie_word_embeddings", "initializer_factor",
                    "classifier_dropout", "num_decoder_layers", "feed_forward_proj", "decoder_start_token_id",
                    "is_decoder", "dropout_rate"):
            config.pop(key, None)
        config.update(scalable_attention=True, tokenizer_class="T5Tokenizer", output_past=True)

    case("defaults_long_bf16", shape(71, 26, 8, 42, 2, 3), 1, 301, stored=torch.bfloat16, change=as_in_wan)
    case("sharded", shape(67, 20, 12, 30, 5, 3, relative_attention_num_buckets=8,
                          relative_attention_max_distance=9), 4, 19,
         mask=[ones(n, 19) for n in (19, 3, 11, 8)], shard="30KB")
    case("embedding_twice_f16", shape(53, 22, 6, 38, 2, 5), 3, 16, mask=[ones(n, 16) for n in (16, 2, 9)],
         stored=torch.float16, repeat_embedding=True)
    case("one_token", shape(47, 20, 6, 26, 2, 3), 1, 1, mask=[[1]])


if __name__ == "__main__":
    main()
