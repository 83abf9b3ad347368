"""Recognized words beside those that were said: which are right, wrong, missing or too many.

The one door to jiwer. Texts come as words with blanks between; nothing here normalises them.
"""

from __future__ import annotations

from collections.abc import Sequence

import jiwer

Aligned = list[tuple[str | None, str | None]]
"""(word said, word recognized) in order; None where one of them is missing."""


def aligned(references: Sequence[str], hypotheses: Sequence[str]) -> list[Aligned]:
    """The cheapest alignment of each hypothesis to its reference."""
    if not references:
        return []
    made = jiwer.process_words(list(references), list(hypotheses))
    pairs = zip(made.references, made.hypotheses, made.alignments, strict=True)
    return [_aligned(said, heard, chunks) for said, heard, chunks in pairs]


def counted(references: Sequence[str], hypotheses: Sequence[str]) -> list[int]:
    """Word errors of each hypothesis: substitutions, deletions and insertions."""
    every = aligned(references, hypotheses)
    return [sum(said != heard for said, heard in words) for words in every]


def _aligned(
    said: Sequence[str], heard: Sequence[str], chunks: Sequence[jiwer.AlignmentChunk]
) -> Aligned:
    words: Aligned = []
    for chunk in chunks:
        left = said[chunk.ref_start_idx : chunk.ref_end_idx]
        right = heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
        size = max(len(left), len(right))
        words += zip(_filled(left, size), _filled(right, size), strict=True)
    return words


def _filled(words: Sequence[str], size: int) -> list[str | None]:
    return [*words, *[None] * (size - len(words))]
