"""What is raised where nothing can be trained on what somebody chose or typed."""


class Unusable(ValueError):  # noqa: N818 (it is the choices that are at fault)
    """Choices that nothing can be trained on: the key of a sentence to show, and its values."""

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(f"{sentence}: {values}")
        self.sentence, self.values = sentence, values
