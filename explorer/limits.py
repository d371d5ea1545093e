"""Every cap of the app, each with its reason. A number a teacher might ask about lives here."""

MAX_TEXT = 20_000
"""Characters of a sentence. A class of thirty may paste at once; 20,000 steps take well under a second."""

MAX_URL_TEXT = 1_500
"""Characters of text a link carries. Servers refuse lines of some 64 KB; Hangul takes 9 bytes each."""

MAX_HOLDS = 200
"""Characters of what is held beside a first gate: some twenty gates and units."""

WINDOW = 64
"""Steps on the stage at once. More columns are too thin to read from the back row."""

MAX_FLOW = 200
"""Steps whose gradients are shown at once: 200 x 201 norms are computed in a tenth of a second."""

MAX_GRADIENT_STEPS = 1_000
"""Steps whose gradients a file takes: the triangle of 1,000 losses takes a second or two, and 8 MB."""

MAX_HIDDEN = 64
"""Units of a layer on the stage. More rows are too thin to point at."""

MAX_UNITS = 1_024
"""Units of a layer out of a file that is shown: its payload has some 70 MB, and a page takes a second."""

MAX_LEVELS = 64
"""Layers of a network out of a file, of which one is shown."""

DRAWN_UNITS = 64
"""Rows of a heatmap where a layer has more units: those that vary most, or one of each kind."""

FLOW_WORK = 2e10
"""Multiplications of a triangle's walk back that a page waits for: some seconds of one core."""

MAX_LABEL = 24
"""Characters of a token that a plot draws. A label of 200,000 characters is drawn whole."""

MAX_VIEWS = 60
"""Views of a lecture's list: a whole day of them. A link carries them all."""

MAX_LIST = 6_000
"""Characters of a list of views in a link: sixty views take some 3,000. It unpacks to eight times as many."""

MAX_MINUTES = 240
"""Minutes of one view in a lecture."""

MAX_TITLE = 80
"""Characters of a title, that of an exported page or of a view: one or two lines, and a tab's label."""

EMBEDDING = 16
"""Size of the word vectors of a language model built here: enough for a few dozen words."""

LEARN_WORK = 24_000
"""Cell steps of a sentence that is learned while its reader waits, a cell without a kernel of PyTorch's own
counted twice: 375 training steps of 64 tokens, 2 to 3 seconds of one core in a GRU, 1 in an LSTM."""

CUE_SHARE = 0.4
"""Of a later prediction, what another word in its place moves on average: then a word is shaded as a cue.
In the built-in LSTMs those are the first words of the ambiguous sentences; neighbours move less."""

CUE_WORK = 8_000
"""Steps of the cell for which cue words are looked for: some 10 ms, for twelve words of a vocabulary of
fifty. The built-in sentences take 250 to 500."""

MARKED_LENGTH = 20
"""Steps of the marked-numbers task: long enough to need a gate, learned in about a second."""

TOP = 6
"""Candidates listed as next token: they fit beside the drawing at projector size."""

FLOAT32_MAX = 3.4028234663852886e38
"""Largest finite float32. Past it the numbers of a PyTorch run by default are inf."""

MAX_CASES = 10_000
"""Random sequences of `verify` per cell: a few minutes. More find nothing that these do not."""

MAX_LENGTH = 400
"""Steps of a training sequence. Ten times as many take ten times as long, and nobody would wait for it."""

MAX_LAYERS = 4
"""Layers of a network that is trained here: each costs as much as the first."""

MAX_BATCH = 256
"""Sequences of one training step: more take longer and do not learn faster here."""

MAX_BUDGET = 20_000
"""Training steps of one racer: some minutes on one core. A lesson waits for less."""

MAX_SENTENCES = 20_000
"""Sentences of a grammar to learn again and again; they are made in two seconds."""

MAX_RACERS = 6
"""Racers of one race: six curves can still be told apart."""

MAX_QUEUE = 64
"""Races that wait for a core. A class of thirty who each start their own find room, and another class."""

MAX_QUEUE_ADDRESS = 48
"""Races of one address that wait: a class behind one address finds room, and leaves some for others."""

MAX_RACES_EACH = 4
"""Races of one visitor that train or wait: a window follows one, and what nobody watches pauses."""

TURN_SECONDS = 30.0
"""How long a race trains before it lets another in that waits. Going on later costs about a second of it."""

UNWATCHED_SECONDS = 60.0
"""How long a race goes on while nobody watches, before it pauses: a reload, a dropped network take less."""

LEFT_SECONDS = 2 * 3600.0
"""How long a paused race waits for somebody to come back: a lecture and its break. It holds no core."""

MAX_RUNS = 60
"""Races kept on the server, running and done: some 3 MB each."""

MAX_UPLOAD_TEXT = 1024 * 1024
"""Bytes of an uploaded text: a whole number of MB, as a page says it. Its first MAX_TEXT letters are read."""

MAX_UPLOAD_MODEL = 4 * 1024 * 1024
"""Bytes of an uploaded model: a million weights, a hundred times what the app trains by default."""

MAX_SESSION_BYTES = 32 * 1024 * 1024
"""Bytes of uploaded files that a session holds: two of the largest. Its own oldest gives way."""

MAX_SESSIONS_BYTES = 128 * 1024 * 1024
"""The same of all sessions together: a page reads a file within a second, and none waits for another's."""

MAX_UPLOAD_NETWORK = 16 * 1024 * 1024
"""Bytes of an uploaded network of somebody's own: four million weights. A process of its own reads it."""

MAX_OWN_BYTES = 512 * 1024 * 1024
"""Bytes of all networks out of files, vocabularies and sequences that a server keeps, on its disk."""

MAX_OWN_BYTES_EACH = 128 * 1024 * 1024
"""The same of one visitor: the own oldest gives way."""

MAX_VOCABULARY_FILE = 4 * 1024 * 1024
"""Bytes of an uploaded vocabulary: a tokenizer of a hundred thousand words has some three million."""

MAX_WORDS = 100_000
"""Tokens of a vocabulary that comes along with a network."""

MAX_SEQUENCE = 4 * 1024 * 1024
"""Bytes of an uploaded sequence of numbers: a minute of 80 bands, 100 steps a second, in float64."""

MAX_COLUMNS = 4_096
"""Numbers of one step of it."""

MAX_HEADER = 64 * 1024
"""Bytes of a model file's header. One of 900,000 empty tensors took 15 seconds and a gigabyte to read."""

MAX_UPLOAD_HIDDEN = 512
"""Units of a layer in an uploaded model: a larger LSTM does not fit into the file."""

MAX_VOCABULARY = 20_000
"""Tokens of an uploaded model: more do not fit into the header. Also its most inputs and outputs."""

MAX_TOKEN = 64
"""Characters of a token of an uploaded model: a word is shorter, and a plot shows no more than 24."""

MAX_PROMPT = 2_000
"""Characters of a prompt: longer than any sentence that a network here was trained on."""

MAX_SAID = 400
"""Tokens said at once on the page: each has a column of its own to step through."""

CUBE_HIDDEN = 24
"""Units of a network that learns to hold three bits: learned in a few seconds, all points found in one."""

MAX_POINTS = 400
"""Fixed and slow points of one network that are drawn: more of them are a line, and look like one."""

MAX_SEARCHED = 256
"""Numbers of a state whose fixed points are searched: an LSTM of two layers of 64. More take minutes."""

PORTRAIT_HIDDEN = 64
"""Units of the random network that shows chaos: enough for an edge near a gain of 1."""

MAX_ROOMS = 40
"""Rooms open at once: a school's lessons of one hour. A room of 100 costs a twentieth of a core at rest."""

MAX_ROOMS_EACH = 10
"""Rooms open at once that one address opened: one visitor cannot take all of them."""

MAX_MEMBERS = 200
"""Devices in a room: a lecture hall; a hundred of them are served well."""

MAX_STREAMS = 4
"""Open event streams of one device in a room: a few tabs. The oldest gives way."""

ROOM_SECONDS = 3 * 3600.0
"""How long a room stays without its lecturer: a double lesson, and a lecturer whose laptop went flat."""

EMPTY_ROOM_SECONDS = 15 * 60.0
"""How long it stays with nobody in it at all, where others need its place."""

UNUSED_ROOM_SECONDS = 60.0
"""The same for one that nobody ever came to: its lecturer's page would have been there within seconds."""

AWAY_SECONDS = 120.0
"""How long a device is away before its place may go to another in a full room."""

NEVER_SECONDS = 5.0
"""The same for one that joined and never listened: whoever joins a hundred times keeps nobody out."""

MAX_PACES = 4096
"""Addresses whose pace is remembered: more than a school has, each a few hundred bytes."""

MAX_ROOM_POST = 32 * 1024
"""Bytes of a message to a room: a view whose text fills a link, percent-encoded."""

MAX_QUESTION = 300
"""Characters of a question that a lecturer types: three lines on a projector."""

MAX_ANSWER = 80
"""Characters of an answer to choose: one line on a phone."""

CLASS_SECONDS = 3.0
"""CPU seconds that few seeds of a class's race exceed: thirty of one (temporal order, GRU) took 133 s."""
