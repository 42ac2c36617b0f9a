"""The cartoon world of the demo models: what there is, where, when, how it moves, and how it is told.

Plain data and functions, no torch. The renderer (render.py) draws a Scene, the captions here describe it, the
writer's stories are told in the same words, and the judge asks whether a clip shows what its Scene says.

A Scene is one clip: a subject of a named colour and size does an action in a named place at a named time of day,
towards the right or the left. `pair` means two of the kind, one big and one small (a mother and her child).
"""

import hashlib
import random
from dataclasses import dataclass

# Flat body colours, sRGB 0..255, far enough apart to be told apart under the tint of dusk and night.
COLOURS = {
    "white": (245, 245, 242),
    "black": (42, 42, 48),
    "grey": (148, 150, 156),
    "red": (214, 40, 40),
    "orange": (245, 136, 24),
    "yellow": (250, 214, 48),
    "green": (46, 160, 67),
    "blue": (40, 98, 220),
    "purple": (136, 60, 190),
    "pink": (246, 134, 184),
    "brown": (128, 78, 40),
}
COLOUR_WORDS = {name: [name] for name in COLOURS}
COLOUR_WORDS["grey"] = ["grey", "gray"]

TIMES = {
    "day": ["by day", "in the daytime", "in daylight", "on a sunny day", "in the morning", "during the day"],
    "dusk": ["at dusk", "in the evening", "at sunset", "as the sun sets", "in the evening light"],
    "night": ["at night", "in the dark night", "under the stars", "in the moonlight", "on a starry night", "by night"],
}

DIRECTIONS = {
    "right": ["from left to right", "from the left to the right", "to the right", "towards the right"],
    "left": ["from right to left", "from the right to the left", "to the left", "towards the left"],
}

# A place: `land` can be walked on, `water` is a surface to sail and swim on, `air` and `deep` have no ground.
# `across` phrases follow a verb of moving, `at` phrases say where somebody is.
PLACES = {
    "ice": {
        "kind": "land",
        "across": ["across the snowy ice", "across the ice", "over the snow", "across the frozen land"],
        "at": ["on the snowy ice", "on the ice", "in the snow"],
    },
    "sea": {
        "kind": "water",
        "across": ["across the sea", "over the blue sea", "across the ocean", "over the waves"],
        "at": ["on the sea", "at sea", "in the ocean"],
    },
    "forest": {
        "kind": "land",
        "across": ["through the forest", "through the woods", "through the green forest", "past the trees"],
        "at": ["in the forest", "in the woods", "among the trees"],
    },
    "desert": {
        "kind": "land",
        "across": ["across the desert", "over the desert sand", "through the hot desert", "over the dunes"],
        "at": ["in the desert", "on the desert sand"],
    },
    "meadow": {
        "kind": "land",
        "across": ["across the meadow", "over the green grass", "through the flower meadow", "across the green field"],
        "at": ["in the meadow", "on the green grass", "in the field"],
    },
    "city": {
        "kind": "land",
        "across": ["through the city", "along the street", "through the town", "along the city street"],
        "at": ["in the city", "in the street", "in the town"],
    },
    "beach": {
        "kind": "land",
        "across": ["along the beach", "over the sandy beach", "along the shore", "across the beach"],
        "at": ["on the beach", "on the shore", "by the sea shore"],
    },
    "mountains": {
        "kind": "land",
        "across": ["through the mountains", "past the mountains", "over the rocky mountains", "along the mountains"],
        "at": ["in the mountains", "below the mountains"],
    },
    "castle": {
        "kind": "land",
        "across": ["past the castle", "along the castle", "past the old castle"],
        "at": ["at the castle", "near the old castle", "by the castle"],
    },
    "moon": {
        "kind": "land",
        "across": ["across the moon", "over the grey moon", "over the moon in space", "across the moon among the stars"],
        "at": ["on the moon", "in space on the moon"],
    },
    "sky": {
        "kind": "air",
        "across": ["across the sky", "through the clouds", "through the sky", "above the clouds"],
        "at": ["in the sky", "among the clouds"],
    },
    "deep": {
        "kind": "deep",
        "across": ["under the sea", "under water", "through the deep sea", "over the sea floor"],
        "at": ["under the sea", "under water"],
    },
}
LAND = [name for name, place in PLACES.items() if place["kind"] == "land"]

# Verbs: (singular, plural).
ACTIONS = {
    "walk": [("walks", "walk"), ("strolls", "stroll"), ("wanders", "wander"), ("goes", "go"), ("marches", "march")],
    "run": [("runs", "run"), ("races", "race"), ("hurries", "hurry"), ("dashes", "dash")],
    "jump": [("jumps", "jump"), ("hops", "hop"), ("leaps", "leap"), ("bounces", "bounce")],
    "fly": [("flies", "fly"), ("soars", "soar"), ("glides", "glide")],
    "float": [("floats", "float"), ("drifts", "drift"), ("flies", "fly")],
    "swim": [("swims", "swim"), ("paddles", "paddle")],
    "sail": [("sails", "sail"), ("drifts", "drift"), ("travels", "travel")],
    "drive": [("drives", "drive"), ("rolls", "roll"), ("travels", "travel")],
    "stand": [("stands", "stand"), ("waits", "wait"), ("rests", "rest"), ("looks around", "look around")],
}

# nouns: names for the ordinary size; young: names that say that it is small; grown: that it is big; only: a name
# that also fixes the colour. where: which kinds of place, per action.
ON_LAND = {"walk": ["land"], "run": ["land"], "jump": ["land"], "stand": ["land"], "swim": ["water"]}
SUBJECTS = {
    "bear": {
        "nouns": ["bear"], "young": ["bear cub", "cub"], "grown": ["mother bear"], "default": "brown",
        "only": {"white": {"nouns": ["polar bear"], "young": ["polar bear cub"], "grown": ["mother polar bear"]}},
        "colours": ["white", "black", "brown", "grey", "red", "blue", "purple", "pink", "yellow"],
        "actions": ON_LAND,
    },
    "fox": {
        "nouns": ["fox"], "young": ["fox cub", "baby fox"], "grown": ["mother fox"], "default": "orange",
        "colours": ["orange", "red", "white", "grey", "black", "brown", "blue", "purple"], "actions": ON_LAND,
    },
    "cat": {
        "nouns": ["cat"], "young": ["kitten"], "grown": ["mother cat"], "default": "black",
        "colours": ["black", "white", "grey", "orange", "brown", "yellow", "pink", "blue"],
        "actions": {k: v for k, v in ON_LAND.items() if k != "swim"},
    },
    "dog": {
        "nouns": ["dog"], "young": ["puppy"], "grown": ["mother dog"], "default": "brown",
        "colours": ["brown", "black", "white", "yellow", "grey", "red", "green"], "actions": ON_LAND,
    },
    "rabbit": {
        "nouns": ["rabbit", "hare"], "young": ["bunny", "baby rabbit"], "grown": ["mother rabbit"], "default": "white",
        "colours": ["white", "brown", "grey", "black", "pink", "yellow", "purple"],
        "actions": {k: v for k, v in ON_LAND.items() if k != "swim"},
    },
    "horse": {
        "nouns": ["horse", "pony"], "young": ["foal"], "grown": ["mother horse"], "default": "brown",
        "colours": ["brown", "white", "black", "grey", "red", "yellow", "blue"], "actions": ON_LAND,
    },
    "elephant": {
        "nouns": ["elephant"], "young": ["baby elephant"], "grown": ["mother elephant"], "default": "grey",
        "colours": ["grey", "blue", "pink", "white", "purple", "brown", "green"], "actions": ON_LAND,
    },
    "penguin": {
        "nouns": ["penguin"], "young": ["baby penguin", "penguin chick"], "grown": ["mother penguin"],
        "default": "black", "colours": ["black", "blue", "grey", "purple", "red"], "actions": ON_LAND,
    },
    "child": {
        "nouns": ["child", "boy", "girl"], "young": ["little boy", "little girl"], "grown": ["man", "woman"],
        "default": "red", "wears": True,
        "colours": ["red", "blue", "green", "yellow", "purple", "orange", "pink", "white"],
        "actions": {k: v for k, v in ON_LAND.items() if k != "swim"},
    },
    "robot": {
        "nouns": ["robot"], "young": ["little robot"], "grown": ["giant robot"], "default": "grey",
        "colours": ["grey", "red", "blue", "green", "yellow", "orange", "white", "purple"],
        "actions": {k: v for k, v in ON_LAND.items() if k != "swim"},
    },
    "bird": {
        "nouns": ["bird"], "young": ["little bird", "chick"], "grown": ["mother bird"], "default": "blue",
        "colours": ["blue", "red", "yellow", "white", "black", "green", "brown", "orange", "purple", "pink"],
        "actions": {"fly": ["land", "water", "air"]},
    },
    "butterfly": {
        "nouns": ["butterfly"], "young": ["little butterfly"], "grown": ["giant butterfly"], "default": "orange",
        "colours": ["orange", "yellow", "red", "blue", "white", "purple", "pink", "green"],
        "actions": {"fly": ["land", "air"]},
    },
    "fish": {
        "nouns": ["fish"], "young": ["little fish"], "grown": ["mother fish"], "default": "orange",
        "colours": ["orange", "red", "yellow", "green", "purple", "pink", "white", "grey", "black"],
        "actions": {"swim": ["deep"], "jump": ["water"]},
    },
    "whale": {
        "nouns": ["whale"], "young": ["baby whale", "whale calf"], "grown": ["mother whale"], "default": "grey",
        "colours": ["grey", "black", "white", "purple", "red", "pink"],
        "actions": {"swim": ["deep", "water"], "jump": ["water"]},
    },
    "boat": {
        "nouns": ["boat", "ship", "sailing boat", "sailing ship"], "young": ["little boat"], "grown": ["giant ship"],
        "default": "brown",
        "colours": ["brown", "red", "white", "black", "yellow", "green", "orange", "purple"],
        "actions": {"sail": ["water"]},
    },
    "car": {
        "nouns": ["car"], "young": ["little car"], "grown": ["giant car"], "default": "red",
        "colours": ["red", "blue", "yellow", "green", "white", "black", "orange", "purple"],
        "actions": {"drive": ["land"]},
    },
    "train": {
        "nouns": ["train", "steam train"], "young": ["little train"], "grown": ["giant train"], "default": "green",
        "colours": ["green", "red", "blue", "black", "yellow", "purple", "orange"], "actions": {"drive": ["land"]},
    },
    "balloon": {
        "nouns": ["balloon", "hot air balloon"], "young": ["little balloon"], "grown": ["giant balloon"],
        "default": "red", "colours": ["red", "yellow", "blue", "green", "orange", "purple", "pink", "white"],
        "actions": {"float": ["land", "water", "air"]},
    },
    "rocket": {
        "nouns": ["rocket", "spaceship", "space rocket"], "young": ["little rocket"], "grown": ["giant rocket"],
        "default": "white", "colours": ["white", "red", "grey", "blue", "yellow", "green", "orange"],
        "actions": {"fly": ["land", "water", "air"]},
    },
    "plane": {
        "nouns": ["plane", "airplane"], "young": ["little plane"], "grown": ["giant plane"], "default": "white",
        "colours": ["white", "red", "blue", "yellow", "green", "orange", "grey"],
        "actions": {"fly": ["land", "water", "air"]},
    },
}
ANIMALS = [s for s in SUBJECTS if s not in ("boat", "car", "train", "balloon", "rocket", "plane", "robot")]

# Colours that would melt into the place behind them; not drawn, and the writer should avoid them.
HIDDEN = {("deep", "blue"), ("sea", "blue"), ("moon", "grey"), ("sky", "blue"), ("forest", "green"),
          ("meadow", "green")}

SIZES = {"small": ["small", "little", "tiny"], "normal": [""], "big": ["big", "large", "huge"]}
PREFIXES = ["", "", "", "", "", "A cartoon of ", "A picture of "]
# Words of ordinary negative prompts. Training shows them as the empty caption's equals, so they do no harm.
NEGATIVE_WORDS = ["blurry", "distorted", "low quality", "worst quality", "ugly", "static", "noise", "text",
                  "watermark", "bad anatomy", "deformed", "overexposed", "jpeg artifacts", "still picture"]


@dataclass(frozen=True)
class Scene:
    subject: str
    colour: str
    size: str  # small, normal, big; of a pair: normal
    pair: bool
    place: str
    time: str
    action: str
    direction: str  # right, left; "" for stand


def places_for(subject, action):
    """The names of the places where the subject can do the action."""
    kinds = SUBJECTS[subject]["actions"].get(action, [])
    return [name for name, place in PLACES.items() if place["kind"] in kinds]


def actions_for(subject, place):
    """The actions that the subject can do in the place."""
    kind = PLACES[place]["kind"]
    return [action for action, kinds in SUBJECTS[subject]["actions"].items() if kind in kinds]


def allowed(scene):
    """Whether the world can draw the scene."""
    info = SUBJECTS.get(scene.subject)
    return (info is not None and scene.colour in info["colours"] and scene.action in info["actions"]
            and scene.place in places_for(scene.subject, scene.action)
            and (scene.place, scene.colour) not in HIDDEN
            and (scene.direction in DIRECTIONS) == (scene.action != "stand"))


def held_out(scene):
    """One combination of subject, colour and place in ten is never shown in training."""
    key = f"{scene.subject}|{scene.colour}|{scene.place}".encode()
    return hashlib.sha256(key).digest()[0] % 10 == 0


def sample_scene(rng, split="train"):
    """A random allowed scene of the split ("train", "held_out" or "any"); rng is a random.Random."""
    while True:
        subject = rng.choice(list(SUBJECTS))
        info = SUBJECTS[subject]
        actions = list(info["actions"])
        weights = [0.35 if action == "stand" else 0.5 if action == "swim" and "walk" in actions else 1.0
                   for action in actions]
        action = rng.choices(actions, weights)[0]
        if split == "held_out" and action == "stand":
            continue
        pair = rng.random() < 0.15
        size = "normal" if pair else rng.choices(["small", "normal", "big"], [0.25, 0.5, 0.25])[0]
        scene = Scene(subject, rng.choice(info["colours"]), size, pair, rng.choice(places_for(subject, action)),
                      rng.choices(list(TIMES), [0.5, 0.25, 0.25])[0], action,
                      "" if action == "stand" else rng.choice(list(DIRECTIONS)))
        if allowed(scene) and (split == "any" or held_out(scene) == (split == "held_out")):
            return scene


def article(words):
    return ("an " if words[0].lower() in "aeiou" else "a ") + words


def _names(scene, size):
    """(nouns of the ordinary name, nouns that say the size) for the scene's colour."""
    info = SUBJECTS[scene.subject]
    only = info.get("only", {}).get(scene.colour, {})
    key = {"small": "young", "big": "grown"}.get(size, "nouns")
    return info["nouns"] + only.get("nouns", []), info[key] + only.get(key, [])


def _one(scene, rng, size, plain=False):
    """A noun phrase without article: size, colour, noun."""
    nouns, sized = _names(scene, size)
    says_size = size == "normal" or (not plain and rng.random() < 0.5)
    noun = nouns[0] if plain else rng.choice(sized if says_size else nouns)
    size_word = "" if says_size else (SIZES[size][0] if plain else rng.choice(SIZES[size]))
    info = SUBJECTS[scene.subject]
    colour = scene.colour if plain else rng.choice(COLOUR_WORDS[scene.colour])
    if info.get("wears"):
        where = "clothes" if plain else rng.choice(["clothes", "coat", "shirt"])
        dress = "" if where == "clothes" else "a "
        return " ".join(filter(None, [size_word, noun])) + f" in {dress}{colour} {where}"
    drop = (not plain and colour == info["default"] and rng.random() < 0.15) or \
        (not plain and "polar" in noun and rng.random() < 0.5)
    return " ".join(filter(None, [size_word, "" if drop else colour, noun]))


def subject_phrase(scene, rng, plain=False):
    """The scene's subject with its article: "a small white bear", "a big red car and a small red car"."""
    if scene.pair:
        big, small = _one(scene, rng, "big", plain), _one(scene, rng, "small", plain)
        return f"{article(big)} and {article(small)}"
    return article(_one(scene, rng, scene.size, plain))


def caption(scene, rng=None):
    """A sentence that tells the scene. Without rng the canonical one; with a random.Random one of many phrasings."""
    plain = rng is None
    pick = (lambda items: items[0]) if plain else rng.choice
    who = subject_phrase(scene, rng, plain)
    verb = pick(ACTIONS[scene.action])[1 if scene.pair else 0]
    if scene.pair and (plain or rng.random() < 0.7):
        verb += " together"
    moving = scene.action != "stand"
    where = pick(PLACES[scene.place]["across" if moving and (plain or rng.random() < 0.85) else "at"])
    way = pick(DIRECTIONS[scene.direction]) if moving else ""
    when = pick(TIMES[scene.time])
    if scene.time == "day" and not plain and rng.random() < 0.25:
        when = ""
    order = 0 if plain else rng.choices([0, 1, 2, 3], [0.45, 0.25, 0.2, 0.1])[0]
    if order == 1:  # the way after the place
        words = [who, verb, where, way, when]
    elif order == 2 and when:  # the time first
        words = [f"{when},", who, verb, way, where]
    elif order == 3 and when:
        words = [who, verb, where, when, way]
    else:
        words = [who, verb, way, where, when]
    text = " ".join(filter(None, words))
    prefix = "" if plain or order == 2 else rng.choice(PREFIXES)
    if prefix:
        subject, rest = who, text[len(who):]
        return f"{prefix}{subject} that{rest}." if not scene.pair else f"{prefix}{subject} that{rest}."
    return text[0].upper() + text[1:] + "."


def negative(rng):
    """What a negative prompt may say: nothing, mostly, or a few of the usual words."""
    if rng.random() < 0.7:
        return ""
    return ", ".join(rng.sample(NEGATIVE_WORDS, rng.randint(1, 6)))


if __name__ == "__main__":
    chooser = random.Random(1)
    for _ in range(40):
        one = sample_scene(chooser)
        print(caption(one, chooser), "|", caption(one))
