#!/usr/bin/env python3
"""Bad input, end to end: every case must end with its exit code and one clear message, quickly, and leave nothing behind.

    tests/bad_input.py PROGRAM [PART OF A CASE'S NAME]

For each: the exit code, a message of 1 to 4,000 characters on standard error with no control character in it, under five
seconds, the words that the message has to have, nothing on standard output, and no file that was not there before.
"""
import json
import pathlib
import re
import sys
import tempfile

from program import HAS_DEMO, ROOT, Run, copy_tree, read_safetensors, safetensors_bytes, snapshot

CASES = []


def case(function):
    """Registers a generator of cases: it gets a fresh folder and yields dicts for `check`."""
    CASES.append(function)
    return function


def bad(name, arguments, code, words=(), may_leave=None, **options):
    codes = code if isinstance(code, tuple) else (code,)
    return {"name": name, "arguments": [a if isinstance(a, bytes) else str(a) for a in arguments], "codes": codes,
            "words": words, "may_leave": may_leave, "options": options}


def check(program, folder, one):
    """The list of what is wrong with how the program took this case."""
    before = snapshot(folder)
    run = Run(program, one["arguments"], timeout=20, cwd=folder, **one["options"])
    wrong = []
    if run.code not in one["codes"]:
        wrong.append(f"exit code {run.code}, expected {' or '.join(map(str, one['codes']))}")
    if not 10 <= len(run.message.strip()) < 4000:
        wrong.append(f"a message of {len(run.message)} characters")
    if any(letter < " " and letter != "\n" or "\x7f" <= letter < "\xa0" for letter in run.message):
        wrong.append("control characters in the message")
    if run.seconds > 5:
        wrong.append(f"{run.seconds:.1f} s")
    for word in one["words"]:
        if word.lower() not in run.message.lower():
            wrong.append(f"the message does not have {word!r}")
    if run.out:
        wrong.append("something on standard output")
    after = snapshot(folder)
    left = sorted(n for n in after.keys() | before.keys() if after.get(n, 0) != before.get(n, 0))
    left = [n for n in left if not (one["may_leave"] and re.fullmatch(one["may_leave"], n))]
    if left:
        wrong.append(f"left behind: {', '.join(left[:5])}")
    if wrong:
        wrong.append("it said: " + run.message.strip()[:600])
    return wrong


@case
def usage(folder):
    yield bad("no such command", ["paint"], 2)
    yield bad("no such option", ["make", "a bear", "--colour", "red"], 2, ["colour"])
    yield bad("forward without files", ["forward"], 2)
    for option, values in {
        "--size": ["0x0", "32", "-16x16", "axb", "99999999999999999999x16"],
        "--frames": ["8", "0", "-3", "4.5", "1e9", "9999999999999"],
        "--steps": ["0", "-1", "x"],
        "--guidance": ["nan", "inf", "five"],
        "--threads": ["-1", "x"],
        "--seed": ["x", "1.5", "-1", "99999999999999999999"],
        "--budget": ["much", "-1"],
        "--shots": ["0", "-1", "99999"],
        "--fps": ["0", "-2", "nan"],
    }.items():
        for value in values:
            yield bad(f"make {option} {value}", ["make", "a bear", "--out", "out", f"{option}={value}"], 2, [option.strip("-")])


@case
def ideas(folder):
    out = ["--out", "out"]
    yield bad("empty idea", ["make", "", *out], (2, 3), ["idea"])
    yield bad("blank idea", ["make", " \n\t ", *out], (2, 3), ["idea"])
    yield bad("100 kB of idea", ["make", "bear " * 20480, *out], (2, 3), ["idea"])
    yield bad("idea that is not UTF-8", ["make", b"a \xff\xfe bear", *out], (2, 3), ["UTF-8"])
    yield bad("idea with an overlong form", ["make", b"a \xc0\xaf bear", *out], (2, 3), ["UTF-8"])


def golden(folder, model, name, weights="model.safetensors"):
    """A copy of a golden's folder to spoil: (folder, input file, weight file, the header and data of the weights)."""
    source = ROOT / "models" / model / "goldens" / name
    target = copy_tree(source, pathlib.Path(folder) / f"{model}_{name}")
    header, data = read_safetensors(target / weights)
    return target, target / "in.safetensors", target / weights, header, data


def largest(header):
    return max((n for n in header if n != "__metadata__"), key=lambda n: header[n]["data_offsets"][1] - header[n]["data_offsets"][0])


def spoiled_files(header, data):
    """(name, the bytes of a weight file, words of the message): one lie each, the rest as it was."""
    whole = safetensors_bytes(header, data)
    name = largest(header)

    def changed(**fields):
        return safetensors_bytes({**header, name: {**header[name], **fields}}, data)

    begin, end = header[name]["data_offsets"]
    shape = header[name]["shape"]
    for size in (0, 3, 7, 8, 100, len(whole) // 2, len(whole) - 2):
        yield f"cut at {size} bytes", whole[:size], []
    yield "two bytes more", whole + b"xx", []
    for declared in (0, 1, 100_000_001, len(whole) * 2, 2**63, 2**64 - 8, 2**64 - 1):
        yield f"header length {declared}", safetensors_bytes(header, data, declared), []
    yield "header is no JSON", safetensors_bytes(b"not json at all ", data), []
    yield "header is a list", safetensors_bytes(b"[]", data), []
    yield "header is not UTF-8", safetensors_bytes(b'{"\xff\xfe":{}}', data), []
    yield "header nested 100,000 deep", safetensors_bytes(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, data), []
    yield "unknown dtype", changed(dtype="F7"), [name]
    yield "dtype in lower case", changed(dtype="f32"), [name]
    yield "shape that overflows", changed(shape=[2**32, 2**32, 4]), [name]
    yield "negative dimension", changed(shape=[-shape[0], *shape[1:]]), [name]
    yield "65,536 dimensions", changed(shape=[1] * 65_536), []
    yield "dimension as text", changed(shape=["4", *shape[1:]]), [name]
    yield "offsets turned round", changed(data_offsets=[end, begin]), [name]
    yield "offset past the end", changed(data_offsets=[begin, end + 2**40]), [name]
    yield "negative offset", changed(data_offsets=[-8, end]), [name]
    yield "overlapping tensors", changed(data_offsets=[begin - 4 if begin else begin + 4, end - 4 if begin else end + 4]), [name]
    twice = json.dumps(header)[:-1] + ", " + json.dumps({name: header[name]})[1:]
    yield "one name twice", safetensors_bytes(twice.encode(), data), [name]
    missing = {n: t for n, t in header.items() if n != name}
    yield "a hole where a tensor was", safetensors_bytes(missing, data), []
    renamed = {("wrong.name" if n == name else n): t for n, t in header.items()}
    yield "misnamed tensor", safetensors_bytes(renamed, data), [name, "wrong.name"]
    hostile = {("evil\x1b[2J\r\nname" if n == name else n): t for n, t in header.items()}
    yield "control characters in a name", safetensors_bytes(hostile, data), ["evil"]
    turned = [shape[1], shape[0], *shape[2:]] if len(shape) > 1 and shape[0] != shape[1] else [1, *shape]
    yield "misshapen tensor", changed(shape=turned), [name]
    many = {**header, **{f"extra.{i:05d}.{'x' * 200}": {"dtype": "F32", "shape": [0], "data_offsets": [len(data)] * 2}
                         for i in range(3000)}}
    yield "3,000 unexpected tensors", safetensors_bytes(many, data), ["extra.0"]


@case
def weights(folder):
    for model, name, file in (("llama", "gqa_head_dim_llama3_v5", "model.safetensors"), ("umt5", "masks", "model.safetensors")):
        target, given, weight_file, header, data = golden(folder, model, name, file)
        for what, blob, words in spoiled_files(header, data):
            weight_file.write_bytes(blob)
            yield bad(f"{model} weights: {what}", ["forward", target, given, "out.safetensors"], 3, [weight_file.name, *words])
        weight_file.unlink()
        yield bad(f"{model}: no weights", ["forward", target, given, "out.safetensors"], 3, [str(target.name)])
        weight_file.mkdir()
        yield bad(f"{model}: a folder as weights", ["forward", target, given, "out.safetensors"], 3, [str(target.name)])


@case
def configs(folder):
    target, given, _, _, _ = golden(folder, "llama", "gqa_head_dim_llama3_v5")
    config_file = target / "config.json"
    config = json.loads(config_file.read_text())
    arguments = ["forward", target, given, "out.safetensors"]
    for field, values in {
        "hidden_size": [0, -1, 43, 2**40, 1.5, "42", None, [42]],
        "num_hidden_layers": [0, 2, 4, 2**31, -3],
        "num_attention_heads": [0, 5, 7],
        "num_key_value_heads": [0, 4, 6],
        "intermediate_size": [0, 57],
        "vocab_size": [0, 96, 98, 2**50],
        "rms_norm_eps": ["x", -1],
        "hidden_act": ["tanhish"],
        "model_type": [3],
        "architectures": [["UnheardOf"], 3],
        "rope_parameters": [{"rope_type": "unheard_of", "rope_theta": 1000.0}, 3],
        "tie_word_embeddings": ["yes"],
    }.items():
        for value in values:
            # A model is known by its type or by its architecture: both have to be wrong.
            other = {"model_type": "unheard_of"} if field == "architectures" else {}
            config_file.write_text(json.dumps({**config, **other, field: value}))
            yield bad(f"config {field} = {json.dumps(value)[:40]}", arguments, 3)
    config_file.write_text(json.dumps({**config, "rope_theta": 5.0}))
    yield bad("config: two spellings that disagree", arguments, 3, ["rope_theta"])
    for what, text in {"empty": "", "cut": config_file.read_text()[:50], "a list": "[]", "deep": "[" * 100_000,
                       "a field twice": '{"model_type": "llama", "model_type": "llama"}'}.items():
        config_file.write_text(text)
        yield bad(f"config: {what}", arguments, 3, ["config.json"])
    # Within its bounds, but too large once multiplied.
    for model, name, fields in (("wan_vae", "wan22_decode_f9", {"base_dim": 2**24}),
                                ("wan", "t2v", {"attention_head_dim": 2**24, "num_attention_heads": 2**24}),
                                ("umt5", "no_mask", {"d_kv": 2**24, "num_heads": 2**24})):
        large = copy_tree(ROOT / "models" / model / "goldens" / name, pathlib.Path(folder) / model)
        (large / "config.json").write_text(json.dumps({**json.loads((large / "config.json").read_text()), **fields}))
        yield bad(f"config of {model}: {fields}", ["forward", large, large / "in.safetensors", "out.safetensors"], 3,
                  ["config.json"])
    config_file.unlink()
    yield bad("no config", arguments, 3, ["config.json"])
    yield bad("no folder", ["forward", "absent", given, "out.safetensors"], 3, ["absent"])


@case
def forward_inputs(folder):
    target, given, _, _, _ = golden(folder, "llama", "gqa_head_dim_llama3_v5")
    header, data = read_safetensors(given)
    ids = header["input_ids"]
    arguments = ["forward", target, "in.safetensors", "out.safetensors"]
    file = pathlib.Path(folder) / "in.safetensors"

    def given_is(header, data):
        file.write_bytes(safetensors_bytes(header, data))

    yield bad("no input file", ["forward", target, "absent.safetensors", "out.safetensors"], 3, ["absent.safetensors"])
    given_is({"other": ids}, data)
    yield bad("input misnamed", arguments, 3, ["input_ids"])
    given_is({"input_ids": {**ids, "dtype": "F32", "data_offsets": [0, len(data) // 2]}}, data[:len(data) // 2])
    yield bad("ids as floats", arguments, 3, ["input_ids"])
    given_is({"input_ids": {**ids, "shape": [ids["shape"][0] * ids["shape"][1]]}}, data)
    yield bad("ids without a batch", arguments, 3, ["input_ids"])
    given_is({"input_ids": ids}, (97).to_bytes(8, "little") + data[8:])
    yield bad("an id beyond the vocabulary", arguments, 3, ["input_ids", "97"])
    given_is({"input_ids": ids}, b"\xff" * 8 + data[8:])
    yield bad("a negative id", arguments, 3, ["input_ids"])
    given_is({"input_ids": {"dtype": "I64", "shape": [1, 0], "data_offsets": [0, 0]}}, b"")
    yield bad("no ids", arguments, 3, ["input_ids"])
    file.write_bytes(pathlib.Path(given).read_bytes()[:-3])
    yield bad("input cut", arguments, 3, ["in.safetensors"])
    file.unlink()
    yield bad("output below a file", ["forward", target, given, "here.txt/out.safetensors"], 3, ["here.txt"])
    yield bad("output in no folder", ["forward", target, given, "absent/out.safetensors"], 3, ["absent"])
    yield bad("full disk", ["forward", target, given, "out.safetensors"], 3, ["out.safetensors"], file_size_limit=512)
    yield bad("prefill longer than the text", ["forward", target, given, "out.safetensors", "--prefill", 10**6], (2, 3), ["prefill"])
    yield bad("an unknown type", ["forward", target, given, "out.safetensors", "--dtype", "f8"], 2, ["dtype"])
    yield bad("an unknown device", ["forward", target, given, "out.safetensors", "--device", "toaster"], (2, 5), ["toaster"])


@case
def tokenizers(folder):
    source = ROOT / "tests/data/pipelines/t2v/tokenizer"
    target = copy_tree(source, pathlib.Path(folder) / "tokenizer")
    file = target / "tokenizer.json"
    good = json.loads(file.read_text())
    arguments = ["tokenize", target]

    def changed(**fields):
        file.write_text(json.dumps({**good, **fields}))

    def with_model(**fields):
        changed(model={**good["model"], **fields})

    for what, text in {"empty": "", "cut": json.dumps(good)[:1000], "a list": "[]", "deep": "[" * 100_000, "null": "null"}.items():
        file.write_text(text)
        yield bad(f"tokenizer: {what}", arguments, 3, ["tokenizer.json"])
    for part in ("normalizer", "pre_tokenizer", "post_processor", "model"):
        changed(**{part: {"type": "Unheard"}})
        yield bad(f"tokenizer: unknown {part}", arguments, 3, ["Unheard"])
    added = good.get("added_tokens") or [{"id": 0, "content": "<x>", "special": True}]
    for identity in (2**31, -1, 2**63, 10**9, "7", 1.5):
        changed(added_tokens=[*added, {**added[0], "content": "<planted>", "id": identity}])
        yield bad(f"tokenizer: added token with id {identity}", arguments, 3, ["tokenizer.json"])
    changed(added_tokens=[*added, {**added[0], "content": "", "id": added[0]["id"]}])
    yield bad("tokenizer: added token without text", arguments, 3, ["tokenizer.json"])
    with_model(vocab=7)
    yield bad("tokenizer: vocabulary is a number", arguments, 3, ["vocab"])
    if isinstance(good["model"]["vocab"], list):
        with_model(vocab=[*good["model"]["vocab"], ["planted", "x"]])
        yield bad("tokenizer: score is text", arguments, 3, ["tokenizer.json"])
        with_model(unk_id=10**9)
        yield bad("tokenizer: unk_id beyond the vocabulary", arguments, 3, ["unk_id"])
    file.unlink()
    yield bad("no tokenizer", arguments, 3, ["tokenizer"])
    yield bad("no tokenizer folder", ["tokenize", "absent"], 3, ["absent"])
    file.write_text(json.dumps(good))
    lines = pathlib.Path(folder) / "lines.txt"
    for what, line in {"no JSON": b"plain words\n", "a number": b"7\n", "not UTF-8": b'"\xff"\n'}.items():
        lines.write_bytes(line)
        yield bad(f"tokenize a line that is {what}", arguments, (2, 3), ["line"], stdin=open(lines, "rb"))


@case
def storyboards(folder):
    shot = {"prompt": "a bear walks", "negative_prompt": "", "narration": "A bear walks.", "seconds": 2}
    good = {"title": "Bear", "shots": [shot] * 3}
    file = pathlib.Path(folder) / "story.json"
    spoiled = {
        "empty": "", "cut": json.dumps(good)[:40], "a list": "[]", "deep": "[" * 100_000, "not UTF-8": b'{"title": "\xff"}',
        "title is a number": {**good, "title": 7},
        "no shots": {**good, "shots": []}, "one shot is text": {**good, "shots": [shot, shot, "x"]},
        "1,000 shots": {**good, "shots": [shot] * 1000},
        "no prompt": {**good, "shots": [shot, shot, {k: v for k, v in shot.items() if k != "prompt"}]},
        "empty prompt": {**good, "shots": [shot, shot, {**shot, "prompt": " "}]},
        "seconds below zero": {**good, "shots": [shot, shot, {**shot, "seconds": -1}]},
        "seconds as text": {**good, "shots": [shot, shot, {**shot, "seconds": "two"}]},
        "a year of seconds": {**good, "shots": [shot, shot, {**shot, "seconds": 3e7}]},
        "prompt of 1 MB": {**good, "shots": [shot, shot, {**shot, "prompt": "bear " * 200_000}]},
        "an unknown field": {**good, "shots": [shot, shot, {**shot, "evil\x1b[2J": 1}]},
    }
    for what, text in spoiled.items():
        file.write_bytes(text if isinstance(text, bytes) else (text if isinstance(text, str) else json.dumps(text)).encode())
        yield bad(f"storyboard: {what}", ["storyboard", "check", "story.json"], 3, ["story.json"])
    yield bad("storyboard: make from a bad one", ["make", "--storyboard", "story.json", "--out", "out"], 3, ["story.json"])
    file.unlink()
    yield bad("storyboard: no file", ["storyboard", "check", "story.json"], 3, ["story.json"])


CLIP = ["--prompt", "a red bear walks", "--size", "16x16", "--frames", "5", "--steps", "1", "-o", "out.mp4"]


def clip(model, *more, without=()):
    """A clip that would succeed from an unspoiled folder, with more arguments or without some."""
    arguments = list(CLIP)
    for option in without:
        at = arguments.index(option)
        del arguments[at:at + 2]
    return ["clip", "--model", str(model), *arguments, *more]


@case
def clips(folder):
    t2v = copy_tree(ROOT / "tests/data/pipelines/t2v", pathlib.Path(folder) / "t2v")
    yield bad("clip: frames not 4n+1", clip(t2v, "--frames", "6", without=["--frames"]), 2, ["frames"])
    yield bad("clip: frames below one", clip(t2v, "--frames", "0", without=["--frames"]), 2, ["frames"])
    yield bad("clip: a size that does not divide", clip(t2v, "--size", "17x16", without=["--size"]), (2, 3), ["size"])
    yield bad("clip: no prompt", clip(t2v, without=["--prompt"]), 2, ["prompt"])
    yield bad("clip: unknown sampler", clip(t2v, "--sampler", "magic"), 2, ["sampler"])
    yield bad("clip: boundary of 7", clip(t2v, "--boundary", "7"), 2, ["boundary"])
    yield bad("clip: prompt that is not UTF-8", clip(t2v, "--prompt", b"\xff\xfe", without=["--prompt"]), (2, 3), ["UTF-8"])
    yield bad("clip: does not fit", clip(t2v, "--budget", "1KiB"), 4, ["budget"])
    yield bad("clip: no model", clip("absent"), 3, ["absent"])
    yield bad("clip: usage before the model", clip("absent", "--frames", "6", without=["--frames"]), 2, ["frames"])
    yield bad("clip: output below a file", clip(t2v, "-o", "here.txt/out.mp4", without=["-o"]), 3, ["here.txt"])
    yield bad("clip: full disk", clip(t2v), 3, ["out.mp4"], file_size_limit=400)
    yield bad("clip: a picture for text to video", clip(t2v, "--image", ROOT / "tests/data/pipelines/t2v/picture.png"), (2, 3), ["image"])
    for what, blob in {"empty": b"", "text": b"<svg onload=alert(1)>", "cut": (t2v / "picture.png").read_bytes()[:200]}.items():
        picture = pathlib.Path(folder) / "picture.png"
        picture.write_bytes(blob)
        ti2v = ROOT / "tests/data/pipelines/i2v"
        yield bad(f"clip: picture that is {what}", clip(ti2v, "--image", picture), 3, ["picture.png"])
        picture.unlink()
    yield bad("clip: image to video without a picture", clip(ROOT / "tests/data/pipelines/i2v"), (2, 3), ["image"])
    noise, data = read_safetensors(t2v / "noise.safetensors")
    latents = pathlib.Path(folder) / "latents.safetensors"
    latents.write_bytes(safetensors_bytes({"latents": {**noise["latents"], "shape": [1, 1, 1, 1, len(data) // 4]}}, data))
    yield bad("clip: latents of another shape", clip(t2v, "--latents", latents), 3, ["latents"])
    latents.write_bytes(safetensors_bytes({"latents": noise["latents"]}, b"\x00\x00\xc0\x7f" * (len(data) // 4)))
    yield bad("clip: latents that are not finite", clip(t2v, "--latents", latents), 3, ["latents"])
    latents.unlink()
    for part, field, value in (("transformer", "in_channels", 7), ("transformer", "num_layers", 9), ("vae", "z_dim", 3),
                               ("text_encoder", "d_model", 5), ("scheduler", "_class_name", "Unheard")):
        file = next((t2v / part).glob("*config.json"))
        good = file.read_text()
        file.write_text(json.dumps({**json.loads(good), field: value}))
        yield bad(f"clip: {part} with {field} = {value}", clip(t2v, "--budget", "1KiB"), 3, [part])
        file.write_text(good)
    index = t2v / "model_index.json"
    good = index.read_text()
    for what, text in {"empty": "", "a list": "[]", "boundary as text": json.dumps({**json.loads(good), "boundary_ratio": "x"})}.items():
        index.write_text(text)
        yield bad(f"clip: model_index {what}", clip(t2v), 3, ["model_index.json"])
    index.write_text(good)


@case
def loras(folder):
    t2v = ROOT / "tests/data/pipelines/t2v"
    file = pathlib.Path(folder) / "lora.safetensors"

    def tensors(**shapes):
        header, at = {}, 0
        for name, shape in shapes.items():
            size = 4 * shape[0] * shape[1]
            header[name.replace("__", ".")] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
            at += size
        file.write_bytes(safetensors_bytes(header, b"\x00\x00\x80\x3f" * (at // 4)))

    tensors(another__model__q__lora_A__weight=[4, 8], another__model__q__lora_B__weight=[8, 4])
    yield bad("LoRA for another model", clip(t2v, "--lora", file), 3, ["lora.safetensors"])
    tensors(diffusion_model__blocks__0__self_attn__q__lora_A__weight=[4, 7777],
            diffusion_model__blocks__0__self_attn__q__lora_B__weight=[8, 4])
    yield bad("LoRA of another width", clip(t2v, "--lora", file), 3, ["lora.safetensors"])
    tensors(diffusion_model__blocks__0__self_attn__q__lora_A__weight=[4, 8])
    yield bad("LoRA with half of a pair", clip(t2v, "--lora", file), 3, ["lora.safetensors"])
    file.write_bytes(b"")
    yield bad("LoRA that is empty", clip(t2v, "--lora", file), 3, ["lora.safetensors"])
    yield bad("LoRA that is absent", clip(t2v, "--lora", "absent.safetensors"), 3, ["absent.safetensors"])
    yield bad("LoRA strength that is no number", clip(t2v, "--lora", f"{file}:nan"), (2, 3), ["lora"])
    yield bad("LoRA for an unknown expert", clip(t2v, "--lora", f"{file}:1@middle"), 2, ["lora"])


@case
def plans(folder):
    plan = ["plan", "--model", "wan2.2-t2v-a14b", "--gpu", "rtx-4090", "--steps", "4"]

    def instead(option, value):
        return [value if i > 0 and plan[i - 1] == option else a for i, a in enumerate(plan)]

    yield bad("plan: an unknown model", instead("--model", "wan2.2-t2v-a15b"), 2, ["wan2.2-t2v-a14b"])
    yield bad("plan: a model that makes no clips", instead("--model", "umt5-xxl"), 2, ["clips"])
    yield bad("plan: an unknown GPU", instead("--gpu", "rtx-409"), 2, ["rtx-4090"])
    yield bad("plan: a size that is no size", plan + ["--size", "0x480"], 2, ["size"])
    yield bad("plan: a size without end", plan + ["--size", "16384x16384"], 2, ["tokens"])
    yield bad("plan: frames between", plan + ["--frames", "80"], 2, ["77"])
    yield bad("plan: a negative count of frames", plan + ["--frames", "-1"], 2, ["frames"])
    yield bad("plan: a budget of nothing", plan + ["--budget", "0"], 2, ["budget"])
    yield bad("plan: an unknown format", plan + ["--dtype", "fp17"], 2, ["bf16"])
    files = {
        "anchors.yaml": ("a: &a [x, x]\nb: &b [*a, *a]\n", ["anchors"]),
        "type.yaml": ("gpus: [1, 2]\n", ["type.yaml:1", "map"]),
        "missing.yaml": ("gpus:\n  mine:\n    name: Mine\n", ["missing.yaml", "architecture"]),
        "unknown.yaml": ("gpus:\n  mine:\n    nam: Mine\n", ["unknown.yaml:3", "name"]),
        "brackets.yaml": ("[" * 10000, []),
        "twice.yaml": ("gpus: {}\ngpus: {}\n", ["twice.yaml:2"]),
    }
    for name, (text, words) in files.items():
        pathlib.Path(folder, name).write_text(text)
        yield bad(f"plan: --gpu {name}", instead("--gpu", name), 3, words)
    run = "{model: wan2.2-t2v-a14b, size: 832x480, frames: 25, steps: 1, pass_seconds: %s}"
    runs = {
        "negative.yaml": (f"gpu: h200\nruns:\n- {run % -1}\n", ["negative.yaml:3", "above 0"]),
        "duplicate.yaml": (f"gpu: h200\nruns:\n- {run % 2}\n- {run % 2}\n", ["duplicate.yaml:4", "twice"]),
        "contradiction.yaml": (f"gpu: h200\nruns:\n- {run % 2}\n- {run % 3}\n", ["contradiction.yaml:4"]),
        "gpu.yaml": (f"gpu: h2000\nruns:\n- {run % 2}\n", ["gpu.yaml:1", "h200"]),
    }
    for name, (text, words) in runs.items():
        pathlib.Path(folder, name).write_text(text)
        yield bad(f"calibrate: {name}", ["calibrate", "--from", name, "-o", "out.yaml"], 3, words)
    yield bad("gpus: no file", ["gpus", "--file", "nowhere.yaml"], 3, ["nowhere.yaml"])


@case
def whole_stories(folder):
    if not HAS_DEMO:
        return
    small = ["make", "a red bear walks", "--shots", "3", "--steps", "1"]
    yield bad("make: no espeak-ng", [*small, "--out", "out"], 3, ["--no-narration", "espeak"], env={"PATH": "/nonexistent"})
    yield bad("make: a size that does not divide", [*small, "--out", "out", "--size", "31x17"], (2, 3), ["size"])
    yield bad("make: output below a file", [*small, "--out", "here.txt/out"], 3, ["here.txt"])
    yield bad("make: does not fit", [*small, "--out", "out", "--budget", "1KiB"], 4, ["budget"])
    yield bad("make: no models", [*small, "--out", "out", "--models", "absent"], 3, ["absent"])
    yield bad("make: usage before models", [*small, "--out", "out", "--models", "absent", "--frames", "6"], 2, ["frames"])
    # What was finished before the disk was full may stay for the next try, in the work folder and nowhere else.
    yield bad("make: a full disk", [*small, "--out", "out"], 3, ["out"], may_leave=r"out(/\.work(/(?!.*tmp).*)?)?",
              file_size_limit=3000)


def main():
    program, wanted = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else ""
    count = failed = 0
    for generator in CASES:
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "here.txt").write_text("a file\n")
            for one in generator(folder):
                if wanted not in one["name"]:
                    continue
                count += 1
                wrong = check(program, folder, one)
                failed += bool(wrong)
                if wrong:
                    print(f"FAILED {one['name']}: " + "; ".join(wrong), flush=True)
    print(f"{count - failed} of {count} cases of bad input end as they should")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main())
