"""Questions of learners: each has a view, whose own card asks it, in both languages."""

import pytest

from explorer.course.lessons import Ask, Card
from explorer.course.questions import questions
from explorer.course.showing import ask_of, card_of
from explorer.i18n import LANGUAGES, t
from explorer.ui.ways import PAGES

ASKED = {
    "lag": {"en": "lags behind, or goes flat", "ko": "늦기만 하거나 평평하다"},
    "gates": {"en": "Hold f at 1 and i at 0 from step 3", "ko": "f를 1로, i를 0으로 고정"},
    "hand": {"en": "When must i be open, what must f do", "ko": "i는 언제 열고, f는 어떻게 두고"},
    "start": {"en": "What is h₀?", "ko": "h₀는 무엇인가?"},
    "fork": {"en": "The other branch of a fork", "ko": "갈림길의 다른 갈래"},
    "bottleneck": {"en": "past the 64 numbers", "ko": "64개의 수를 넘어"},
    "packing": {"en": "Why pack sequences", "ko": "시퀀스를 왜 패킹하는가"},
    "chance": {
        "en": "Is 14\u00a0% against 9\u00a0% more than chance?",
        "ko": "14\u00a0%와 9\u00a0%의 차이는 우연입니까?",
    },
    "arrows": {"en": "Backprop runs backwards, so why feed-forward?", "ko": "역전파는 뒤로 가는데"},
}
"""What of a card asks the question of that key."""


def test_each_question_has_its_view():
    assert list(questions()) == list(ASKED)
    for see in questions().values():
        assert (PAGES / f"{see.page}.py").exists()
        assert see.experiment.card  # it opens with its card, whatever the page would lead with


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("key", ASKED)
def test_the_card_of_its_view_asks_it_and_has_an_answer(key, lang):
    see = questions()[key]
    card = card_of(see, lang)
    assert card is not None and card.key == see.experiment.card
    ask = ask_of(card)
    assert ask is not None and ask.answer
    assert ASKED[key][lang] in read(card)
    assert t(f"course.question_{key}", lang).endswith(("?", "."))


def read(card: Card) -> str:
    """A card as it is read before its answer."""
    said = [part for part in card.parts if isinstance(part, str)]
    return "\n".join([card.title, *said, *(part.question for part in card.parts if isinstance(part, Ask))])
