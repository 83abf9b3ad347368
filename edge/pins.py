"""What each manifest that ships must be, to the byte. It names files and opens none.

`tools/pin_models` writes the table; a manifest names its model by size and SHA-256 in turn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pin:
    """Of one file. size_bytes: None where only its hash was given."""

    sha256: str
    size_bytes: int | None = None

    def fits(self, content: bytes) -> bool:
        """Whether this is the file's content."""
        if self.size_bytes not in (None, len(content)):
            return False
        return hashlib.sha256(content).hexdigest() == self.sha256.lower()


SHIPPED: dict[str, Pin] = {
    "answer-carriers": Pin(
        "158deed232e4475898bc063310869bf7865e6543b7b8f143d2c76d84ca74a52d",
        388,
    ),
    "context-encoder": Pin(
        "04daa71d51c7ce462f6fb77c95b45d8243663d974263992d342626365e3df147",
        5106,
    ),
    "language-model": Pin(
        "1501fd14c1b50fac9ae6b3f7f5f1b8af3b076d077b0a8c0f6d33b542196f7c84",
        668,
    ),
    "pronunciations": Pin(
        "c6b4df1db64394c5cc42689ce8c16843359f196f60cdf66838960a0557736387",
        1409,
    ),
    "rescorer": Pin(
        "eeeb99791f7f9431ea6bc4be19eeb046c22b83b8756c3ab8b9bb06c440af19b3",
        2407,
    ),
    "speaker-encoder": Pin(
        "c52179ce6f22f3cb0b7f5d14818168cce8ddde9d0aa15c1982b7fa5a744c3b76",
        20137,
    ),
    "wake-alexa": Pin(
        "ba03d16d197c9c6322bd762b2a61bb035261476c183f3528f967cdea74fcf337",
        4702,
    ),
    "wake-hey_jarvis": Pin(
        "7d7a781ebfea81beae34fed69163ea1cf873d1c6d947ad174af9375c32777919",
        4712,
    ),
    "wake-hey_mycroft": Pin(
        "27a45bd0a247540b858489981dd8a1b357d93ff0e0b40da586f9ee35cea6f807",
        4715,
    ),
    "wake-okay_nabu": Pin(
        "f3b168732f51d4d2a85e1910f66d7caac8e68c307964d2d1cefdb72de477b138",
        4711,
    ),
    "wording": Pin(
        "cd56124ee46715df6b8fa2d65467b492b2ccb34efd8ac3006a8a66db4ed1a854",
        435,
    ),
}
