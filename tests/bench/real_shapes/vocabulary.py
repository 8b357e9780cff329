"""A byte-level BPE vocabulary of English, for models whose own cannot be shipped.

How many tokens a prompt and a reply have decides what they cost, so text must come out at some four characters a
token, as it does with the real vocabularies. It is learned from what is at hand: Python's own documentation, and the
words that the benchmarks say.
"""

import json
import pydoc_data.topics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

LEARNED = 8000
"""Tokens that are learned, the bytes included; a vocabulary's others are never met in a text."""
WEIGHT = 20
"""How often the script's words count, against the documentation's."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by number, in GPT-2's notation of bytes."""

    tokens: list[str]
    merges: list[tuple[str, str]]


@cache
def learn(script: tuple[str, ...], size: int) -> Vocabulary:
    """A vocabulary of `size` tokens that knows the words of `script`; the same every time."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=LEARNED, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([*pydoc_data.topics.topics.values(), *script * WEIGHT], trainer)
    learned = tokenizer.get_vocab()
    tokens = sorted(learned, key=learned.__getitem__)
    tokens += [f"Ġunused{number}" for number in range(size - len(tokens))]
    return Vocabulary(tokens, _merges(tokenizer))


def with_special(vocabulary: Vocabulary, special: Sequence[str]) -> Tokenizer:
    """The same as a Hugging Face tokenizer, its control tokens behind the others."""
    numbers = {token: number for number, token in enumerate(vocabulary.tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=vocabulary.merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
