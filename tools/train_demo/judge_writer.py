"""Judges the demo writer: a story for each of many ideas that it has not seen, with nothing that holds its hand.

    python tools/train_demo/judge_writer.py assets/demo/writer [--ideas 100] [--show 20]

Counts, without any constraint on the tokens: answers that are valid storyboards of the length asked for; whose
prompts all lie in the caption grammar and can be drawn; with one subject of one colour (besides a second one that the
idea names); without a shot twice; and, for ideas that name them, the right subject and colour. Exit status 1 where
a share is below its limit.
"""

import argparse
import json
import random
import re
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import asking  # noqa: E402
import stories  # noqa: E402
import world  # noqa: E402

OUTSIDE = [  # ideas that the generator of the training data can't make
    "The day the internet stopped working and nobody noticed", "A T-Rex plays the saxophone in Vienna", "Grandma's secret soup recipe",
    "two old friends meet again after forty years on a train platform", "Why did the chicken cross the road?",
    "a snail dreams of winning the marathon", "Das Leben ist schön", "吾輩は猫である", "My dog Rufus hates thunderstorms but loves the beach",
    "An astronaut finds a flower on the moon", "purple elephants everywhere!!!", "the lighthouse keeper's daughter", "sdkfjh sdkjfh",
    "A vampire opens a bakery", "the little red car that wanted to see the ocean", "Un renard roux traverse la forêt la nuit",
    "In a world without colour, one painter remembers blue", "a boat in a storm", "A lost kitten looks for its mum in the big city at night",
    "Write me a haiku"]


def caption_pattern():
    """A regular expression for the whole caption grammar, with names for what a caption says."""
    def either(items):
        return "(?:" + "|".join(re.escape(i) for i in sorted(set(items), key=len, reverse=True)) + ")"
    nouns = {n for info in world.SUBJECTS.values() for n in info["nouns"]} | {"polar bear"}
    colours = either(world.COLOURS)
    one = rf"an? (?:{either(['small', 'little', 'tiny', 'big', 'large', 'huge'])} )?(?:{colours} {either(nouns)}|{either(['child'])} in {colours} clothes)"
    verbs = either([v for forms in world.ACTIONS.values() for pair in forms for v in pair])
    where = either([p for place in world.PLACES.values() for p in place["across"] + place["at"]])
    way = either([w for ways in world.DIRECTIONS.values() for w in ways])
    when = either([t for times in world.TIMES.values() for t in times])
    return re.compile(rf"(?:{when}, )?(?P<who>{one})(?: and (?P<second>{one}))? (?P<verb>{verbs})(?: together)?"
                      rf"(?: {way}| {where}| {when}){{1,3}}\.", re.IGNORECASE)


PATTERN = caption_pattern()


def read_caption(text):
    """(subject, colour, size, place, pair) of a caption, or None where it is outside the grammar or can't be drawn."""
    match = PATTERN.fullmatch(text)
    if not match:
        return None
    who = match["who"].lower()
    colour = next((c for c in world.COLOURS if re.search(rf"\b{c}\b", who)), None)
    noun = re.sub(r"^an? ", "", who)
    noun = re.sub(r" in \w+ clothes$", "", noun)
    noun = " ".join(w for w in noun.split() if w not in world.COLOURS and w not in ("small", "big"))
    subject = next((s for s, info in world.SUBJECTS.items() if noun in info["nouns"] or noun == "polar bear" and s == "bear"), None)
    lowered = text.lower()
    found = [(len(p), name) for name, place in world.PLACES.items() for p in place["across"] + place["at"] if p in lowered]
    if not (subject and colour and found) or colour not in world.SUBJECTS[subject]["colours"]:
        return None
    place = max(found)[1]
    verb = match["verb"].lower()
    actions = [a for a, forms in world.ACTIONS.items() if any(verb in pair for pair in forms)]
    if not any(place in world.places_for(subject, a) for a in actions) or (place, colour) in world.HIDDEN:
        return None
    return subject, colour, "small" if " small " in f" {who} " else "big" if " big " in f" {who} " else "normal", place, bool(match["second"])


def read_answer(text, shots):
    """The storyboard of an answer, or None where it isn't one."""
    try:
        value = json.loads(text)
        good = list(value) == ["title", "shots"] and value["title"].strip() and len(value["shots"]) == shots
        for shot in value["shots"]:
            good = good and list(shot) == ["prompt", "negative_prompt", "narration", "seconds"] and shot["prompt"].strip() \
                and shot["narration"].strip() and 2 <= shot["seconds"] <= 4
        return value if good else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


@torch.no_grad()
def write(model, tokenizer, prompts, temperature=0.7, top_p=0.9, most=1100, seed=1):
    """Answers for a list of chats of one batch, sampled."""
    ids = [tokenizer.encode(p, add_special_tokens=False).ids for p in prompts]
    end = tokenizer.token_to_id("<|eot_id|>")
    width = max(map(len, ids))
    rows = torch.tensor([[end] * (width - len(i)) + i for i in ids], device=model.device)
    mask = torch.tensor([[0] * (width - len(i)) + [1] * len(i) for i in ids], device=model.device)
    torch.manual_seed(seed)
    options = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0} if temperature > 0 else {"do_sample": False}
    out = model.generate(rows, attention_mask=mask, max_new_tokens=most, pad_token_id=end, eos_token_id=end, **options)
    return [tokenizer.decode([t for t in row if t != end]) for row in out[:, width:].tolist()]


def load(folder):
    from tokenizers import Tokenizer
    from transformers import LlamaForCausalLM
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ideas", type=int, default=100)
    parser.add_argument("--show", type=int, default=0, help="stories to print, half of them for ideas outside the grammar")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=987654321)
    options = parser.parse_args()
    torch.set_num_threads(2)
    model, tokenizer = load(options.folder)
    rng = random.Random(options.seed)
    asked = [(asking.DEFAULT_IDEA, "en", 3, None), (asking.DEFAULT_IDEA, "en", 6, None)]
    asked += [(idea, "en", rng.choice([3, 3, 4, 6]), None) for idea in OUTSIDE]
    while len(asked) < options.ideas:
        idea, language, shots, _, _, plan = asking.sample(rng)
        asked.append((idea, language, shots, plan))
    asked = asked[:options.ideas]
    by_length = sorted(range(len(asked)), key=lambda i: asked[i][2])
    answers = [""] * len(asked)
    for start in range(0, len(by_length), 25):
        part = by_length[start:start + 25]
        written = write(model, tokenizer, [stories.chat(*asked[i][:3]) for i in part], options.temperature, seed=start + 1,
                        most=120 + 90 * max(asked[i][2] for i in part))
        for i, text in zip(part, written):
            answers[i] = text
    counts = {"valid": 0, "grammar": 0, "consistent": 0, "no_repeat": 0, "subject": 0, "colour": 0}
    limits = {"valid": 0.95, "grammar": 0.9, "consistent": 0.95, "no_repeat": 0.9, "subject": 0.8, "colour": 0.8}
    known = 0
    for i, ((idea, _, shots, plan), text) in enumerate(zip(asked, answers)):
        story = read_answer(text, shots)
        if not story:
            print(f"not a storyboard: {idea!r} ({shots}): {text[:100]!r} ... {text[-160:]!r}")
            continue
        counts["valid"] += 1
        read = [read_caption(shot["prompt"]) for shot in story["shots"]]
        outside = [shot["prompt"] for shot, r in zip(story["shots"], read) if not r]
        counts["grammar"] += not outside
        if outside:
            print(f"outside the grammar: {outside[0]!r} of {idea[:80]!r}")
        drawn = [r for r in read if r]
        heroes = [r[:2] for r in drawn]
        hero = max(set(heroes), key=heroes.count) if heroes else None
        others = {h for h in heroes if h != hero}
        consistent = bool(hero) and (not others or (len(others) == 1 and len(heroes) - heroes.count(hero) <= max(1, shots // 3)
                                                    and next(iter(others))[0] != hero[0]))
        counts["consistent"] += consistent
        if not consistent:
            print(f"subjects change: {heroes} of {idea[:80]!r}")
        lines = [s["prompt"] for s in story["shots"]], [s["narration"] for s in story["shots"]]
        counts["no_repeat"] += all(len(set(line)) == shots for line in lines)
        if plan and plan.named_subject and hero:
            known += 1
            counts["subject"] += hero[0] == plan.subject
            counts["colour"] += hero == (plan.subject, plan.colour) or not plan.named_colour
    print("\nDefault idea and a look at others:")
    shown = [0, 1] + list(range(2, 2 + options.show // 2)) + list(range(22, 22 + options.show // 2))
    for i in [i for i in shown if i < len(asked)][:options.show]:
        story = read_answer(answers[i], asked[i][2])
        print(f"\n## {asked[i][0][:200]!r} [{asked[i][1]}]  ->  {story['title'] if story else answers[i][:200]!r}")
        for shot in story["shots"] if story else []:
            print(f"   {shot['seconds']:>4} {shot['prompt']}\n        {shot['narration']}")
    print()
    failed = False
    for name, count in counts.items():
        total = known if name in ("subject", "colour") else len(asked)
        share = count / max(1, total)
        failed |= share < limits[name]
        print(f"{name:>10}: {count} of {total}  (limit {limits[name]:.0%})")
    sys.exit(failed)


if __name__ == "__main__":
    main()
