"""Little stories for the demo writer: an idea in, a storyboard in the words of the cartoon world out.

`sample(rng)` gives one training example: an idea as people write them, the number of shots, and the storyboard
that a good writer would answer. A storyboard is a walk through neighbouring places and later and later times, with
one subject of one colour, an opening, an end that keeps the idea's promise, and no shot twice. Ideas are understood
in Plan: what is named (subject, colour, place, time, goal, a second subject) is kept where the world can draw it;
the rest is chosen at random.
"""

import json
import random
import re
from dataclasses import dataclass

import ideas as words
import world

NEGATIVES = ["blurry, distorted, low quality", "blurry, distorted, text, watermark", "low quality, deformed, static",
             "blurry, low quality, still picture"]
SECONDS = [2, 2.5, 3, 3.5, 4]

NEXT = {  # which places lie beside each other
    "ice": ["mountains", "sea", "forest", "castle", "beach"], "mountains": ["forest", "meadow", "castle", "ice", "desert"],
    "forest": ["meadow", "mountains", "castle", "city"], "meadow": ["forest", "city", "castle", "beach", "mountains"],
    "castle": ["meadow", "forest", "mountains", "city"], "city": ["meadow", "beach", "castle", "forest"],
    "beach": ["sea", "city", "meadow", "desert"], "desert": ["mountains", "beach", "city"], "sea": ["beach", "ice", "sky", "deep"],
    "moon": ["sky"], "sky": ["mountains", "meadow", "sea", "city", "forest", "moon"], "deep": ["sea"],
}
PLACE_NOUN = {"ice": "the ice", "sea": "the sea", "forest": "the forest", "desert": "the desert", "meadow": "the meadow",
              "city": "the city", "beach": "the beach", "mountains": "the mountains", "castle": "the old castle",
              "moon": "the moon", "sky": "the clouds", "deep": "the deep sea"}

DETAIL = {
    "ice": ["and the snow sparkles", "and a cold wind blows", "where everything is white", "and snowflakes dance in the air"],
    "sea": ["and the waves sing", "with salt in the wind", "up and down with the waves", "where the water never ends"],
    "forest": ["where the leaves whisper", "between the tall trees", "and the moss is soft", "where it smells of pine"],
    "desert": ["where the sand is warm", "and the dunes never end", "under a wide sky", "and the wind moves the sand"],
    "meadow": ["where the flowers smell sweet", "and the grass waves", "among bees and flowers", "and the wind is soft"],
    "city": ["past houses and windows", "where every window has a story", "past the tall houses", "and the streets hum"],
    "beach": ["and the waves whisper", "over the soft sand", "and shells lie in the sand", "where the sea meets the land"],
    "mountains": ["and the peaks look down", "where the air is thin", "and an echo answers", "high and far"],
    "castle": ["and the old walls listen", "below the high towers", "where kings once lived", "and the flags wave"],
    "moon": ["and the stars are near", "where everything is light", "past deep craters", "and all is silent"],
    "sky": ["above the whole world", "and the clouds look like sheep", "as free as the wind", "with the world far below"],
    "deep": ["where the light is blue", "past waving sea grass", "and bubbles rise", "down where it is quiet"],
}
ARRIVE = ["Soon {n} comes to {place}.", "Then {N} reaches {place}.", "The way leads on to {place}.", "And there, at last: {place}!",
          "Next, {N} comes to {place}, {detail}.", "Behind the next bend lies {place}, {detail}."]
LATER = {
    "dusk": ["The sun goes down, and {N} {verb} on.", "Evening comes, and the light turns gold.", "The sky turns red, and {N} {verb} {across}.",
             "Slowly the day ends, but {N} {verb} on."],
    "night": ["Night falls, and the stars come out.", "Now it is dark, but {N} {verb} on.", "Under the stars {N} {verb} {across}.",
              "The moon rises and shows {N} the way."],
    "day": ["A new day begins, and {N} {verb} on.", "The sun comes up, and everything is bright again.", "In the morning {N} {verb} {across}."],
}
MIDDLE = ["{N} {verb} {across}, {detail}.", "On and on {N} {verb} {across}.", "{C} {verb} {across}, {detail}.", "{C} {verb} on and on, {detail}.",
          "It is a long way {across}, {detail}.", "{N} {verb} {across} and does not give up.", "Little by little, {N} comes closer.",
          "{C} {verb} {across} and looks at the wide world.", "Nothing can stop {N} now.", "{N} {verb} {across}, brave and alone."]
ACTING = {
    "walk": ["One step after the other, {N} {verb} {across}.", "{N} {verb} slowly {across}, {detail}.", "{C} takes {p} time and {verb} {across}."],
    "run": ["Faster and faster {N} {verb} {across}.", "Quick as the wind, {N} {verb} {across}.", "There is no time to lose, so {n} {verb} {across}."],
    "jump": ["Hop! {N} {verb} {across} with joy.", "Up and down {n} {verb} {across}, {detail}.", "With big jumps {N} crosses {place}.", "{N} {verb} for joy {across}."],
    "fly": ["High up in the air, {N} {verb} {across}.", "Light as a feather, {N} {verb} {across}.", "{N} spreads {p} wings and {verb} {across}."],
    "float": ["Softly and silently, {N} {verb} {across}.", "The wind carries {N} {across}.", "Higher and higher, {N} {verb} {across}."],
    "swim": ["{N} {verb} through the cool water.", "Splash! {N} {verb} {across}, {detail}.", "The water carries {N} {across}."],
    "sail": ["The wind is good, and {N} {verb} {across}.", "{N} rides the waves, {detail}.", "Up and down, {N} {verb} {across}."],
    "drive": ["The wheels turn, and {N} {verb} {across}.", "With a happy hum, {N} {verb} {across}.", "{N} {verb} {across} at full speed."],
    "stand": ["{N} stops for a moment and listens.", "{C} rests a while, {detail}.", "{N} waits and looks around.", "Here {N} takes a little rest."],
}
WINGLESS = {"rocket": "{N} lights up and {verb} {across}.", "plane": "The engine roars, and {N} {verb} {across}."}
SECOND = ["Look, there is {b}! It says hello.", "{B} comes along and wants to play.", "On the way, {N} meets {b}.", "{B} watches and shows the way.",
          "Who is this? It is {b}, a new friend."]
OPENING = {
    "day": ["One bright morning, {a} {goal}.", "It is a sunny day, and {a} {goal}.", "Once there was {a} who {goal}.", "Early one morning, {a} {goal}."],
    "dusk": ["One golden evening, {a} {goal}.", "As the sun goes down, {a} {goal}.", "Late in the day, {a} {goal}."],
    "night": ["One quiet night, {a} {goal}.", "Under a thousand stars, {a} {goal}.", "The moon is up, and {a} {goal}."],
}
FIND_PAIR = {
    "mother": ["There she is! {N} has found {p} mother.", "At last, mother and child are together again.", "Mother is here! Now they go home together.",
               "{C} hurries to {p} mother, and all is well."],
    "friend": ["And there is a friend! They go on together.", "Now {N} is never alone again.", "Two friends, side by side: what a happy end!",
               "At last {N} has found a friend."],
}

# Goals: how ideas say it, how the opening tells it, how the story ends. {p} is his, her or its. kinds: who can have it.
LIVING = "living"
GOALS = {
    "mother": {"who": LIVING, "idea": ["to find {p} mother", "looking for {p} mother", "who searches for {p} mother", "and misses {p} mother",
                                       "who lost {p} mum", "wants to go back to {p} mother", "to find {p} mom", "searching for {p} parents"],
               "open": ["sets out to find {p} mother", "misses {p} mother", "looks for {p} mother"]},
    "friend": {"who": "any", "idea": ["to find a friend", "looking for a friend", "who is lonely", "and makes a new friend", "to meet a friend",
                                      "to visit {p} best friend", "who brings a letter to a friend", "wants a friend"],
               "open": ["sets out to find a friend", "feels a little lonely", "dreams of a friend"]},
    "home": {"who": "any", "idea": ["on the way home", "to get back home", "who wants to go home", "who is lost", "and finds the way home",
                                    "going home", "lost and alone"],
             "open": ["wants to go home", "is far away from home", "starts the long way home"],
             "end": ["Home at last! {N} is happy and tired.", "This is home, and home is the best place.", "Now {N} is home again, safe and warm.",
                     "The long way is over: welcome home!"]},
    "see": {"who": "any", "idea": ["to see {place}", "who dreams of {place}", "on the way to {place}", "who wants to see {place}", "travels to {place}"],
            "open": ["wants to see {place}", "dreams of {place}", "sets out for {place}"],
            "end": ["This is {place}, more beautiful than any dream.", "At last {N} sees {place}, and it is wonderful.", "The dream has come true: this is {place}!"]},
    "race": {"who": "any", "idea": ["in a race", "who wants to win a race", "in a hurry", "who is late", "and wins the race", "as fast as possible"],
             "open": ["starts a great race", "wants to be the fastest of all", "is in a hurry"],
             "end": ["First at the finish! {N} has won.", "What a race! {N} is the fastest of all.", "{N} made it, just in time!"]},
    "treasure": {"who": "any", "idea": ["looking for a treasure", "to find gold", "who searches for a secret", "with a treasure map", "on a treasure hunt"],
                 "open": ["looks for a hidden treasure", "has an old treasure map", "follows a secret"],
                 "end": ["The greatest treasure was the journey itself.", "Here it is, the place where the treasure lies!", "The secret is found, and {N} smiles."]},
    "adventure": {"who": "any", "idea": ["on an adventure", "who explores the world", "on a long journey", "and has an adventure", "who travels far", "on a trip"],
                  "open": ["begins a great adventure", "sets out to see the world", "goes on a long journey"],
                  "end": ["What a journey! {N} will never forget it.", "And so the adventure ends, until tomorrow.", "Now {N} has a story to tell.",
                          "And that is how {N} saw the world."]},
    "sleep": {"who": "any", "idea": ["who can't sleep", "before going to bed", "and says good night", "who is tired", "a bedtime story"],
              "open": ["is not tired at all", "takes a last walk before bed", "cannot sleep"],
              "end": ["Good night, {bare}, and sweet dreams.", "Now {N} is tired, and the world goes to sleep.", "And then everything is quiet. Good night!"]},
    "brave": {"who": "any", "idea": ["who is afraid of the dark", "and a big storm", "who learns to be brave", "in danger", "who is not afraid of anything"],
              "open": ["wants to be brave", "is a little afraid", "takes all {p} courage"],
              "end": ["Nothing to fear! {N} is brave now.", "The fear is gone, and {N} is proud.", "Brave {bare}! The world is yours."]},
}
TITLES = {
    "mother": ["Looking for Mother", "The Way to Mother", "{Bare} and Mother"], "friend": ["A New Friend", "{Bare} Finds a Friend", "Two Friends"],
    "home": ["The Long Way Home", "{Bare} Goes Home", "Home at Last"], "see": ["{Bare} and {Place}", "A Dream of {Place}"],
    "race": ["The Great Race", "{Bare} in a Hurry", "Faster, {Bare}!"], "treasure": ["The Secret Treasure", "{Bare} and the Treasure"],
    "adventure": ["{Bare} Sees the World", "The Great Journey", "{Bare} on a Journey", "The Adventure of {Bare}"],
    "sleep": ["Good Night, {Bare}", "{Bare} Cannot Sleep"], "brave": ["Brave {Bare}", "{Bare} Is Not Afraid"],
}
VEHICLES = ("boat", "car", "train", "balloon", "rocket", "plane")


@dataclass
class Plan:
    """What is understood of an idea, completed with choices of one's own."""
    subject: str
    colour: str
    size: str
    noun: str  # what the narrator calls the subject
    goal: str
    pronoun: str = "it"  # it, he, she
    place: str = ""  # the main place
    time: str = ""  # where the idea names one
    action: str = ""  # where the idea names one
    other: tuple = ()  # a second subject: (subject, colour, size, noun)
    target: str = ""  # the place of the goal "see"
    shots: int = 3
    title: str = ""
    named_place: bool = False  # the idea itself names the place, the subject, the colour
    named_subject: bool = False
    named_colour: bool = False


def usual_place(rng, subject):
    if subject == "bear" and rng.random() < 0.3:
        return "forest"
    favourites = {"penguin": ["ice"], "fish": ["deep"], "whale": ["deep", "sea"], "boat": ["sea"], "car": ["city"],
                  "rocket": ["moon", "sky"], "plane": ["sky", "mountains"], "bird": ["forest", "meadow", "sky"], "fox": ["forest", "meadow"],
                  "horse": ["meadow", "beach"], "elephant": ["meadow", "desert"], "robot": ["city", "moon", "desert"],
                  "child": ["meadow", "city", "beach", "forest"], "cat": ["city", "meadow"], "dog": ["meadow", "city", "beach"]}
    possible = favourites.get(subject) or [p for a in world.SUBJECTS[subject]["actions"] for p in world.places_for(subject, a)]
    if rng.random() < 0.25:
        possible = [p for a in world.SUBJECTS[subject]["actions"] for p in world.places_for(subject, a) if p != "moon"] or possible
    return rng.choice(possible)


def can_be(subject, colour, place):
    return (place, colour) not in world.HIDDEN and bool(moving(subject, place))


def moving(subject, place):
    return [a for a in world.actions_for(subject, place) if a != "stand"]


def places_of(rng, plan):
    """The place of every shot: runs of neighbouring places around the main one."""
    count = plan.shots
    stops = 1 if count <= 2 else rng.choice([1, 2, 2]) if count <= 4 else rng.choice([2, 3, 3]) if count <= 7 else rng.choice([3, 4, 4])
    if count <= 4 and plan.named_place and plan.goal != "see" and rng.random() < 0.7:
        stops = 1
    if plan.place == "moon" or (plan.goal == "sleep" and rng.random() < 0.5):
        stops = min(stops, 2)
    route = [plan.place]
    if plan.goal == "see" and plan.target != plan.place and can_be(plan.subject, plan.colour, plan.target):
        route.append(plan.target)
    while len(route) < stops:
        ahead = [p for p in NEXT[route[-1]] if p not in route and p != "moon" and can_be(plan.subject, plan.colour, p)]
        behind = [p for p in NEXT[route[0]] if p not in route and p != "moon" and can_be(plan.subject, plan.colour, p)]
        grow_back = bool(behind) and (plan.goal == "see" or not ahead or rng.random() < 0.35)
        if grow_back:
            route.insert(0, rng.choice(behind))
        elif ahead and plan.goal != "see":
            route.append(rng.choice(ahead))
        else:
            break
    lengths = [1] * len(route)
    for _ in range(count - len(route)):  # the main place gets most of the shots
        lengths[route.index(plan.place) if rng.random() < 0.6 else rng.randrange(len(route))] += 1
    return [place for place, length in zip(route, lengths) for _ in range(length)]


def times_of(rng, plan):
    order = ["day", "dusk", "night"]
    count = plan.shots
    if plan.time:
        times = [plan.time] * count
        if count > 5 and plan.time != "night":
            times[-(count // 3):] = [order[order.index(plan.time) + 1]] * (count // 3)
        return times
    if plan.goal == "sleep":
        cut = rng.randrange(0, max(1, count // 2) + 1)
        return ["dusk"] * cut + ["night"] * (count - cut)
    first = rng.choices([0, 1, 2], [0.8, 0.12, 0.08])[0]
    changes = sorted(rng.randrange(1, count + 1) for _ in range(2 - first))
    times = [order[first + sum(i >= c for c in changes)] for i in range(count)]
    if count >= 6 and times[-1] == "night" and rng.random() < 0.4:
        times[-1] = "day"
    return times


def who(subject, colour, size, polar):
    """The phrase of the caption grammar for the subject; one for the whole story."""
    info = world.SUBJECTS[subject]
    noun = "polar bear" if polar else info["nouns"][0]
    if info.get("wears"):
        return " ".join(filter(None, ["" if size == "normal" else world.SIZES[size][0], noun])) + f" in {colour} clothes"
    return " ".join(filter(None, ["" if size == "normal" else world.SIZES[size][0], colour, noun]))


def prompt_of(rng, scene, polar):
    """A caption as world.caption would write it, with the subject's words held fixed."""
    if scene.pair:
        name = world.article(who(scene.subject, scene.colour, "big", polar)) + " and " + \
            world.article(who(scene.subject, scene.colour, "small", polar))
    else:
        name = world.article(who(scene.subject, scene.colour, scene.size, polar))
    verb = rng.choice(world.ACTIONS[scene.action])[1 if scene.pair else 0] + (" together" if scene.pair else "")
    place = world.PLACES[scene.place]
    where = rng.choice(place["at"] if scene.action == "stand" else place["across"])
    way = rng.choice(world.DIRECTIONS[scene.direction]) if scene.direction else ""
    when = rng.choice(world.TIMES[scene.time])
    order = rng.choices([0, 1, 2], [0.6, 0.25, 0.15])[0]
    parts = [[name, verb, way, where, when], [name, verb, where, way, when], [f"{when},", name, verb, way, where]][order]
    text = " ".join(filter(None, parts))
    return text[0].upper() + text[1:] + "."


def scenes_of(rng, plan):
    """One scene a shot, all different, all drawable."""
    count = plan.shots
    places, times = places_of(rng, plan), times_of(rng, plan)
    ways = [rng.choice(["right", "right", "left"])] * count
    if plan.goal == "home" and count >= 4 and rng.random() < 0.3:
        ways[-(count // 3):] = ["left" if ways[0] == "right" else "right"] * (count // 3)
    pair_end = plan.goal in FIND_PAIR
    guests = set()
    if plan.other and count >= 2:
        guests = {count // 2} if count < 6 else {count // 2 - 1, count - 2}
    scenes = []
    for i in range(count):
        last = i == count - 1
        guest = i in guests and not (last and count > 1)
        subject, colour, size = plan.other[:3] if guest else (plan.subject, plan.colour, plan.size)
        place = places[i]
        if guest and not can_be(subject, colour, place):
            guest, (subject, colour, size) = False, (plan.subject, plan.colour, plan.size)
        scene = None
        for attempt in range(60):
            actions = moving(subject, place)
            if not actions:
                break
            action = rng.choice(actions)
            if plan.action in actions and not guest and rng.random() < 0.6:
                action = plan.action
            elif plan.goal == "race" and "run" in actions and rng.random() < 0.7:
                action = "run"
            elif action == "swim" and subject not in ("fish", "whale") and plan.action != "swim" and rng.random() < 0.5:
                action = rng.choice(actions)
            rest = "stand" in world.actions_for(subject, place) and 0 < i and not (last and pair_end)
            if rest and rng.random() < (0.25 if last else 0.08):
                action = "stand"
            pair = last and pair_end and not guest
            way = ways[i] if attempt < 30 or last else rng.choice(["right", "left"])
            scene = world.Scene(subject, colour, "normal" if pair else size, pair, place, times[i], action,
                                "" if action == "stand" else way)
            if world.allowed(scene) and (attempt > 40 or scene not in scenes):
                break
        if scene is None or not world.allowed(scene):
            return None
        scenes.append(scene)
    return scenes


def fill(template, plan, scene, rng, **extra):
    verb, place = "", ""
    if scene:
        verb = rng.choice(world.ACTIONS[scene.action])[0]
        if scene.action == "stand":
            verb = rng.choice(["waits", "rests", "stands"])
        place = PLACE_NOUN[scene.place]
        extra.setdefault("detail", rng.choice(DETAIL[scene.place]))
        extra.setdefault("across", rng.choice(world.PLACES[scene.place]["at" if scene.action == "stand" else "across"]))
    possessive = {"it": "its", "he": "his", "she": "her"}[plan.pronoun]
    target = PLACE_NOUN[plan.target or plan.place]
    values = {"N": "the " + plan.noun, "n": plan.pronoun, "C": plan.pronoun.capitalize(), "p": possessive, "verb": verb, "place": place,
              "a": world.article(plan.noun), "bare": plan.noun, "target": target} | extra
    return re.sub(r"(^|[.!?:] )([a-z])", lambda m: m[1] + (m[2] if m[1] == ": " else m[2].upper()), template.format(**values))


def guest_line(rng, plan, scene):
    noun = plan.other[3]
    return fill(rng.choice(SECOND), plan, scene, rng, b=world.article(noun), B=world.article(noun).capitalize())


def narration_of(rng, plan, scenes, i):
    scene = scenes[i]
    last = i == len(scenes) - 1
    if plan.other and scene.subject == plan.other[0] and scene.subject != plan.subject:
        return guest_line(rng, plan, scene)
    if i == 0:
        goal = fill(rng.choice(GOALS[plan.goal]["open"]), plan, None, rng, place=PLACE_NOUN[plan.target or plan.place])
        goal = goal[0].lower() + goal[1:]
        return fill(rng.choice(OPENING[scene.time]), plan, scene, rng, goal=goal)
    if last:
        if scene.pair:
            return fill(rng.choice(FIND_PAIR[plan.goal]), plan, scene, rng)
        ends = GOALS[plan.goal].get("end") or GOALS["adventure"]["end"]
        return fill(rng.choice(ends), plan, scene, rng, place=PLACE_NOUN[plan.target or scene.place])
    before = scenes[i - 1]
    if scene.place != before.place and rng.random() < 0.75:
        return fill(rng.choice(ARRIVE), plan, scene, rng)
    if scene.time != before.time and rng.random() < 0.85:
        later = [line for line in LATER[scene.time] if scene.action != "stand" or "verb" not in line]
        return fill(rng.choice(later), plan, scene, rng)
    acting = list(ACTING[scene.action])
    if scene.subject in WINGLESS:
        acting[-1] = WINGLESS[scene.subject]
    if scene.action == "stand" or rng.random() < 0.55:
        return fill(rng.choice(acting), plan, scene, rng)
    return fill(rng.choice(MIDDLE), plan, scene, rng)


def storyboard_of(rng, plan):
    """The storyboard for a plan as the object that the writer answers, with its scenes; None where none is found."""
    scenes = scenes_of(rng, plan)
    if scenes is None:
        return None
    polar = plan.subject == "bear" and plan.colour == "white" and "polar" in plan.noun
    negative = rng.choice(NEGATIVES)
    shots, prompts, told = [], set(), set()
    for i, scene in enumerate(scenes):
        for _ in range(80):
            prompt = prompt_of(rng, scene, polar and scene.subject == "bear")
            if prompt not in prompts:
                break
        for _ in range(80):
            narration = narration_of(rng, plan, scenes, i)
            if narration not in told:
                break
        if prompt in prompts or narration in told:
            return None
        prompts.add(prompt)
        told.add(narration)
        spoken = len(narration) / 15.5  # seconds at an ordinary reader's speed
        seconds = min(SECONDS, key=lambda s: abs(s - spoken - 0.2))
        shots.append({"prompt": prompt, "negative_prompt": negative, "narration": narration, "seconds": seconds})
    bare = " ".join(w.capitalize() for w in plan.noun.split())
    place = " ".join(w if w in ("the", "of") else w.capitalize() for w in PLACE_NOUN[plan.target or plan.place].split())
    title = rng.choice(TITLES[plan.goal]).format(Bare="the " + bare if plan.goal in () else bare, Place=place)
    return {"title": plan.title or title, "shots": shots}, scenes


# ---- ideas ----------------------------------------------------------------------------------------------------------

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
        pool = [n for n in pool if not place or moving(OWN[n][0], place)] or list(OWN)
        pool = [n for n in pool if not named.get("colour") or named["colour"] in world.SUBJECTS[OWN[n][0]]["colours"]] or pool
        noun = rng.choice(pool)
    subject, noun_colour, size = named.get("as") or OWN.get(noun) or words.SYNONYMS[noun]
    size = named.get("size") or size
    place = named.get("place") or ""
    colour = named.get("colour") if named.get("colour") in world.SUBJECTS[subject]["colours"] else ""
    colour = colour or default_colour(rng, subject, noun_colour, place)
    if colour not in world.SUBJECTS[subject]["colours"]:
        colour = world.SUBJECTS[subject]["default"]
    if place and not can_be(subject, colour, place):
        near = [p for p in NEXT[place] if can_be(subject, colour, p)]
        place = rng.choice(near) if near else ""
    for _ in range(50):
        if place:
            break
        guess = usual_place(rng, subject)
        place = guess if can_be(subject, colour, guess) else ""
    if not place:
        place = next(p for p in world.PLACES if can_be(subject, colour, p))
    living = subject not in VEHICLES and subject != "robot"
    goal = named.get("goal")
    if not goal:
        goal = rng.choices(["adventure", "home", "friend", "see", "treasure", "race", "brave", "sleep"], [4, 3, 3, 2, 1, 1, 1, 1])[0]
    if goal == "mother" and not living:
        goal = "friend"
    pronoun = named.get("pronoun") or ("she" if noun in SHE else "he" if noun in HE else "it")
    if subject == "child" and pronoun == "it" and rng.random() < 0.999:
        pronoun = "she" if noun.endswith("er") else "he"
    plan = Plan(subject, colour, size, noun, goal, pronoun, place, named.get("time", ""), named.get("action", ""),
                shots=named["shots"], target=named.get("target", ""), named_place=bool(named.get("place")),
                named_subject=bool(named.get("noun")), named_colour=named.get("colour") == colour)
    if plan.size == "small" and not any(noun.endswith(y) for y in ("cub", "kitten", "puppy", "bunny", "foal", "chick", "calf", "lamb")) \
            and noun.split()[0] not in ("little", "baby", "toy", "paper"):
        plan.noun = "little " + noun
    if goal == "see" and not plan.target:
        options = [p for p in NEXT[place] if can_be(subject, colour, p)]
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
        drawable = [p for p in world.PLACES if moving(subject, p)]
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
        goals = [g for g, info_g in GOALS.items() if info_g["who"] == "any" or subject not in VEHICLES + ("robot",)]
        named["goal"] = rng.choice(goals + (["mother"] * 2 if "mother" in goals and size == "small" else []))
        target = ""
        if named["goal"] == "see":
            start = named.get("place")
            options = [p for p in (NEXT[start] if start else world.PLACES) if moving(subject, p)] or [start or "forest"]
            target = rng.choice(options)
            named["target"] = target
        goal_text = rng.choice(GOALS[named["goal"]]["idea"]).format(
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
        named["goal"] = rng.choice([g for g in GOALS if g not in ("see", "mother")])
        parts.append(rng.choice(GOALS[named["goal"]]["idea"]).format(p="its", place=""))
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
    places = [p for p in tongue["places"] if moving(subject, p)]
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
        elif kind < 0.68:
            text, plan = named_idea(rng, count)
            if rng.random() < 0.75:
                text = rng.choice(words.FRAMES).format(i=text, I=text[:1].upper() + text[1:])
        elif kind < 0.77:
            text, plan = partial_idea(rng, count)
        elif kind < 0.87:
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
        made = storyboard_of(rng, plan)
        if made and text.strip():
            return text.strip(), language, count, made[0], made[1], plan


SYSTEM = ('You write storyboards for short videos. Answer with one JSON object and nothing else: {"title": text, "shots": '
          '[{"prompt": what the picture shows, "negative_prompt": what it must not show, "narration": what the narrator says, '
          '"seconds": number}]}')


def chat(idea, language, shots):
    """The prompt up to the assistant's turn, by the Llama-3 header template."""
    def turn(role, text):
        return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"
    return ("<|begin_of_text|>" + turn("system", SYSTEM) + turn("user", f"Idea: {idea}\nShots: {shots}\nLanguage: {language}") +
            "<|start_header_id|>assistant<|end_header_id|>\n\n")


def answer(storyboard):
    return json.dumps(storyboard, ensure_ascii=False, separators=(",", ":")) + "<|eot_id|>"


if __name__ == "__main__":
    chooser = random.Random(7)
    for _ in range(14):
        idea_text, tongue_name, n_shots, story, _, _ = sample(chooser)
        print(f"\n## {idea_text}  [{n_shots}, {tongue_name}]  ->  {story['title']}")
        for shot in story["shots"]:
            print(f"   {shot['seconds']:>4}  {shot['prompt']}\n         {shot['narration']}")
