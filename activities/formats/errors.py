"""What every format module raises, and the only thing."""


class Unreadable(ValueError):  # noqa: N818 - it reads as what it says
    """Nothing in these bytes can be read; the message is a sentence for a person, without the file's name."""
