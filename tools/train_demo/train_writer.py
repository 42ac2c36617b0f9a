"""Trains the demo writer: a small Llama with a tokenizer of its own that answers an idea with a storyboard.

    python tools/train_demo/train_writer.py --out assets/demo/writer --minutes 8

The data is made while it trains (stories.py), by worker processes. The learning rate follows the clock: it falls to
nothing as the minutes run out, and what is written is an average over the last stretch of the weights. The folder
has the layout of any Llama checkpoint on Hugging Face. A run that was broken off goes on from its checkpoint.
"""

import argparse
import json
import math
import os
import queue
import random
import sys
import time
from pathlib import Path

import torch
import torch.multiprocessing as multiprocessing
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))
import asking  # noqa: E402
import stories  # noqa: E402

SPECIAL = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
VOCABULARY = 1536
LONGEST = 1536  # tokens of one example; longer ones are not used
CHAT_TEMPLATE = ("{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
                 "{{ message['content'] | trim }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}"
                 "<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}")


def train_tokenizer(examples=20000):
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    rng = random.Random(20)

    def text():
        yield from [stories.SYSTEM + "\n\n"] * 50
        for _ in range(examples):
            idea, language, shots, story, _, _ = asking.sample(rng)
            yield f"Idea: {idea}\nShots: {shots}\nLanguage: {language}\n\n" + stories.answer(story).removesuffix("<|eot_id|>")
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - len(SPECIAL), show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(text(), trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                                      special_tokens=[(SPECIAL[0], tokenizer.token_to_id(SPECIAL[0]))])])
    return tokenizer


def make_model(tokenizer):
    from transformers import LlamaConfig, LlamaForCausalLM
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=160, intermediate_size=288, num_hidden_layers=5,
        num_attention_heads=8, num_key_value_heads=2, head_dim=32, max_position_embeddings=2048, rms_norm_eps=1e-5,
        tie_word_embeddings=True, bos_token_id=tokenizer.token_to_id(SPECIAL[0]), eos_token_id=tokenizer.token_to_id(SPECIAL[3]))
    torch.manual_seed(5)
    model = LlamaForCausalLM(config)
    for name, weight in model.named_parameters():  # residual branches start small
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            weight.data.mul_(1 / math.sqrt(2 * config.num_hidden_layers))
    return model


def produce(seed, tokenizer_text, out):
    """A worker: lists of (ids, length of the prompt), for ever."""
    from tokenizers import Tokenizer
    os.nice(5)
    tokenizer = Tokenizer.from_str(tokenizer_text)
    rng = random.Random(seed)
    while True:
        prompts, answers = [], []
        for _ in range(256):
            idea, language, shots, story, _, _ = asking.sample(rng)
            prompts.append(stories.chat(idea, language, shots))
            answers.append(stories.answer(story))
        prompts = tokenizer.encode_batch(prompts, add_special_tokens=False)
        answers = tokenizer.encode_batch(answers, add_special_tokens=False)
        out.put([(torch.tensor(p.ids + a.ids, dtype=torch.int16).numpy(), len(p.ids)) for p, a in zip(prompts, answers)
                 if len(p.ids) + len(a.ids) <= LONGEST])


class Examples:
    """What the workers have made, most of it used several times, in batches of about equal length."""

    def __init__(self, tokenizer, workers, seed, keep=400000):
        self.rng = random.Random(seed)
        self.keep, self.pool, self.made, self.ready = keep, [], 0, []
        context = multiprocessing.get_context("spawn")
        self.queue = context.Queue(maxsize=64)
        self.workers = [context.Process(target=produce, args=(seed * 1000 + i, tokenizer.to_str(), self.queue), daemon=True)
                        for i in range(workers)]
        for worker in self.workers:
            worker.start()

    def take(self):
        """Moves what has been made into the pool; waits only while the pool is too small to draw from."""
        while True:
            try:
                made = self.queue.get(timeout=120) if len(self.pool) < 1024 else self.queue.get_nowait()
            except queue.Empty:
                if len(self.pool) < 1024:
                    raise SystemExit("the workers make no stories") from None
                return
            for example in made:
                if len(self.pool) < self.keep:
                    self.pool.append(example)
                else:
                    self.pool[self.rng.randrange(self.keep)] = example
            self.made += len(made)

    def batch(self, tokens):
        if not self.ready:
            self.take()
            drawn = sorted((self.rng.choice(self.pool) for _ in range(2048)), key=lambda e: len(e[0]))
            start = 0
            while start < len(drawn):
                end = start + 1
                while end < len(drawn) and len(drawn[end][0]) * (end + 1 - start) <= tokens:
                    end += 1
                self.ready.append(drawn[start:end])
                start = end
            self.rng.shuffle(self.ready)
        chosen = self.ready.pop()
        width = -(-max(len(ids) for ids, _ in chosen) // 32) * 32
        ids = torch.zeros(len(chosen), width, dtype=torch.int64)
        scored = torch.zeros(len(chosen), width, dtype=torch.bool)
        for row, (numbers, prompt) in enumerate(chosen):
            ids[row, :len(numbers)] = torch.from_numpy(numbers.astype("int64"))
            scored[row, prompt:len(numbers)] = True
        return ids, scored

    def stop(self):
        for worker in self.workers:
            worker.terminate()


def loss_of(model, ids, scored):
    """Mean cross-entropy over the assistant's tokens. Padding lies on the right, where causality hides it."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state  # (B, L, H)
    targets = scored[:, 1:]
    logits = model.lm_head(hidden[:, :-1][targets])  # (N, V)
    return functional.cross_entropy(logits.float(), ids[:, 1:][targets])


def export(folder, model, average, tokenizer):
    from safetensors.torch import save_file
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: average[name].to(torch.bfloat16).contiguous().cpu() for name, _ in model.named_parameters()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    c = model.config
    config = {
        "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": c.bos_token_id,
        "eos_token_id": c.eos_token_id, "head_dim": c.head_dim, "hidden_act": "silu", "hidden_size": c.hidden_size,
        "initializer_range": 0.02, "intermediate_size": c.intermediate_size, "max_position_embeddings": c.max_position_embeddings,
        "mlp_bias": False, "model_type": "llama", "num_attention_heads": c.num_attention_heads,
        "num_hidden_layers": c.num_hidden_layers, "num_key_value_heads": c.num_key_value_heads, "rms_norm_eps": c.rms_norm_eps,
        "rope_scaling": None, "rope_theta": 10000.0, "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_cache": True,
        "vocab_size": c.vocab_size}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(
        {"bos_token_id": c.bos_token_id, "do_sample": True, "eos_token_id": c.eos_token_id, "temperature": 0.7, "top_p": 0.9}, indent=2) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"bos_token": SPECIAL[0], "chat_template": CHAT_TEMPLATE, "clean_up_tokenization_spaces": False, "eos_token": SPECIAL[3],
         "model_max_length": c.max_position_embeddings, "tokenizer_class": "PreTrainedTokenizerFast"}, indent=2) + "\n")
    tokenizer.save(str(folder / "tokenizer.json"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the finished writer")
    parser.add_argument("--minutes", type=float, default=8, help="time for training, waiting for data included")
    parser.add_argument("--checkpoint", type=Path, help="file to save to and go on from (default: OUT.pt)")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--batch-tokens", type=int, default=65536)
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    begin = time.time()
    saved = options.checkpoint or options.out.with_suffix(".pt")
    saved.parent.mkdir(parents=True, exist_ok=True)
    from tokenizers import Tokenizer
    state = torch.load(saved, weights_only=True, map_location="cpu") if saved.exists() else None
    tokenizer = Tokenizer.from_str(state["tokenizer"]) if state else train_tokenizer()
    model = make_model(tokenizer).to(options.device)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.3f} M parameters, {tokenizer.get_vocab_size()} tokens, "
          f"{time.time() - begin:.0f} s to start", flush=True)
    examples = Examples(tokenizer, options.workers, seed=11 + (state["step"] if state else 0))
    decayed = [p for p in model.parameters() if p.dim() > 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05},
                                   {"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0.0}],
                                  lr=0, betas=(0.9, 0.98), fused=options.device == "cuda")
    average = {name: p.detach().clone() for name, p in model.named_parameters()}
    step, spent = 0, 0.0
    if state:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average = {name: value.to(options.device) for name, value in state["average"].items()}
        step, spent = state["step"], state["spent"]
    limit = options.minutes * 60
    noted = kept = time.time()
    recent = None

    def keep():
        partial = saved.with_suffix(".part")
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "average": average, "step": step,
                    "spent": spent + time.time() - begin, "tokenizer": tokenizer.to_str()}, partial)
        os.replace(partial, saved)

    while spent + time.time() - begin < limit:
        done = (spent + time.time() - begin) / limit
        rate = options.rate * min(1, (step + 1) / 200) * max(0.0, min(1.0, (1 - done) / 0.6)) + 1e-6
        for group in optimiser.param_groups:
            group["lr"] = rate
        ids, scored = (t.to(options.device, non_blocking=True) for t in examples.batch(options.batch_tokens))
        with torch.autocast(options.device, dtype=torch.bfloat16, enabled=options.device == "cuda"):
            loss = loss_of(model, ids, scored)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            weight = 1 - min(0.999 if options.device == "cuda" else 0.995, step / (step + 10))
            torch._foreach_lerp_(list(average.values()), [p.detach() for p in model.parameters()], weight)
            recent = loss.detach() if recent is None else torch.lerp(recent, loss.detach(), 0.05)
        if time.time() - noted > 10:
            noted = time.time()
            print(f"{spent + noted - begin:6.0f} s  step {step}  loss {recent.item():.4f}  rate {rate:.2e}  stories {examples.made}", flush=True)
        if time.time() - kept > 60:
            kept = time.time()
            keep()
    keep()
    examples.stop()
    export(options.out, model, average, tokenizer)
    print(f"{options.out}: {step} steps, {examples.made} stories, {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
