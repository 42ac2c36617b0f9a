"""Golden token ids, from the `tokenizers` and `sentencepiece` libraries.

    python src/text/reference.py                # writes src/text/goldens/

Each case is a folder goldens/<case>/ as `zoetrope tokenize` takes it (tokenizer.json, or spiece.model alone)
and a file goldens/<case>.jsonl with one vector a line:

    {"text": ..., "ids": [...], "ids_no_special": [...]}

`ids` is what the library gives with special tokens added, `ids_no_special` without. The vocabularies are
small and trained here on the few sentences below; the layouts are those of Llama 3, Qwen 2, UMT5 and T5, and
variations of every field in them. A vector counts even where the library is odd: it is what models saw.
Needs tokenizers, sentencepiece, regex.
"""

from __future__ import annotations

import base64
import io
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
from sentencepiece import sentencepiece_model_pb2  # noqa: E402
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

HERE = Path(__file__).resolve().parent
GOLDENS = HERE / "goldens"

CORPUS = [
    "A polar bear cub crosses the ice to find its mother.",
    "The red fox runs through the forest at night, and the moon is shining on the snow.",
    "Two sailors are sailing across the sea in a small yellow boat; they're singing.",
    "I can't believe it's already 2026! We'll see 1234567 stars, he said. You've won, haven't you?",
    "the the the and and of of to to in in is is was were with without within walking walked walks",
    "A bird flies over the mountain. The birds fly over the mountains. Flying, flew, flown.",
    "for (int i = 0; i < n; ++i) { sum += values[i]; }  // a loop\n\treturn sum;\n\n",
    "Der kleine Bär läuft über das Eis. Die Möwe fliegt über die Brücke. Straße, Größe, Füße.",
    "L'ours traverse la glace pour retrouver sa mère. À bientôt, garçon! Où êtes-vous? Noël, cœur.",
    "El pequeño oso cruza el hielo. ¿Dónde está la montaña? ¡Mañana será otro día!",
    "Маленький медведь идёт по льду. Море, гора, лес и снег. Ночью светит луна.",
    "Το μικρό αρκουδάκι διασχίζει τον πάγο. Η θάλασσα και το βουνό.",
    "小熊穿过冰面去找妈妈。海上有一条小船。月亮在夜里发光。",
    "小さな熊が氷の上を歩いて母を探します。カモメが飛んでいる。",
    "작은 곰이 얼음을 건너 어머니를 찾아갑니다. 바다와 산과 숲.",
    "الدب الصغير يعبر الجليد ليجد أمه. القمر يضيء في الليل.",
    "הדוב הקטן חוצה את הקרח כדי למצוא את אמו.",
    "छोटा भालू अपनी माँ को खोजने के लिए बर्फ पार करता है।",
    "หมีน้อยข้ามน้ำแข็งเพื่อตามหาแม่",
    "🐻 ❄️ 🌊 👩‍👩‍👧 🏳️‍🌈 👍🏽 🇩🇪 😀😀 — “quoted” ‘single’ … 100% €5 ½ x² № ™",
]

# Text that tokenizers differ over, each for a reason of its own.
STRINGS = [
    "", " ", "  ", "   ", "        ", "\n", "\n\n", "\n\n\n", "\r\n", "\r", "\t", "\t\t", " \n ", "\n  \n", " \t \n\t", "\x0b\x0c",
    "\u00a0", "\u00a0\u00a0a", "\u2003em\u2003space", "\u3000全角", "a\u2028b\u2029c", "\u0085x", "\u200b", "a\u200bb", "\ufeffbom", "\u00adsoft",
    "\x00", "a\x00b", "\x00\x00", "\x01\x02\x1f\x7f", "tab\tin\tside", "trailing ", "trailing  ", "trailing\n", " leading", "   leading", "\nleading",
    "a  b", "a   b", "a    b     c", "a \n b", "a\n\n\nb", "line\nline\n", "x \n\n y", "end.  Next", "a\r\n\r\nb",
    "Hello world", "Hello, world!", "hello HELLO HeLLo", "The bear.", "the bear", " the bear", "bears bearing bear's", "walking walked walker",
    "A polar bear cub crosses the ice to find its mother",
    "I'm you're he'S she'LL we'VE they'D don'T it's", "'s 't 're 've 'm 'll 'd", "'S'T'RE'VE", "o'clock rock'n'roll", "’s it’s", "'ſ 'Kelvin: '\u212a",
    "1", "12", "123", "1234", "12345", "123456", "1234567890", "3.14159", "1,000,000.50", "2026-11-21T08:00:00Z", "0x1F", "v2.5.1", "½ ¼ Ⅷ ② ٣٤٥ १२३ ๑๒", "1a2b3c", "a1b22c333d4444", "²³¹⁰", "1e-5", "10^23",
    "Straße Größe", "äöüÄÖÜß", "naïve café", "nai\u0308ve cafe\u0301", "A\u030a \u212b Å", "e\u0301\u0302", "o\u0308\u0304 n\u0303", "\u1e9b\u0323", "ﬁ ﬂ ﬃ", "ﬁ\u0301x", "Ｆｕｌｌ　ｗｉｄｔｈ １２３", "ｶﾞｷﾞ", "\u1112\u1161\u11ab", "한글", "\uac00\u11a8", "㍿ ㎏ ℃ ™ №",
    "\u0301", " \u0301", "a\u0301\u0301\u0301\u0301\u0301\u0301", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L", "กำ น้ำ", "क्षि त्र ज्ञ", "நி", "\u0915\u093f",
    "小熊穿过冰面", "月亮，太阳。", "東京とニューヨーク", "カタカナひらがな漢字", "안녕하세요 세계", "한국어English混在ไทย", "𠀀𠀁 𝒳 𝕏", "龘靐齉爩",
    "مرحبا بالعالم", "السَّلَامُ", "שלום עולם", "שָׁלוֹם", "mixed עברית and English", "\u200fRTL\u200e", "اب\u200cپ",
    "😀", "😀😀😀", "👩‍👩‍👧", "👨‍👩‍👧‍👦 family", "🏳️‍🌈", "👍🏽👍", "🇩🇪🇫🇷", "❤️", "❤", "☺️☺", "1️⃣2️⃣", "a😀b", "🐻‍❄️ polar", "🫠🪿",
    "!!!", "...", "…", "?!?!", "--", "---", "—–", "***bold***", "(a)[b]{c}<d>", "«guillemets»", "“quotes” ‘single’", "a/b\\c|d", "#hash @at $5 €5 %", "~`^_+=", "a_b_c", "snake_case camelCase", "e.g. i.e. etc.",
    "http://example.com/path?x=1&y=2#z", "user@example.com", "C:\\path\\file.txt", "<html>&amp;&lt;</html>", "{\"json\": [1, 2.5, null]}", "def f(x):\n    return x * 2\n", "int main() {\n\treturn 0;\n}\n", "SELECT * FROM t WHERE a='b';", "x=1;y=2", "<|not_special|>", "<0x41><0xFF>", "▁", "▁▁a", "a▁b", " ▁ ", "Ġ", "ĠaĊ",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ha" * 90, "Donaudampfschifffahrtsgesellschaftskapitän", "pneumonoultramicroscopicsilicovolcanoconiosis", "啊" * 40, "é" * 33, "😀" * 17, " " * 33, "\n" * 9, "1" * 41, "." * 30, "a " * 30,
    "\ud7ff\ue000\ufffd", "\U0010ffff", "\U000e0041", "\ufffe", "\ufdfa", "İstanbul ıI", "ŒœÆæ", "ΑΣ Σίσυφος ς", "Ǆ ǅ ǆ", "ꙮ", "ΐ \u0390",
]


def fuzz(seed: str, count: int, extra: list[str]) -> list[str]:
    """Random mixtures of fragments, among them a case's own special tokens."""
    draw = random.Random(seed)
    words = " ".join(CORPUS).split()
    parts = [lambda: draw.choice(words), lambda: " " * draw.randint(0, 4), lambda: draw.choice(STRINGS)[:12],
             lambda: str(draw.randint(0, 10 ** draw.randint(1, 8))), lambda: draw.choice("\n\t \r.,;:!?'\"-_/"),
             lambda: chr(draw.choice([draw.randint(32, 126), draw.randint(0xA0, 0x24F), draw.randint(0x300, 0x36F),
                                      draw.randint(0x4E00, 0x4EFF), draw.randint(0x1F600, 0x1F64F)])),
             lambda: draw.choice(extra) if extra else " "]
    return ["".join(draw.choice(parts)() for _ in range(draw.randint(2, 14))) for _ in range(count)]


def write_vectors(name: str, encode, extra: list[str], every: int = 1) -> None:
    texts = STRINGS[::every]
    for token in extra:
        texts += [token, f"a{token}b", f"a {token} b", f" {token}  {token}\n", f"{token}{token}", token.upper(), token[:-1]]
    texts += fuzz(name, 60, extra)
    texts = list(dict.fromkeys(texts))
    with open(GOLDENS / f"{name}.jsonl", "w", encoding="utf-8") as file:
        for text in texts:
            line = {"text": text, "ids": encode(text, True), "ids_no_special": encode(text, False)}
            file.write(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(f"{name}: {len(texts)} vectors, {(GOLDENS / f'{name}.jsonl').stat().st_size // 1024} KiB")


def write_case(name: str, description: dict, extra: list[str] = [], every: int = 1) -> None:
    """Stores `description` as tokenizer.json, as given, and what the library makes of it.

    Variations of a case take every second string only.
    """
    folder = GOLDENS / name
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(description, ensure_ascii=False, indent=1), encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    write_vectors(name, lambda text, special: tokenizer.encode(text, add_special_tokens=special).ids, extra, every)


def added(id: int, content: str, special: bool = True, **flags: bool) -> dict:
    return {"id": id, "content": content, "single_word": flags.get("single_word", False),
            "lstrip": flags.get("lstrip", False), "rstrip": flags.get("rstrip", False),
            "normalized": flags.get("normalized", not special), "special": special}


def template(single: list[tuple[str, str]], ids: dict[str, int]) -> dict:
    """TemplateProcessing: `single` is a list of ("A", "") or ("special", token)."""
    def item(kind: str, token: str, type_id: int) -> dict:
        return ({"Sequence": {"id": kind, "type_id": type_id}} if kind in "AB"
                else {"SpecialToken": {"id": token, "type_id": type_id}})

    pair = [item(kind, token, 0) for kind, token in single]
    pair += [item("B" if kind == "A" else kind, token, 1) for kind, token in single]
    return {"type": "TemplateProcessing", "single": [item(kind, token, 0) for kind, token in single], "pair": pair,
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in sorted(ids.items())}}


def whole(version_fields: dict) -> dict:
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": None, **version_fields}


# Byte-level BPE ------------------------------------------------------------------------------------------

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def split(pattern: dict, behavior: str = "Isolated", invert: bool = False) -> dict:
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(*parts: dict) -> dict:
    key = "normalizers" if parts[0]["type"] in ("NFC", "Precompiled", "Replace", "Strip", "Prepend") else "pretokenizers"
    return {"type": "Sequence", key: list(parts)}


def train_bpe(pattern: str, size: int) -> tuple[dict, list]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], model["merges"]


def bpe(vocab: dict, merges: list, **more) -> dict:
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": vocab, "merges": merges, **more}


def byte_level_cases() -> None:
    vocab, merges = train_bpe(LLAMA3, 500)
    size = len(vocab)
    # Words that no chain of merges reaches: with ignore_merges they are found whole, without it never.
    words = ["Ġmountain", "Hello", "Ġworld", "123", "Ġqxz", "mother", "ĉĉ", "ĠĠĠ"]
    wide = {**vocab, **{word: size + i for i, word in enumerate(word for word in words if word not in vocab)}}
    top = len(wide)
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    specials = [added(top + i, name) for i, name in enumerate(names)]
    bos = {"<|begin_of_text|>": top}
    chat = ["<|start_header_id|>user<|end_header_id|>\n\nHi there<|eot_id|>"]
    llama = whole({
        "added_tokens": specials,
        "pre_tokenizer": sequence(split({"Regex": LLAMA3}), BYTE_LEVEL),
        "post_processor": {"type": "Sequence", "processors": [
            {**BYTE_LEVEL, "add_prefix_space": True, "use_regex": True},
            template([("special", "<|begin_of_text|>"), ("A", "")], bos)]},
        "decoder": {**BYTE_LEVEL, "add_prefix_space": True, "use_regex": True},
        "model": bpe(wide, merges, ignore_merges=True)})
    write_case("llama3", llama, names + chat)
    # Merges as one string each (before 0.20), no ignore_merges, a plain template; the extra words stay out of reach.
    old = json.loads(json.dumps(llama))
    old["model"]["merges"] = [" ".join(pair) for pair in merges]
    del old["model"]["ignore_merges"]
    old["post_processor"] = template([("special", "<|begin_of_text|>"), ("A", ""), ("special", "<|eot_id|>")],
                                     {"<|begin_of_text|>": top, "<|eot_id|>": top + 4})
    write_case("llama3_old_merges", old, names[:2], every=2)

    vocab, merges = train_bpe(QWEN2, 450)
    top = len(vocab)
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tools = ["<tool_call>", "</tool_call>"]
    qwen = whole({
        "added_tokens": [added(top + i, name) for i, name in enumerate(names)]
        + [added(top + 3 + i, name, special=False, normalized=False) for i, name in enumerate(tools)],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": sequence(split({"Regex": QWEN2}), BYTE_LEVEL),
        "post_processor": BYTE_LEVEL, "decoder": BYTE_LEVEL,
        "model": bpe(vocab, merges, continuing_subword_prefix="", end_of_word_suffix="")})
    write_case("qwen2", qwen, names + tools + ["<|im_start|>user\nHello<|im_end|>\n"])

    # GPT-2's own expression inside ByteLevel, and a space put in front.
    plain = json.loads(json.dumps(qwen))
    plain.update(normalizer=None, pre_tokenizer={**BYTE_LEVEL, "use_regex": True, "add_prefix_space": True})
    write_case("byte_level_regex_prefix", plain, names[:1], every=2)
    # use_regex and trim_offsets left out: their defaults are true.
    short = json.loads(json.dumps(plain))
    short["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    short["post_processor"] = None
    write_case("byte_level_defaults", short, names[:1], every=2)

    # Every behaviour of Split, with expressions and with plain strings, matched and inverted.
    digits, comma = {"Regex": r"\d+"}, {"String": ","}
    for title, steps in {
        "removed": [split({"Regex": r"\s+"}, "Removed"), split(comma, "Removed")],
        "isolated_invert": [split({"Regex": r"\w+"}, "Isolated", True)],
        "merged_previous": [split({"Regex": r"[.,!?]"}, "MergedWithPrevious")],
        "merged_next": [split({"String": " "}, "MergedWithNext"), split(digits, "Contiguous")],
        "contiguous": [split({"String": " "}, "Contiguous"), split({"Regex": r"\p{Lu}"}, "MergedWithNext")],
        "removed_invert": [split({"Regex": r"[\p{L}\p{N}]+"}, "Removed", True)],
    }.items():
        varied = json.loads(json.dumps(qwen))
        varied["pre_tokenizer"] = sequence(*steps, BYTE_LEVEL)
        varied["added_tokens"] = varied["added_tokens"][:1]
        write_case(f"split_{title}", varied, names[:1], every=2)

    # Added tokens with every flag, behind a normalizer that changes some of them.
    flags = json.loads(json.dumps(qwen))
    flags["normalizer"] = sequence({"type": "NFC"}, {"type": "Replace", "pattern": {"String": "colour"}, "content": "color"},
                                   {"type": "Replace", "pattern": {"Regex": " {3,}"}, "content": "  "})
    flags["added_tokens"] = [
        added(top, "<|endoftext|>"), added(top + 1, "<left>", lstrip=True), added(top + 2, "<right>", rstrip=True),
        added(top + 3, "<both>", lstrip=True, rstrip=True), added(top + 4, "ice", special=False, single_word=True),
        added(top + 5, "cafe\u0301", special=False, normalized=True), added(top + 6, "nai\u0308ve", special=False, normalized=False),
        added(top + 7, "colour", special=False, normalized=True), added(top + 8, "the", special=True, normalized=True),
        added(top + 9, "<word>", special=False, single_word=True, lstrip=True, rstrip=True),
        added(top + 10, "<|end", special=True), added(top + 11, "café au lait", special=False, normalized=True)]
    write_case("added_token_flags", flags,
               ["<|endoftext|>", "<left>", "<right>", "<both>", "ice", "cafe\u0301", "café", "nai\u0308ve", "colour", "color",
                "the", "<word>", "<|end", "café au lait", "icecream nice ice. ice_ ice\u0301", "x  <both>  \n y", "x<word>y x <word> y",
                "the ice, the\tcolour   of<left>  the"])


# Unigram -------------------------------------------------------------------------------------------------

def rules() -> list[tuple[list[int], list[int]]]:
    """A small rewriting table in the manner of nmt_nfkc: what the real one does, on fewer characters."""
    table: dict[tuple, list[int]] = {}

    def put(source: str, target: str) -> None:
        table[tuple(map(ord, source))] = list(map(ord, target))

    for code in range(0xFF01, 0xFF5F):
        put(chr(code), chr(code - 0xFEE0))
    for source, target in {"\u3000": " ", "\u00a0": " ", "\t": " ", "\n": " ", "\r": " ", "\u2003": " ", "\u2028": " ", "\ufb01": "fi",
                           "\ufb02": "fl", "\ufb03": "ffi", "½": "1⁄2", "¼": "1⁄4", "²": "2", "³": "3", "™": "TM", "№": "No", "㎏": "kg", "℃": "°C",
                           "…": "...", "\u212b": "Å", "\u212a": "K", "Ⅷ": "VIII", "②": "2", "㍿": "株式会社", "\u1e9b": "ṡ"}.items():
        put(source, target)
    for gone in ["\u200b", "\ufeff", "\u00ad", *map(chr, range(1, 9)), "\x0b", "\x0c", "\x1f", "\x7f"]:
        put(gone, "")
    import unicodedata
    for base in "aeiounAEIOUNyc":
        for mark in "\u0300\u0301\u0302\u0303\u0308\u0327\u030a":
            joined = unicodedata.normalize("NFC", base + mark)
            if len(joined) == 1:
                put(base + mark, joined)
    put("e\u0301\u0302", "Ế")  # a key of five bytes, beside its prefix of three
    for lead, vowel in [("\u1112", "\u1161"), ("\u1100", "\u1161")]:
        put(lead + vowel, unicodedata.normalize("NFC", lead + vowel))
    return [(list(key), value) for key, value in table.items()]


def train_sentencepiece(folder: Path, **options) -> tuple[bytes, object]:
    tsv = folder / "rules.tsv"
    tsv.write_text("".join(" ".join(f"{c:X}" for c in source) + "\t" + " ".join(f"{c:X}" for c in target) + "\n"
                           for source, target in rules()))
    buffer = io.BytesIO()
    settings = {"vocab_size": 420, "model_type": "unigram", "character_coverage": 0.98, "pad_id": 0, "eos_id": 1, "unk_id": 2,
                "bos_id": -1, "num_threads": 1, "minloglevel": 2, "normalization_rule_tsv": str(tsv), "hard_vocab_limit": False,
                "input_sentence_size": 0, **options}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS * 2), model_writer=buffer, **settings)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(buffer.getvalue())
    # The trainer notes where its rules lay on this disk; no reader needs that.
    for spec in (proto.normalizer_spec, proto.denormalizer_spec):
        spec.ClearField("normalization_rule_tsv")
    proto.trainer_spec.ClearField("input")
    return proto.SerializeToString(deterministic=True), proto


def unigram_cases() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        plain_bytes, plain = train_sentencepiece(Path(scratch))
        bytes_bytes, with_bytes = train_sentencepiece(Path(scratch), byte_fallback=True, vocab_size=640)
    charsmap = {"type": "Precompiled",
                "precompiled_charsmap": base64.b64encode(plain.normalizer_spec.precompiled_charsmap).decode()}

    def model(proto, byte_fallback: bool) -> dict:
        return {"type": "Unigram", "unk_id": 2, "vocab": [[p.piece, p.score] for p in proto.pieces],
                "byte_fallback": byte_fallback}

    count = len(plain.pieces)
    sentinels = [f"<extra_id_{i}>" for i in range(3)]
    specials = [added(0, "<pad>"), added(1, "</s>"), added(2, "<unk>")]
    eos = template([("A", ""), ("special", "</s>")], {"</s>": 1})
    always = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    t5 = whole({
        "added_tokens": specials + [added(count + i, name) for i, name in enumerate(sentinels)],
        "normalizer": charsmap, "pre_tokenizer": sequence({"type": "WhitespaceSplit"}, always),
        "post_processor": eos, "decoder": always, "model": model(plain, False)})
    extra = ["</s>", "<extra_id_0>", "<pad>", "<unk>"]
    write_case("t5_unigram", t5, extra)

    umt5 = json.loads(json.dumps(t5))
    umt5["normalizer"] = sequence(charsmap, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    umt5["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    umt5["model"] = model(with_bytes, True)
    top = len(with_bytes.pieces)
    umt5["added_tokens"] = specials + [added(top + i, name) for i, name in enumerate(sentinels)]
    write_case("umt5_unigram_bytes_old_metaspace", umt5, extra)

    newer = json.loads(json.dumps(umt5))
    newer["normalizer"] = sequence(charsmap, {"type": "Strip", "strip_left": False, "strip_right": True},
                                   {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"})
    newer["pre_tokenizer"] = always
    write_case("umt5_unigram_strip_newer", newer, extra, every=2)

    first = json.loads(json.dumps(t5))
    first["normalizer"] = sequence({"type": "NFC"}, {"type": "Replace", "pattern": {"String": "``"}, "content": "\""})
    first["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    first["model"].pop("byte_fallback")
    first["post_processor"] = None
    write_case("unigram_metaspace_first", first, extra[:2], every=2)
    never = json.loads(json.dumps(t5))
    never["normalizer"] = None
    never["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False, "prepend_scheme": "never",
                              "split": False}
    write_case("unigram_metaspace_never_whole", never, extra[:2], every=2)
    bare = json.loads(json.dumps(t5))
    bare["normalizer"], bare["pre_tokenizer"] = None, {"type": "WhitespaceSplit"}
    write_case("unigram_whitespace_only", bare, extra[:1], every=2)

    for name, data in {"spiece": plain_bytes, "spiece_bytes": bytes_bytes}.items():
        folder = GOLDENS / name
        folder.mkdir()
        (folder / "spiece.model").write_bytes(data)
        processor = sentencepiece.SentencePieceProcessor(model_proto=data)
        write_vectors(name, lambda text, special: processor.encode(text) + ([processor.eos_id()] if special else []), [])


def main() -> None:
    shutil.rmtree(GOLDENS, ignore_errors=True)
    GOLDENS.mkdir()
    byte_level_cases()
    unigram_cases()
    print(f"tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
