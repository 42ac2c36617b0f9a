"""Training data: scenes, rendered clips, captions with noise, and the tokenizer of the text encoder."""

import collections
import dataclasses
import json
import math
import pathlib
import random

import torch

import render
import world

ROOT = pathlib.Path(__file__).resolve().parents[2]
VIDEO = ROOT / "assets" / "demo" / "video"
SUBJECTS = list(world.SUBJECTS)

# Words that a story may wrap around a caption. They change nothing in the picture, and the encoder learns that.
MOODS = ["brave", "happy", "lonely", "lost", "curious", "tired", "hungry", "young", "old", "friendly", "gentle", "sleepy",
         "clever", "lovely", "beautiful", "shy", "proud", "cheerful", "quiet"]
TAILS = ["to find its mother", "to find a friend", "looking for its mother", "looking for food", "all alone",
         "with a smile", "on its way home", "and looks around", "to see the world", "full of joy", "in the wind",
         "after a long day", "and dreams of home", "because it is late", "slowly", "quickly", "once again", "happily",
         "until it finds its mother", "in search of a treasure", "far away from home", "very carefully"]


def scene_of(subject, rng, split):
    """A random scene of one subject."""
    while True:
        scene = world.sample_scene(rng, split)
        if scene.subject == subject:
            return scene


def scene_group(rng, count, split="train"):
    """Scenes that share subject, place and time, for drawing them fast together."""
    base = world.sample_scene(rng, split)
    info, group = world.SUBJECTS[base.subject], []
    actions = world.actions_for(base.subject, base.place)
    while len(group) < count:
        pair = rng.random() < 0.15
        action = rng.choices(actions, [0.3 if a == "stand" else 1.0 for a in actions])[0]
        scene = dataclasses.replace(
            base, colour=rng.choice(info["colours"]), pair=pair, action=action,
            size="normal" if pair else rng.choices(["small", "normal", "big"], [0.25, 0.5, 0.25])[0],
            direction="" if action == "stand" else rng.choice(list(world.DIRECTIONS)))
        if world.allowed(scene) and world.held_out(scene) == (split == "held_out"):
            group.append(scene)
    return group


def noisy_caption(scene, rng):
    """One of the scene's captions, sometimes with words that say nothing about the picture."""
    text = world.caption(scene, rng)
    if rng.random() < 0.12:
        for colour in world.COLOUR_WORDS[scene.colour]:
            if f" {colour} " in text:
                text = text.replace(f" {colour} ", f" {rng.choice(MOODS)} {colour} ", 1)
                break
    if rng.random() < 0.12:
        text = text[:-1] + " " + rng.choice(TAILS) + "."
    if rng.random() < 0.05:  # an unknown word somewhere
        words = text.split(" ")
        junk = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 9)))
        words.insert(rng.randrange(len(words)), junk)
        text = " ".join(words)
    if rng.random() < 0.08:
        text = text[:-1]
    return text


def render_many(scenes, seeds, frames, device, chunk=12, still_start=False):
    """uint8 clips (N, T, H, W, 3) for scenes of any subjects, in the order given."""
    out = torch.empty(len(scenes), frames, render.HEIGHT, render.WIDTH, 3, dtype=torch.uint8, device=device)
    by_subject = {}
    for i, scene in enumerate(scenes):
        by_subject.setdefault(scene.subject, []).append(i)
    for rows in by_subject.values():
        for k in range(0, len(rows), chunk):
            part = rows[k:k + chunk]
            out[torch.tensor(part, device=device)] = render.render([scenes[i] for i in part], [seeds[i] for i in part],
                                                                   frames, still_start, device)
    return out


def to_pixels(clips):
    """uint8 (B, T, H, W, 3) to (B, 3, T, H, W) in [-1, 1]."""
    return clips.permute(0, 4, 1, 2, 3).float() / 127.5 - 1.0


def train_tokenizer(folder):
    """A Unigram tokenizer of the captions' words, with characters and bytes to fall back on, in the layout of T5's fast tokenizers."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    rng = random.Random(7)
    count = collections.Counter(c for c in (chr(n) for n in range(33, 127)))
    texts = [world.caption(world.sample_scene(rng, "any"), rng) for _ in range(60000)]
    texts += [word for word in world.NEGATIVE_WORDS + MOODS + TAILS for _ in range(60)]
    for text in texts:
        for word in text.split():
            bare = word.strip(".,")
            count["\u2581" + bare] += 1
            if bare[0].islower():
                count["\u2581" + bare[0].upper() + bare[1:]] += 0.1
            count.update(c for c in word if c in ".,")
    count["\u2581"] = 10
    total = sum(count.values())
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab += [(piece, math.log(n / total)) for piece, n in sorted(count.items(), key=lambda e: (-e[1], e[0]))]
    vocab = vocab[:3] + [(f"<0x{b:02X}>", 0.0) for b in range(256)] + vocab[3:]
    tok = Tokenizer(models.Unigram(vocab, unk_id=2, byte_fallback=True))
    tok.normalizer, tok.pre_tokenizer = normalizers.Sequence([
        normalizers.NFC(), normalizers.Replace(Regex(" {2,}"), " ")]), pre_tokenizers.Metaspace(
        replacement="\u2581", prepend_scheme="always", split=True)
    tok.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>",
                                                       special_tokens=[("</s>", 1)])
    tok.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(replacement="\u2581")])
    tok.add_special_tokens(["<pad>", "</s>", "<unk>"])
    folder.mkdir(parents=True, exist_ok=True)
    tok.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "T5Tokenizer", "model_max_length": 512, "pad_token": "<pad>", "eos_token": "</s>",
        "unk_token": "<unk>", "extra_ids": 0, "additional_special_tokens": []}, indent=2) + "\n")
    return tok


def tokens_of(tok, texts, length):
    """int16 ids (N, length), zero past the end."""
    ids = torch.zeros(len(texts), length, dtype=torch.int16)
    for i, encoding in enumerate(tok.encode_batch(texts)):
        row = encoding.ids[:length]
        ids[i, :len(row)] = torch.tensor(row, dtype=torch.int16)
    return ids


if __name__ == "__main__":
    tokenizer = train_tokenizer(VIDEO / "tokenizer")
    print(tokenizer.get_vocab_size(), "pieces")
    chooser = random.Random(3)
    for _ in range(8):
        line = noisy_caption(world.sample_scene(chooser), chooser)
        print(len(tokenizer.encode(line).ids), tokenizer.encode(line).tokens)
    print(tokenizer.encode("Ünï €5 zebra").tokens)
