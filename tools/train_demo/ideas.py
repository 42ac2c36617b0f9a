"""The ideas that the demo writer learns to understand: words outside the cartoon world and how people ask.

The world (world.py) knows twenty kinds of subjects, twelve places and eleven colours. People write about tigers, queens,
lighthouses and Tuesdays, in any language and with any spelling. Here is what maps their words to the nearest thing
that can be drawn, and the phrasings around it.
"""

# What can't be drawn as such: noun -> (subject of the world, colour or None for its usual one, size). The narrator
# keeps the idea's own noun, the picture shows the nearest subject.
SYNONYMS = {
    "tiger": ("cat", "orange", "big"), "lion": ("cat", "yellow", "big"), "lioness": ("cat", "yellow", "big"),
    "leopard": ("cat", "yellow", "big"), "panther": ("cat", "black", "big"), "lion cub": ("cat", "yellow", "small"),
    "wolf": ("dog", "grey", "normal"), "husky": ("dog", "grey", "normal"), "hound": ("dog", "brown", "normal"),
    "coyote": ("dog", "brown", "normal"), "wolf cub": ("dog", "grey", "small"), "poodle": ("dog", "white", "normal"),
    "squirrel": ("fox", "red", "small"), "raccoon": ("fox", "grey", "normal"), "badger": ("fox", "grey", "normal"),
    "mouse": ("rabbit", "grey", "small"), "hamster": ("rabbit", "brown", "small"), "hedgehog": ("rabbit", "brown", "small"),
    "kangaroo": ("rabbit", "brown", "big"), "frog": ("rabbit", "yellow", "small"), "rat": ("rabbit", "grey", "small"),
    "panda": ("bear", "black", "normal"), "koala": ("bear", "grey", "small"), "gorilla": ("bear", "black", "big"),
    "monkey": ("bear", "brown", "small"), "teddy bear": ("bear", "brown", "small"), "grizzly": ("bear", "brown", "big"),
    "yeti": ("bear", "white", "big"), "beaver": ("bear", "brown", "small"), "pig": ("bear", "pink", "small"),
    "cow": ("horse", "brown", "normal"), "donkey": ("horse", "grey", "normal"), "zebra": ("horse", "white", "normal"),
    "unicorn": ("horse", "white", "normal"), "deer": ("horse", "brown", "normal"), "camel": ("horse", "yellow", "normal"),
    "goat": ("horse", "white", "small"), "sheep": ("horse", "white", "small"), "lamb": ("horse", "white", "small"),
    "reindeer": ("horse", "brown", "normal"), "giraffe": ("horse", "yellow", "big"), "moose": ("horse", "brown", "big"),
    "hippo": ("elephant", "grey", "normal"), "rhino": ("elephant", "grey", "normal"), "mammoth": ("elephant", "brown", "big"),
    "dinosaur": ("elephant", "green", "big"), "monster": ("elephant", "purple", "normal"), "dragon": ("bird", "red", "big"),
    "duck": ("bird", "yellow", "normal"), "duckling": ("bird", "yellow", "small"), "eagle": ("bird", "brown", "big"),
    "owl": ("bird", "brown", "normal"), "swan": ("bird", "white", "normal"), "parrot": ("bird", "green", "normal"),
    "crow": ("bird", "black", "normal"), "raven": ("bird", "black", "normal"), "seagull": ("bird", "white", "normal"),
    "goose": ("bird", "white", "normal"), "chicken": ("bird", "white", "normal"), "bat": ("bird", "black", "small"),
    "sparrow": ("bird", "brown", "small"), "flamingo": ("bird", "pink", "normal"), "phoenix": ("bird", "orange", "big"),
    "bee": ("butterfly", "yellow", "small"), "moth": ("butterfly", "white", "normal"), "fairy": ("butterfly", "pink", "small"),
    "dragonfly": ("butterfly", "green", "normal"), "ladybird": ("butterfly", "red", "small"),
    "firefly": ("butterfly", "yellow", "small"), "ladybug": ("butterfly", "red", "small"),
    "shark": ("fish", "grey", "big"), "goldfish": ("fish", "orange", "small"), "salmon": ("fish", "pink", "normal"),
    "clownfish": ("fish", "orange", "small"), "octopus": ("fish", "purple", "normal"), "jellyfish": ("fish", "pink", "normal"),
    "mermaid": ("fish", "green", "normal"), "seahorse": ("fish", "yellow", "small"), "turtle": ("fish", "green", "normal"),
    "dolphin": ("whale", "grey", "small"), "orca": ("whale", "black", "normal"), "seal": ("whale", "grey", "small"),
    "submarine": ("whale", "grey", "normal"), "pirate ship": ("boat", "black", "big"), "yacht": ("boat", "white", "normal"),
    "ferry": ("boat", "white", "big"), "canoe": ("boat", "brown", "small"), "raft": ("boat", "brown", "small"),
    "fishing boat": ("boat", "red", "small"), "paper boat": ("boat", "white", "small"), "viking ship": ("boat", "brown", "big"),
    "truck": ("car", "red", "big"), "bus": ("car", "yellow", "big"), "taxi": ("car", "yellow", "normal"),
    "tractor": ("car", "green", "normal"), "fire engine": ("car", "red", "big"), "van": ("car", "white", "normal"),
    "bicycle": ("car", "red", "small"), "motorbike": ("car", "black", "small"), "racing car": ("car", "red", "normal"),
    "police car": ("car", "blue", "normal"), "ambulance": ("car", "white", "normal"), "jeep": ("car", "green", "normal"),
    "tram": ("train", "yellow", "normal"), "locomotive": ("train", "black", "big"), "subway": ("train", "blue", "normal"),
    "kite": ("balloon", "red", "small"), "airship": ("balloon", "yellow", "big"), "bubble": ("balloon", "pink", "small"),
    "cloud": ("balloon", "white", "normal"), "lantern": ("balloon", "orange", "small"), "zeppelin": ("balloon", "red", "big"),
    "spacecraft": ("rocket", "white", "normal"), "satellite": ("rocket", "white", "small"), "ufo": ("rocket", "green", "normal"),
    "space shuttle": ("rocket", "white", "big"), "comet": ("rocket", "yellow", "normal"), "star": ("rocket", "yellow", "small"),
    "jet": ("plane", "white", "normal"), "helicopter": ("plane", "yellow", "normal"), "glider": ("plane", "white", "normal"),
    "aeroplane": ("plane", "white", "normal"), "drone": ("plane", "grey", "small"), "paper plane": ("plane", "white", "small"),
    "android": ("robot", "white", "normal"), "machine": ("robot", "grey", "normal"), "alien": ("robot", "green", "small"),
    "cyborg": ("robot", "grey", "normal"), "ghost": ("robot", "white", "normal"), "toy robot": ("robot", "red", "small"),
    "prince": ("child", "blue", "normal"), "princess": ("child", "pink", "normal"), "king": ("child", "red", "big"),
    "queen": ("child", "purple", "big"), "knight": ("child", "white", "big"), "pirate": ("child", "red", "big"),
    "wizard": ("child", "purple", "big"), "witch": ("child", "purple", "big"), "astronaut": ("child", "white", "big"),
    "cowboy": ("child", "blue", "big"), "ninja": ("child", "blue", "normal"), "farmer": ("child", "green", "big"),
    "fisherman": ("child", "yellow", "big"), "soldier": ("child", "green", "big"), "doctor": ("child", "white", "big"),
    "teacher": ("child", "blue", "big"), "dancer": ("child", "pink", "normal"), "painter": ("child", "blue", "big"),
    "postman": ("child", "blue", "big"), "baker": ("child", "white", "big"), "grandmother": ("child", "purple", "big"),
    "grandfather": ("child", "green", "big"), "detective": ("child", "yellow", "big"), "superhero": ("child", "red", "big"),
    "gnome": ("child", "red", "small"), "elf": ("child", "green", "small"), "snowman": ("child", "white", "normal"),
    "santa": ("child", "red", "big"), "baby": ("child", "yellow", "small"), "traveller": ("child", "green", "big"),
    "sailor": ("child", "blue", "big"), "hunter": ("child", "green", "big"), "kid": ("child", "yellow", "small"),
    "scientist": ("child", "white", "big"), "student": ("child", "blue", "normal"), "musician": ("child", "red", "big"),
}

NAMES_SHE = ("Anna Lily Emma Mia Sofia Olivia Maria Nora Lena Clara Zoe Alice Ella Ida Grace Julia Sara Eva Lucy Amy "
             "Fatima Yuki Priya Aisha Ingrid Rosa Hannah Chloe Nina Greta").split()
NAMES_HE = ("Tom Max Leo Ben Paul Jack Sam Noah Liam Oscar Felix Hugo Peter John David Ali Omar Finn Jonas Emil Otto "
            "Kenji Ravi Ivan Pedro Lukas Adam Theo Henry Charlie").split()

# Words for places that people use besides the world's own.
PLACE_WORDS = {
    "ice": ["the ice", "the snow", "the North Pole", "the South Pole", "Antarctica", "the Arctic", "a glacier", "Greenland",
            "the frozen lake", "the snowy land", "a snowy field", "Alaska", "winter"],
    "sea": ["the sea", "the ocean", "the waves", "a lake", "the river", "a storm at sea", "the harbour", "the Atlantic"],
    "forest": ["the forest", "the woods", "the jungle", "the rainforest", "the park", "a dark forest", "the trees"],
    "desert": ["the desert", "the Sahara", "the sand", "the dunes", "Egypt", "the pyramids", "Mars", "the savanna"],
    "meadow": ["the meadow", "the grass", "the field", "the garden", "a farm", "the flowers", "the hills", "the valley"],
    "city": ["the city", "the town", "the street", "New York", "Paris", "Tokyo", "London", "Berlin", "the school",
             "the market", "the village", "a big city", "the station"],
    "beach": ["the beach", "the shore", "the coast", "an island", "the seaside", "Hawaii", "a desert island"],
    "mountains": ["the mountains", "the mountain", "the Alps", "a volcano", "the hill", "a cave", "the Himalayas", "Everest"],
    "castle": ["the castle", "the old castle", "the palace", "the tower", "a haunted house", "the ruins", "a kingdom"],
    "moon": ["the moon", "space", "outer space", "another planet", "the stars", "the galaxy", "the universe"],
    "sky": ["the sky", "the clouds", "the air", "the rainbow", "heaven"],
    "deep": ["the deep sea", "the sea floor", "the coral reef", "a sunken ship", "Atlantis", "the bottom of the sea"],
}

# Ordinary words that say nothing the world could draw.
FILLER = """time year way thing world life hand part child eye woman place work week case point government company number
group problem fact love hope music dance song dream idea story book letter word phone computer screen window door house
kitchen table chair bread apple cheese coffee tea soup pizza cake sugar salt money bank tax lawyer office meeting email
keyboard software quantum physics maths history war peace freedom justice democracy election president minister party
football tennis chess guitar piano violin drum opera cinema theatre poem novel newspaper radio television internet
weather rain storm wind thunder summer autumn spring monday tuesday friday sunday january april october birthday holiday
hospital medicine science robotics energy carbon oxygen atom gravity magnet mirror clock hammer nail screw ladder rope
bottle glass plate spoon fork knife shoe hat glove scarf button pocket bag box key lock candle lamp fire smoke ash dust
stone iron gold silver copper wood paper ink paint brush pencil line circle square triangle number seven forty hundred
silence noise laughter anger fear joy sadness memory secret mystery magic spell wish promise lie truth question answer
beginning end middle left over under between because although never always sometimes perhaps maybe quickly slowly
carefully suddenly finally beautiful strange tired hungry angry happy lonely brave lazy clever silly famous rich poor
ancient modern digital invisible enormous eternal broken frozen lost forgotten hidden golden sharp soft loud quiet
lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt asdf qwerty foo bar baz test
hello hi hey please thanks ok yes no what who when where why how make draw show tell write create generate video movie
film clip animation cartoon picture scene short long best epic cinematic dramatic 4k hd realistic detailed masterpiece
the a an and or but with without for from into about of to in on at by is was are were be been has have had will would""".split()

STRANGE = ["?", "!!!", "...", "12345", "42", "3.14", "@#$%", "<script>", "{}", "[]", "\"", "\\n", "null", "None", "true",
           "http://example.com", "user@example.com", "C:\\temp", "/dev/null", "SELECT * FROM t", "-", "–", "…", "€", "😀", "🐻",
           "🚀🚀", "❤", "日本", "中文", "한국어", "привет", "мир", "γειά", "שלום", "مرحبا", "नमस्ते", "ñandú", "œuvre", "ß", "Ω", "½"]

QUESTIONS = ["What is the meaning of life?", "Why is the sky so high?", "How do I bake bread?", "Who are you?",
             "What should I watch tonight?", "Can you help me?", "What comes after tomorrow?", "Where do dreams go?",
             "How does a computer work?", "Why do we laugh?", "Is there anybody out there?", "What time is it?"]

ABSTRACT = ["A love story.", "Something funny.", "Surprise me", "A bedtime story for my daughter", "anything", "A story about hope",
            "The end of the world", "A happy ending", "Friendship", "Freedom", "Happiness", "A sad story", "An adventure", "idea",
            "Something about courage", "A thriller in which nobody is who they seem", "The history of mathematics", "story",
            "A cooking show", "An advert for a new phone", "The stock market crashes", "A day in the life of a programmer",
            "A documentary about bread", "Romeo and Juliet", "Ten years later", "My summer holiday", "A rainy afternoon", "x", "."]

# Other languages: subject, place and colour words. The story is told in English.
FOREIGN = {
    "de": {
        "subjects": {"bear": ["Bär", "kleiner Bär"], "fox": ["Fuchs"], "cat": ["Katze"], "dog": ["Hund"], "rabbit": ["Hase", "Kaninchen"],
                     "horse": ["Pferd"], "elephant": ["Elefant"], "penguin": ["Pinguin"], "child": ["Kind", "Junge", "Mädchen"],
                     "robot": ["Roboter"], "bird": ["Vogel"], "butterfly": ["Schmetterling"], "fish": ["Fisch"], "whale": ["Wal"],
                     "boat": ["Boot", "Schiff"], "car": ["Auto"], "train": ["Zug"], "balloon": ["Ballon"], "rocket": ["Rakete"],
                     "plane": ["Flugzeug"]},
        "places": {"ice": ["auf dem Eis", "im Schnee"], "sea": ["auf dem Meer", "über das Meer"], "forest": ["im Wald", "durch den Wald"],
                   "desert": ["in der Wüste"], "meadow": ["auf der Wiese"], "city": ["in der Stadt", "durch die Stadt"],
                   "beach": ["am Strand"], "mountains": ["in den Bergen"], "castle": ["am Schloss"], "moon": ["auf dem Mond"]},
        "colours": {"white": "weißer", "black": "schwarzer", "red": "roter", "blue": "blauer", "green": "grüner", "yellow": "gelber",
                    "brown": "brauner", "grey": "grauer", "orange": "oranger", "pink": "rosa"},
        "shapes": ["Ein {c} {s} {p}", "Ein {s} {p}", "{s} {p}", "Ein {c} {s} sucht seine Mutter {p}", "Die Geschichte vom {s} {p}",
                   "Ein kleiner {s} geht {p}", "Ein {s} findet {p} einen Freund", "Eine Reise {p} mit einem {s}"]},
    "fr": {
        "subjects": {"bear": ["ours", "ourson"], "fox": ["renard"], "cat": ["chat"], "dog": ["chien"], "rabbit": ["lapin"],
                     "horse": ["cheval"], "elephant": ["éléphant"], "penguin": ["pingouin"], "child": ["enfant", "garçon", "fille"],
                     "robot": ["robot"], "bird": ["oiseau"], "butterfly": ["papillon"], "fish": ["poisson"], "whale": ["baleine"],
                     "boat": ["bateau"], "car": ["voiture"], "train": ["train"], "balloon": ["ballon"], "rocket": ["fusée"],
                     "plane": ["avion"]},
        "places": {"ice": ["sur la glace", "dans la neige"], "sea": ["sur la mer"], "forest": ["dans la forêt"],
                   "desert": ["dans le désert"], "meadow": ["dans le pré"], "city": ["dans la ville"], "beach": ["sur la plage"],
                   "mountains": ["dans les montagnes"], "castle": ["au château"], "moon": ["sur la lune"]},
        "colours": {"white": "blanc", "black": "noir", "red": "rouge", "blue": "bleu", "green": "vert", "yellow": "jaune",
                    "brown": "brun", "grey": "gris", "orange": "orange", "pink": "rose"},
        "shapes": ["Un {s} {c} {p}", "Un {s} {p}", "{s} {p}", "Un petit {s} {c} cherche sa mère {p}", "L'histoire d'un {s} {p}",
                   "Un {s} trouve un ami {p}", "Le voyage d'un {s} {c} {p}"]},
    "es": {
        "subjects": {"bear": ["oso", "osito"], "fox": ["zorro"], "cat": ["gato"], "dog": ["perro"], "rabbit": ["conejo"],
                     "horse": ["caballo"], "elephant": ["elefante"], "penguin": ["pingüino"], "child": ["niño", "niña"],
                     "robot": ["robot"], "bird": ["pájaro"], "butterfly": ["mariposa"], "fish": ["pez"], "whale": ["ballena"],
                     "boat": ["barco"], "car": ["coche"], "train": ["tren"], "balloon": ["globo"], "rocket": ["cohete"],
                     "plane": ["avión"]},
        "places": {"ice": ["sobre el hielo", "en la nieve"], "sea": ["en el mar"], "forest": ["en el bosque"],
                   "desert": ["en el desierto"], "meadow": ["en el prado"], "city": ["en la ciudad"], "beach": ["en la playa"],
                   "mountains": ["en las montañas"], "castle": ["en el castillo"], "moon": ["en la luna"]},
        "colours": {"white": "blanco", "black": "negro", "red": "rojo", "blue": "azul", "green": "verde", "yellow": "amarillo",
                    "brown": "marrón", "grey": "gris", "orange": "naranja", "pink": "rosa"},
        "shapes": ["Un {s} {c} {p}", "Un {s} {p}", "{s} {p}", "Un pequeño {s} {c} busca a su madre {p}", "La historia de un {s} {p}",
                   "Un {s} encuentra un amigo {p}", "El viaje de un {s} {c} {p}"]},
}

# Frames around an idea. {i} is the idea without its full stop, {I} with a capital.
FRAMES = ["{I}", "{I}", "{I}", "{I}", "{I}.", "{I}.", "{I}.", "{i}", "{i}", "A story about {i}", "a story about {i}", "Tell me a story about {i}.",
          "Make a video of {i}", "A film about {i}.", "I want to see {i}", "Please draw {i}!", "Once upon a time there was {i}.",
          "story: {i}", "Write something about {i}, please", "A short cartoon: {i}", "{I}!", "{I}...", "Can you show me {i}?",
          "What about {i}?", "My daughter loves {i}", "A children's book with {i}", "{I}, cinematic, 4k, highly detailed",
          "An epic tale of {i}", "Imagine {i}.", "video of {i}", "The adventures of {i}", "{I} (for children)"]
