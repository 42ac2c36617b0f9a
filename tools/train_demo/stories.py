"""Little stories for the demo writer: a plan in, a storyboard in the words of the cartoon world out.

A Plan says who the story is about and what happens; asking.py makes plans from ideas. A storyboard is a walk through
neighbouring places and later and later times, with one subject of one colour, an opening, an end that keeps the
idea's promise, and no shot twice.
"""

import json
import re
from dataclasses import dataclass

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
          "Next, {N} comes to {place}, {detail}.", "Behind the next bend {n} finds {place}, {detail}."]
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
    "day": ["One bright morning, {a} {goal}.", "It is a sunny day, and {a} {goal}.", "This is the story of {a} who {goal}.", "Early one morning, {a} {goal}."],
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
            "end": ["At last: {place}, more beautiful than any dream!", "At last {N} sees {place}, and it is wonderful.", "The dream has come true: here, at last, {N} sees {place}!"]},
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
    "home": ["The Long Way Home", "{Bare} Goes Home", "Home at Last"], "see": ["The {Bare} and {Place}", "A Dream of {Place}"],
    "race": ["The Great Race", "{Bare} in a Hurry", "Faster, {Bare}!"], "treasure": ["The Secret Treasure", "The {Bare} and the Treasure"],
    "adventure": ["{Bare} Sees the World", "The Great Journey", "{Bare} on a Journey", "The Adventure of the {Bare}"],
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
