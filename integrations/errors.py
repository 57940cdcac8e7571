"""What can go wrong with a provider. Who catches which: `integrations.services`."""

from __future__ import annotations


class ProviderError(Exception):
    """The message is a sentence for a person."""


class Unavailable(ProviderError):  # noqa: N818
    """The provider did not answer, or not sensibly: try later."""


class RateLimited(ProviderError):  # noqa: N818
    """The provider asks us to wait `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Revoked(ProviderError):  # noqa: N818
    """The athlete must connect again."""


class UnexpectedPayload(ProviderError):  # noqa: N818
    """A payload that does not hold what it must: its raw record is kept, counted, and the rest goes on."""
