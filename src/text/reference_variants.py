"""More golden vectors: unusual stages, decoding, chat prompts and cleaned prompts.

    python src/text/reference_variants.py       # reads src/text/goldens/, writes src/text/variants/

variants/<case>/tokenizer.json with <case>.jsonl: {"text", "ids", "ids_no_special", "decoded", "decoded_no_special"},
from `tokenizers`. variants/chat_<style>/ with chat_<style>.jsonl: {"messages", "ids"}, from `transformers`'
apply_chat_template with the families' public rules. variants/prompts.jsonl: {"text", "clean"}, from Python's html
and re as diffusers' Wan pipeline uses them. Texts are random, from a fixed seed. Needs tokenizers, transformers.
"""

from __future__ import annotations

import copy
import html
import json
import random
import re
import shutil
import sys
import unicodedata
from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
OUT = HERE / "variants"
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}

GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
POSSESSIVE = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

BLANKS = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2009\u2028\u2029\u202f\u205f\u3000\u180e\u200b\ufeff"
ATOMS = [
    "Hello", "hello", " the", " cat", "'s", "'S", "'LL", "don't", "I'm", "123", "4567890", "ab", "abc", "a", "b",
    "x", "y", "z", "\n", "\r\n", "\n\n", "  ", "   ", " ", "\t", "<|im_start|>", "<|im_end|>", "</s>", "<pad>",
    "<unk>", "<a>", "<a>b", "<b>", "``", "é", "e\u0301", "ﬁ", "ﬁ\u0301", "①", "Ⅷ", "½", "²", "中文", "日本語",
    "한국어", "\u1112\u1161\u11ab", "👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "ß", "ſ", "K", "İ", "ı", "Ǆ", "क्ष", "ก็",
    "﷽", "...", "!?", "--", "_", "▁", "▁▁", "<0x41>", "ﾊﾟ", "a\u0301\u0323b", "\u0323\u0301", "\r", " \n ",
    "The quick brown fox", "x" * 30, "0" * 10, "\U0001e08f", "\u0898", "\U00011938", "\ua7f2",
]  # fmt: skip


def random_text(rng: random.Random, by_category: dict[str, list[int]]) -> str:
    out = []
    for _ in range(rng.randint(0, 14)):
        kind = rng.random()
        if kind < 0.55:
            out.append(rng.choice(ATOMS))
        elif kind < 0.65:
            out.append(rng.choice(BLANKS) * rng.randint(1, 3))
        elif kind < 0.8:
            out.append(chr(rng.choice(by_category[rng.choice(sorted(by_category))])))
        elif kind < 0.9:
            out.append("".join(chr(rng.randint(32, 126)) for _ in range(rng.randint(1, 8))))
        elif kind < 0.95:
            out.append(chr(rng.randint(0xA0, 0x2FFF)))
        else:
            out.append(chr(rng.choice(by_category["Mn"])) * rng.randint(1, 3))
    return "".join(out)


def categories() -> dict[str, list[int]]:
    out: dict[str, list[int]] = {}
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000:
            out.setdefault(unicodedata.category(chr(code)), []).append(code)
    return out


def base(case: str) -> dict:
    return json.loads((HERE / "goldens" / case / "tokenizer.json").read_text())


def split(pattern: str, behavior: str = "Isolated") -> dict:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}


def byte_level(*stages: dict, normalizer: dict | None = None) -> dict:
    out = base("qwen2")
    out["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*stages, BYTES]}
    if normalizer:
        out["normalizer"] = normalizer
    return out


def metaspace_bpe(normalizer: dict | None, pre_tokenizer: dict | None, **model) -> dict:
    """Llama 2 and Phi 3: BPE over characters with bytes to fall back on."""
    vocab: dict[str, int] = {}
    for token, _ in base("umt5_unigram_bytes_old_metaspace")["model"]["vocab"]:
        vocab.setdefault(token, len(vocab))
    merges = [[t[:i], t[i:]] for t in vocab for i in range(1, len(t)) if t[:i] in vocab and t[i:] in vocab]
    random.Random(1).shuffle(merges)
    special = [
        {"id": vocab[t], "content": t, "single_word": False, "lstrip": False, "rstrip": t != "<pad>",
         "normalized": False, "special": True}
        for t in ("<pad>", "</s>", "<unk>")
    ]  # fmt: skip
    decoders = [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]
    fields = {
        "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
        "fuse_unk": True, "byte_fallback": True, "vocab": vocab, "merges": merges,
    }  # fmt: skip
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": decoders}, "model": {"type": "BPE", **fields, **model},
    }  # fmt: skip


def added(content: str, number: int, flags: str, special: bool) -> dict:
    """flags: w single_word, l lstrip, r rstrip, n normalized."""
    return {
        "id": number, "content": content, "single_word": "w" in flags, "lstrip": "l" in flags,
        "rstrip": "r" in flags, "normalized": "n" in flags, "special": special,
    }  # fmt: skip


def added_tokens_case() -> dict:
    out = base("qwen2")
    first = len(out["model"]["vocab"])
    rows = [("<a>", "l", True), ("<a>b", "r", False), ("Hello", "wn", False), ("héllo", "rn", False),
            ("\n", "lr", False), ("  ", "r", False), ("<b>", "wlr", True), ("ab", "rn", True), ("abc", "w", False),
            ("é", "ln", False)]  # fmt: skip
    out["added_tokens"] = [added(c, first + i, f, s) for i, (c, f, s) in enumerate(rows)]
    out["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]}
    return out


def word_suffix_case() -> dict:
    """CLIP's way: the last character of a word carries a suffix."""
    out = base("byte_level_defaults")
    model = out["model"]
    vocab: dict[str, int] = {t: i for i, t in enumerate(model["vocab"])}
    for token in list(vocab):
        vocab.setdefault(token + "</w>", len(vocab))
    merges = []
    for merge in model["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        merges += [[left, right], [left, right + "</w>"]]
    model.update(vocab=vocab, merges=merges, end_of_word_suffix="</w>", unk_token=None)
    out["added_tokens"] = []
    out["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ],
    }
    return out


def cases() -> dict[str, dict]:
    first = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    letters = {"type": "Sequence", "pretokenizers": [split("[A-Z]|b"), first]}
    charsmap = base("umt5_unigram_bytes_old_metaspace")["normalizer"]["normalizers"][0]
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    whole_first = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    return {
        "gpt4o_pattern": byte_level(split(GPT4O)),
        "possessive_pattern": byte_level(split(POSSESSIVE)),
        "deepseek_patterns": byte_level(split(r"\p{N}{1,3}"), split(r"[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK)),
        "word_edges": byte_level(split(r"\b\w+\b|\W"), split(r"\h{2}", "MergedWithPrevious")),
        "line_edges": byte_level(
            split(r"^\s+|\s+$|[^\S\n]+", "MergedWithNext"),
            split(r"(?m:a.b)|\d|\S{3}", "Contiguous"),
            split(r"(?<=x)y|[\s\d]{2,}|\p{^L}\p{P}"),
        ),
        "empty_matches": byte_level(
            split("x*", "MergedWithPrevious"), split("(?=[A-Z])"), split("y*", "MergedWithNext"), split("z*", "Contiguous")
        ),
        "character_kinds": byte_level(
            {"type": "Digits", "individual_digits": False}, {"type": "Punctuation"}, {"type": "Whitespace"}
        ),
        "nfkc": byte_level(split(GPT4O), normalizer={"type": "NFKC"}),
        "no_accents": byte_level(
            split(GPT4O),
            normalizer={
                "type": "Sequence",
                "normalizers": [{"type": "NFD"}, {"type": "StripAccents"},
                                {"type": "Strip", "strip_left": True, "strip_right": True}],
            },
        ),
        "added_tokens": added_tokens_case(),
        "word_suffix": word_suffix_case(),
        "llama2": metaspace_bpe({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, spaces]}, None),
        "llama2_first": metaspace_bpe(None, whole_first),
        "llama2_without_bytes": metaspace_bpe(None, first, byte_fallback=False, fuse_unk=False),
        "first_after_charsmap": metaspace_bpe(charsmap, letters),
        "first_after_replace": metaspace_bpe(
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}, letters
        ),
    }  # fmt: skip


LLAMA3 = (
    "{% for m in messages %}{% set c = '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim"
    " + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set c = bos_token + c %}{% endif %}{{ c }}{% endfor %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
LLAMA31 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set s = messages[0]['content'] | trim %}"
    "{% set messages = messages[1:] %}{% else %}{% set s = '' %}{% endif %}"
    "{{ '<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n'"
    " + s + '<|eot_id|>' }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' +"
    " m['content'] | trim + '<|eot_id|>' }}{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{{ '<|im_start|>assistant\n' }}"
)
PHI3 = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{{ '<|assistant|>\n' }}"
)
PHI4 = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '<|im_sep|>' + m['content'] + '<|im_end|>' }}{% endfor %}"
    "{{ '<|im_start|>assistant<|im_sep|>' }}"
)


def chat_cases() -> dict[str, tuple[dict, str, str | None]]:
    def with_tokens(tokenizer: dict, tokens: list[str], flags: str = "") -> dict:
        known = {t["content"] for t in tokenizer["added_tokens"]} | set(tokenizer["model"]["vocab"])
        number = len(set(tokenizer["model"]["vocab"]) | {t["content"] for t in tokenizer["added_tokens"]})
        for token in tokens:
            if token not in known:
                tokenizer["added_tokens"].append(added(token, number, flags, True))
                number += 1
        return tokenizer

    llama = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    plain3 = base("llama3")
    renamed = copy.deepcopy(plain3)
    for token in plain3["added_tokens"]:
        if token["content"] in ("<|eom_id|>", "<|python_tag|>"):
            token["content"] = f"<|reserved_{token['id']}|>"
    phi3 = metaspace_bpe(cases()["llama2"]["normalizer"], None)
    return {
        "chat_llama3": (with_tokens(plain3, llama), LLAMA3, "<|begin_of_text|>"),
        "chat_llama3_1": (with_tokens(renamed, [*llama, "<|eom_id|>"]), LLAMA31, "<|begin_of_text|>"),
        "chat_chatml": (with_tokens(base("qwen2"), ["<|im_start|>", "<|im_end|>"]), CHATML, None),
        "chat_phi4": (with_tokens(base("qwen2"), ["<|im_start|>", "<|im_sep|>", "<|im_end|>"]), PHI4, None),
        "chat_phi3": (with_tokens(phi3, ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"], "r"), PHI3, None),
    }


CONVERSATIONS = [
    [("user", "Hello")],
    [("system", "You write stories."), ("user", "A polar bear cub crosses the ice.")],
    [("system", "  Be brief.\n"), ("user", "\n Why?  \n\n"), ("assistant", " Because. "), ("user", "1234567 ½ é 中文")],
    [("user", ""), ("assistant", ""), ("user", "   ")],
    [("system", "x"), ("user", "line one\nline two\n"), ("assistant", "👍🏽 ok"), ("user", "e\u0301 < | > im_start")],
]

PROMPTS = [
    "", " ", "a  b\t\nc", "&amp;", "&amp;lt;b&amp;gt;", "&ampamp;", "&notit;", "&notin;", "&lt &gt", "&#65;&#x41;&#X41",
    "&#0;&#128;&#x9f;&#xD800;&#x110000;&#1;&#xFFFE;", "&#;&#x;&;& &a;&unknown;", "&CounterClockwiseContourIntegral;",
    "&NotEqualTilde;", "&#99999999999999999999;", "\x1c a \x1f", "\u00a0a\u3000b\u200b", "&nbsp;a&nbsp;&nbsp;b&emsp;",
    "&copy2026 &copycat; &COPY", "caf&eacute &Eacute;", "&amp;amp;amp;", "x&y=1&sect=2", "&" * 40, "&abcdefghijklmnopqrstuvwxyzabcdefghij;",
    "&lt\u00e9;", "&\u00e9;", "&#65\u00e9", "a&quot;b&apos;c", "&hellip;&mdash;", "&acE;", "&fjlig;",
]  # fmt: skip


def clean(text: str) -> str:
    text = html.unescape(html.unescape(text)).strip()
    return re.sub(r"\s+", " ", text).strip()


def random_prompt(rng: random.Random) -> str:
    names = sorted(html.entities.html5)
    out = []
    for _ in range(rng.randint(1, 10)):
        kind = rng.random()
        if kind < 0.4:
            out.append("&" + rng.choice(names)[: rng.choice([2, 4, 40, 40])])
        elif kind < 0.55:
            out.append(f"&#{rng.randint(0, 300)}" + rng.choice([";", ""]))
        elif kind < 0.65:
            out.append(f"&#x{rng.randint(0, 0x120000):x}" + rng.choice([";", ""]))
        elif kind < 0.8:
            out.append(rng.choice(BLANKS))
        else:
            out.append(rng.choice(ATOMS))
    return "".join(out)


def write_lines(name: str, rows: list[dict]) -> None:
    with open(OUT / f"{name}.jsonl", "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_tokenizer(name: str, content: dict) -> str:
    (OUT / name).mkdir(parents=True)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    (OUT / name / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
    return text


def main() -> int:
    import html.entities  # noqa: F401  (the table of names)

    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    rng, by_category = random.Random(20261121), categories()
    for name, content in cases().items():
        tokenizer = Tokenizer.from_str(write_tokenizer(name, content))
        rows = []
        for text in [random_text(rng, by_category) for _ in range(60)]:
            ids = tokenizer.encode(text).ids
            rows.append(
                {
                    "text": text,
                    "ids": ids,
                    "ids_no_special": tokenizer.encode(text, add_special_tokens=False).ids,
                    "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                    "decoded_no_special": tokenizer.decode(ids, skip_special_tokens=True),
                }
            )
        write_lines(name, rows)
    for name, (content, template, bos) in chat_cases().items():
        write_tokenizer(name, content)
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(OUT / name / "tokenizer.json"), bos_token=bos)
        tokenizer.chat_template = template
        rows = []
        for talk in CONVERSATIONS:
            messages = [{"role": role, "content": content} for role, content in talk]
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            rows.append({"messages": messages, "ids": tokenizer.encode(text, add_special_tokens=False)})
        write_lines(name, rows)
    prompts = PROMPTS + [random_prompt(rng) for _ in range(600)]
    write_lines("prompts", [{"text": text, "clean": clean(text)} for text in prompts])
    return 0


if __name__ == "__main__":
    sys.exit(main())
