"""How people ask for stories: ideas in many phrasings, and what a good writer understands of them.

`sample(rng)` gives one training example: an idea, the number of shots, and the storyboard that answers it. What an
idea names (subject, colour, place, time, goal, a second subject) is kept where the world can draw it; the rest is
chosen at random. Some ideas name little or nothing that the world knows; they get a story too.
"""

import random

import ideas as words
import stories
import world


def own_nouns():
    """Every noun of the world: noun -> (subject, colour or None, size)."""
    table = {}
    for subject, info in world.SUBJECTS.items():
        for key, size in (("nouns", "normal"), ("young", "small"), ("grown", "big")):
            for noun in info[key]:
                if key == "grown" and noun.startswith("mother"):
                    continue
                bare = noun.removeprefix("little ").removeprefix("giant ")
                table.setdefault(bare, (subject, None, size if bare == noun else "normal"))
            for colour, only in info.get("only", {}).items():
                for noun in only.get(key, []):
                    if not noun.startswith("mother"):
                        table[noun] = (subject, colour, size)
    table["cub"] = ("bear", None, "small")
    return table


OWN = own_nouns()
SMALL_WORDS = ["little", "small", "tiny", "young", "baby"]
BIG_WORDS = ["big", "large", "huge", "giant"]
SHE = {"girl", "woman", "princess", "queen", "witch", "fairy", "mermaid", "grandmother", "lioness", "cow"}
HE = {"boy", "man", "prince", "king", "knight", "wizard", "cowboy", "grandfather", "santa", "fisherman", "postman", "snowman"}
ACTION_WORDS = {
    "walk": ["walks", "wanders", "strolls", "goes", "marches", "hikes", "crosses"], "run": ["runs", "races", "hurries", "dashes", "rushes"],
    "jump": ["jumps", "hops", "leaps", "bounces", "dances"], "fly": ["flies", "soars", "glides"], "float": ["floats", "drifts", "flies"],
    "swim": ["swims", "dives", "paddles"], "sail": ["sails", "drifts", "crosses"], "drive": ["drives", "rolls", "rides", "speeds"],
}
TIME_WORDS = {"day": ["in the morning", "on a sunny day", "at noon", "by day", "in summer"],
              "dusk": ["at sunset", "in the evening", "at dusk", "as the sun goes down"],
              "night": ["at night", "under the stars", "in the moonlight", "at midnight", "in the dark", "by night"]}


def default_colour(rng, subject, noun_colour, place):
    colour = noun_colour or world.SUBJECTS[subject]["default"]
    if subject == "bear" and not noun_colour and place == "ice":
        colour = "white"
    if noun_colour is None and rng.random() < 0.15:
        colour = rng.choice(world.SUBJECTS[subject]["colours"])
    return colour


def random_plan(rng, named):
    """Completes what the idea names (a dict with subject, noun, colour, size, place, time, action, goal, other)."""
    noun = named.get("noun")
    if not noun:
        pool = [n for n in OWN if OWN[n][0] in ("bear", "fox", "rabbit", "cat", "dog", "horse", "elephant", "penguin", "bird",
                                                "child", "robot", "balloon", "boat", "car")]
        place = named.get("place")
        pool = [n for n in pool if not place or stories.moving(OWN[n][0], place)] or list(OWN)
        pool = [n for n in pool if not named.get("colour") or named["colour"] in world.SUBJECTS[OWN[n][0]]["colours"]] or pool
        noun = rng.choice(pool)
    subject, noun_colour, size = named.get("as") or OWN.get(noun) or words.SYNONYMS[noun]
    size = named.get("size") or size
    place = named.get("place") or ""
    colour = named.get("colour") if named.get("colour") in world.SUBJECTS[subject]["colours"] else ""
    colour = colour or default_colour(rng, subject, noun_colour, place)
    if colour not in world.SUBJECTS[subject]["colours"]:
        colour = world.SUBJECTS[subject]["default"]
    if place and not stories.can_be(subject, colour, place):
        near = [p for p in stories.NEXT[place] if stories.can_be(subject, colour, p)]
        place = rng.choice(near) if near else ""
    for _ in range(50):
        if place:
            break
        guess = stories.usual_place(rng, subject)
        place = guess if stories.can_be(subject, colour, guess) else ""
    if not place:
        place = next(p for p in world.PLACES if stories.can_be(subject, colour, p))
    living = subject not in stories.VEHICLES and subject != "robot"
    goal = named.get("goal")
    if not goal:
        goal = rng.choices(["adventure", "home", "friend", "see", "treasure", "race", "brave", "sleep"], [4, 3, 3, 2, 1, 1, 1, 1])[0]
    if goal == "mother" and not living:
        goal = "friend"
    pronoun = named.get("pronoun") or ("she" if noun in SHE else "he" if noun in HE else "it")
    if subject == "child" and pronoun == "it" and rng.random() < 0.999:
        pronoun = "she" if noun.endswith("er") else "he"
    plan = stories.Plan(subject, colour, size, noun, goal, pronoun, place, named.get("time", ""), named.get("action", ""),
                shots=named["shots"], target=named.get("target", ""), named_place=bool(named.get("place")),
                named_subject=bool(named.get("noun")), named_colour=named.get("colour") == colour)
    if plan.size == "small" and not any(noun.endswith(y) for y in ("cub", "kitten", "puppy", "bunny", "foal", "chick", "calf", "lamb")) \
            and noun.split()[0] not in ("little", "baby", "toy", "paper"):
        plan.noun = "little " + noun
    if goal == "see" and not plan.target:
        options = [p for p in stories.NEXT[place] if stories.can_be(subject, colour, p)]
        plan.target = rng.choice(options) if options else place
    if plan.other == () and named.get("other"):
        other_noun = named["other"]
        o_subject, o_colour, o_size = OWN.get(other_noun) or words.SYNONYMS[other_noun]
        o_colour = named.get("other_colour") or o_colour or world.SUBJECTS[o_subject]["default"]
        if o_subject != subject and o_colour in world.SUBJECTS[o_subject]["colours"]:
            plan.other = (o_subject, o_colour, o_size, other_noun)
    return plan


def typo(rng, text):
    out = list(text)
    for _ in range(rng.randint(1, max(1, len(out) // 15))):
        i = rng.randrange(len(out)) if out else 0
        kind = rng.randrange(4)
        if kind == 0 and len(out) > 3:
            del out[i]
        elif kind == 1 and i + 1 < len(out):
            out[i], out[i + 1] = out[i + 1], out[i]
        elif kind == 2 and out:
            out.insert(i, out[i])
        elif out:
            out[i] = rng.choice("abcdefghijklmnopqrstuvwxyz")
    return "".join(out)


def gibberish(rng):
    return "".join(rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") + rng.choice(["", "", "n", "r", "s"])
                   for _ in range(rng.randint(1, 4)))


def strange_characters(rng):
    start, end = rng.choice([(0x21, 0x7E), (0xA1, 0x24F), (0x391, 0x3C9), (0x410, 0x44F), (0x5D0, 0x5EA), (0x627, 0x64A),
                             (0x905, 0x939), (0x3041, 0x30FE), (0x4E00, 0x9FA0), (0xAC00, 0xD7A3), (0x1F300, 0x1F64F)])
    return "".join(chr(rng.randint(start, end)) for _ in range(rng.randint(1, 12)))


def noise(rng, most=14):
    parts = []
    for _ in range(rng.randint(1, most)):
        kind = rng.random()
        parts.append(rng.choice(words.FILLER) if kind < 0.7 else gibberish(rng) if kind < 0.86
                     else rng.choice(words.STRANGE) if kind < 0.94 else strange_characters(rng) if kind < 0.97
                     else rng.choice(words.NAMES_SHE + words.NAMES_HE))
    return " ".join(parts)


def colour_word(rng, colour):
    return rng.choice(world.COLOUR_WORDS[colour])


def named_idea(rng, shots):
    """An idea that names a subject: (text, plan)."""
    named = {"shots": shots}
    noun = rng.choice(list(OWN)) if rng.random() < 0.62 else rng.choice(list(words.SYNONYMS))
    if rng.random() < 0.04:
        noun = rng.choice(["polar bear cub", "polar bear"])
    subject, noun_colour, size = OWN.get(noun) or words.SYNONYMS[noun]
    info = world.SUBJECTS[subject]
    named["noun"] = noun
    adjectives = []
    if size == "normal" and rng.random() < 0.3:
        named["size"] = rng.choice(["small", "small", "big"])
        adjectives.append(rng.choice(SMALL_WORDS if named["size"] == "small" else BIG_WORDS))
    if rng.random() < 0.12:
        adjectives.append(rng.choice(["brave", "lonely", "happy", "old", "clever", "funny", "hungry", "lost", "friendly", "curious"]))
    if rng.random() < 0.45:
        any_colour = rng.random() < 0.15
        colour = rng.choice(list(world.COLOURS) if any_colour else info["colours"])
        if noun_colour is None or noun not in OWN:
            named["colour"] = colour
            adjectives.append(colour_word(rng, colour))
    phrase = " ".join(adjectives + [noun])
    if rng.random() < 0.03:
        phrase = phrase.replace("little boy", "boy")
    wears = info.get("wears") and named.get("colour")
    if wears and rng.random() < 0.6:
        phrase = " ".join([a for a in adjectives if a != adjectives[-1]] + [noun]) + " in " + \
            rng.choice(["{} clothes", "a {} coat", "a {} shirt", "{}"]).format(adjectives[-1])
    name = ""
    if rng.random() < 0.06:
        she = rng.random() < 0.5
        name = rng.choice(words.NAMES_SHE if she else words.NAMES_HE)
        named["pronoun"] = "she" if she else "he"
    elif noun not in SHE | HE and rng.random() < 0.15:
        named["pronoun"] = rng.choice(["he", "she"])
    if noun in SHE:
        named["pronoun"] = "she"
    elif noun in HE:
        named["pronoun"] = "he"
    pronoun = named.get("pronoun", "it")
    if subject == "child" and pronoun == "it":
        pronoun = named["pronoun"] = rng.choice(["he", "she"])
    possessive = {"it": "its", "he": "his", "she": "her"}[pronoun]

    where = ""
    if rng.random() < 0.6:
        drawable = [p for p in world.PLACES if stories.moving(subject, p)]
        place = rng.choice(drawable if rng.random() < 0.85 else list(world.PLACES))
        if noun.startswith("polar") and rng.random() < 0.5:
            place = "ice"
        named["place"] = place
        spoken = rng.random()
        if spoken < 0.45:
            where = rng.choice(world.PLACES[place]["across"] + world.PLACES[place]["at"])
        else:
            where = rng.choice(["in", "through", "across", "at", "near", "to"]) + " " + rng.choice(words.PLACE_WORDS[place])
    if rng.random() < 0.2:
        named["time"] = rng.choice(list(TIME_WORDS))
    goal_text = ""
    if rng.random() < 0.6:
        goals = [g for g, info_g in stories.GOALS.items() if info_g["who"] == "any" or subject not in stories.VEHICLES + ("robot",)]
        named["goal"] = rng.choice(goals + (["mother"] * 2 if "mother" in goals and size == "small" else []))
        target = ""
        if named["goal"] == "see":
            start = named.get("place")
            options = [p for p in (stories.NEXT[start] if start else world.PLACES) if stories.moving(subject, p)] or [start or "forest"]
            target = rng.choice(options)
            named["target"] = target
        goal_text = rng.choice(stories.GOALS[named["goal"]]["idea"]).format(
            p=possessive, place=rng.choice(words.PLACE_WORDS[target]) if target else "")
    verb = ""
    if rng.random() < 0.5:
        options = [a for a in info["actions"] if a in ACTION_WORDS]
        named["action"] = rng.choice(options)
        verb = rng.choice(ACTION_WORDS[named["action"]])
    when = rng.choice(TIME_WORDS[named["time"]]) if named.get("time") else ""
    if rng.random() < 0.07:
        other = rng.choice(list(OWN) if rng.random() < 0.7 else list(words.SYNONYMS))
        other_subject = (OWN.get(other) or words.SYNONYMS[other])[0]
        if other_subject != subject:
            named["other"] = other
            goal_text = rng.choice([f"and {world.article(other)}", f"meets {world.article(other)}", f"who meets {world.article(other)}",
                                    f"and {world.article(other)} become friends", f"with {world.article(other)}",
                                    f"and its friend, {world.article(other)}"])
            if named.get("goal") not in (None, "adventure", "home"):
                named.pop("goal")
                named.pop("target", None)
            verb = "" if goal_text.startswith("and") else verb
            if not verb:
                named.pop("action", None)
    determiner = rng.choices(["a", "the", "bare", "my"], [0.75, 0.13, 0.08, 0.04])[0]
    who_text = world.article(phrase) if determiner == "a" else phrase if determiner == "bare" else f"{determiner} {phrase}"
    if name:
        who_text = rng.choice([f"{name} the {phrase}", f"{who_text} called {name}", f"{who_text} named {name}"])
    parts = [who_text, verb, where, when, goal_text]
    shuffle = rng.random()
    if shuffle < 0.1 and when:
        parts = [when + ",", who_text, verb, where, goal_text]
    elif shuffle < 0.25:
        parts = [who_text, verb, where, goal_text, when]
    elif shuffle < 0.3 and where:
        parts = [where + ":", who_text, verb, goal_text, when]
    elif shuffle < 0.36 and "other" not in named:
        keys = [w for w in [phrase, where.split(" ", 1)[-1] if where else "", when.split(" ")[-1] if when else ""] if w]
        named.pop("goal", None), named.pop("target", None), named.pop("action", None)
        rng.shuffle(keys)
        return rng.choice([", ", " ", "; ", " + "]).join(keys), random_plan(rng, named)
    return " ".join(filter(None, parts)), random_plan(rng, named)


def partial_idea(rng, shots):
    """An idea without a known subject that still names a place, a colour, a time or a goal."""
    named = {"shots": shots}
    parts = [noise(rng, 5)]
    if rng.random() < 0.6:
        named["place"] = rng.choice(list(world.PLACES))
        parts.append(rng.choice(["in ", "to ", "", "across "]) + rng.choice(words.PLACE_WORDS[named["place"]]))
    if rng.random() < 0.4:
        named["colour"] = rng.choice(list(world.COLOURS))
        parts.append(rng.choice(["{}", "something {}", "a {} thing", "in {}"]).format(colour_word(rng, named["colour"])))
    if rng.random() < 0.25:
        named["time"] = rng.choice(list(TIME_WORDS))
        parts.append(rng.choice(TIME_WORDS[named["time"]]))
    if rng.random() < 0.3:
        named["goal"] = rng.choice([g for g in stories.GOALS if g not in ("see", "mother")])
        parts.append(rng.choice(stories.GOALS[named["goal"]]["idea"]).format(p="its", place=""))
    if rng.random() < 0.25:
        she = rng.random() < 0.5
        named["noun"] = "girl" if she else "boy"
        named["pronoun"] = "she" if she else "he"
        parts.insert(0, rng.choice(words.NAMES_SHE if she else words.NAMES_HE))
    if rng.random() < 0.3:
        rng.shuffle(parts)
    return " ".join(parts), random_plan(rng, named)


def empty_handed_idea(rng, shots):
    """An idea that names nothing the world knows."""
    kind = rng.random()
    if kind < 0.5:
        text = noise(rng)
    elif kind < 0.62:
        text = rng.choice(words.QUESTIONS)
    elif kind < 0.82:
        text = rng.choice(words.ABSTRACT)
    elif kind < 0.92:
        text = strange_characters(rng)
    else:
        text = gibberish(rng)
    return text, random_plan(rng, {"shots": shots})


def foreign_idea(rng, shots):
    tongue = words.FOREIGN[rng.choice(list(words.FOREIGN))]
    subject = rng.choice(list(tongue["subjects"]))
    named = {"shots": shots, "noun": world.SUBJECTS[subject]["nouns"][0]}
    name = rng.choice(tongue["subjects"][subject])
    if name in ("kleiner Bär", "ourson", "osito"):
        named["noun"] = "bear cub"
    if name in ("fille", "niña", "Mädchen"):
        named["noun"] = "girl"
    elif name in ("garçon", "niño", "Junge"):
        named["noun"] = "boy"
    places = [p for p in tongue["places"] if stories.moving(subject, p)]
    place_text = ""
    if places:
        named["place"] = rng.choice(places)
        place_text = rng.choice(tongue["places"][named["place"]])
    shape = rng.choice(tongue["shapes"])
    colour_text = ""
    if "{c}" in shape:
        options = [c for c in world.SUBJECTS[subject]["colours"] if c in tongue["colours"]]
        named["colour"] = rng.choice(options)
        colour_text = tongue["colours"][named["colour"]]
    if any(w in shape for w in ("Mutter", "mère", "madre")):
        named["goal"] = "mother"
    if any(w in shape for w in ("Freund", "ami ", "amigo")):
        named["goal"] = "friend"
    if any(w in shape for w in ("kleiner", "petit", "pequeño")) and named["noun"] == world.SUBJECTS[subject]["nouns"][0]:
        named["size"] = "small"
    return " ".join(shape.format(s=name, c=colour_text, p=place_text).split()), random_plan(rng, named)


def plural(noun):
    if noun in ("fish", "deer", "sheep", "salmon", "moose", "spacecraft"):
        return noun
    for end, many in (("mouse", "mice"), ("man", "men"), ("wolf", "wolves"), ("goose", "geese"), ("child", "children")):
        if noun.endswith(end):
            return noun.removesuffix(end) + many
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"


def hidden_idea(rng, shots):
    """An idea that names its subject somewhere among other words: "the day the internet met two green robots"."""
    noun = rng.choice(list(OWN)) if rng.random() < 0.65 else rng.choice(list(words.SYNONYMS))
    named = {"shots": shots, "noun": noun}
    subject = (OWN.get(noun) or words.SYNONYMS[noun])[0]
    name = plural(noun) if rng.random() < 0.4 else noun
    adjectives = [rng.choice(words.FILLER)] if rng.random() < 0.25 else []
    if rng.random() < 0.35:
        named["colour"] = rng.choice(world.SUBJECTS[subject]["colours"])
        adjectives.append(colour_word(rng, named["colour"]))
    phrase = " ".join(adjectives + [name])
    if name == noun:
        phrase = rng.choice(["a ", "the ", "my ", "an old ", "his ", "her ", "our ", "every ", "the last ", ""]) + phrase
    else:
        phrase = rng.choice(["two ", "three ", "many ", "some ", "", "", "the ", "all "]) + phrase
    before = [rng.choice(words.FILLER) for _ in range(rng.randint(0, 6))]
    if before and rng.random() < 0.6:
        before.append(rng.choice(["with", "and", "of", "about", "but with", "where", "when", "for", "meets", "becomes", "in which", "like"]))
    parts = [" ".join(before), phrase]
    if rng.random() < 0.25:
        parts.append(rng.choice(words.NAMES_SHE + words.NAMES_HE))
    parts.append(" ".join(rng.choice(words.FILLER) for _ in range(rng.randint(0, 6))))
    if rng.random() < 0.45:
        named["place"] = rng.choice([p for p in world.PLACES if stories.moving(subject, p)])
        place = rng.choice(["in ", "to ", "on ", "near ", "across ", "from "]) + rng.choice(words.PLACE_WORDS[named["place"]])
        parts.insert(rng.choice([0, len(parts), len(parts)]), place)
    if rng.random() < 0.2:
        named["time"] = rng.choice(list(TIME_WORDS))
        parts.append(rng.choice(TIME_WORDS[named["time"]]))
    return " ".join(filter(None, parts)), random_plan(rng, named)


def long_idea(rng, shots):
    text, plan = named_idea(rng, shots) if rng.random() < 0.7 else partial_idea(rng, shots)
    sentences = [text[:1].upper() + text[1:] + "."]
    for _ in range(rng.randint(2, 30)):
        sentence = " ".join(rng.choice(words.FILLER) for _ in range(rng.randint(4, 14)))
        sentences.append(sentence.capitalize() + ".")
    if rng.random() < 0.3:
        first = sentences.pop(0)
        sentences.insert(rng.randint(0, 3), first)
    return " ".join(sentences), plan


DEFAULT_IDEA = "A polar bear cub crosses the ice to find its mother"


def sample(rng, shots=None):
    """One example: (idea, language, number of shots, storyboard as a dict, its scenes, its plan)."""
    while True:
        count = shots or rng.choices(range(3, 13), [6, 3, 3, 2.5, 1.5, 1.5, 1, 1, 1, 1.2])[0]
        kind = rng.random()
        language = "en"
        if kind < 0.012:
            text, plan = DEFAULT_IDEA, random_plan(rng, {"shots": count, "noun": "polar bear cub", "place": "ice", "goal": "mother", "action": "walk"})
        elif kind < 0.56:
            text, plan = named_idea(rng, count)
            if rng.random() < 0.75:
                text = rng.choice(words.FRAMES).format(i=text, I=text[:1].upper() + text[1:])
        elif kind < 0.72:
            text, plan = hidden_idea(rng, count)
            if rng.random() < 0.4:
                text = text[:1].upper() + text[1:] + rng.choice(["", ".", "!", "?"])
        elif kind < 0.79:
            text, plan = partial_idea(rng, count)
        elif kind < 0.875:
            text, plan = empty_handed_idea(rng, count)
        elif kind < 0.95:
            text, plan = foreign_idea(rng, count)
            language = rng.choice(["en", "en", "de", "fr", "es"])
        else:
            text, plan = long_idea(rng, count)
        if kind >= 0.012 and rng.random() < 0.08:
            text = typo(rng, text)
        if kind >= 0.012 and rng.random() < 0.06:
            text = rng.choice([text.upper(), text.lower(), text.title()])
        if rng.random() < 0.02:
            language = rng.choice(["de", "fr", "es", "it", "en-US", "en-gb", "ja"])
        made = stories.storyboard_of(rng, plan)
        if made and text.strip():
            return text.strip(), language, count, made[0], made[1], plan


if __name__ == "__main__":
    chooser = random.Random(7)
    for _ in range(14):
        idea_text, tongue_name, n_shots, story, _, _ = sample(chooser)
        print(f"\n## {idea_text}  [{n_shots}, {tongue_name}]  ->  {story['title']}")
        for shot in story["shots"]:
            print(f"   {shot['seconds']:>4}  {shot['prompt']}\n         {shot['narration']}")
