"""Words of the page: those of the catalogue of its language, and marked ones that are in another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mse.errors import InputError, Problem, names_of
from mse.words.catalogues import Catalogue as Catalogue
from mse.words.catalogues import Figure as Figure
from mse.words.catalogues import Name as Name
from mse.words.catalogues import Spoken, catalogue, languages_there_are
from mse.words.said import said

SOURCE = "en"
"""Language of texts of which nothing says in which one they are."""

VERBATIM = "verbatim"
"""Code of a text that stands for itself."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text, its language where that is not the page's own, and an address of the web where it has one."""

    text: str
    language: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def words_of(what: Spoken, say: Catalogue) -> Words:
    """Return what is said in the language of the page; a text that stands for itself is marked as of another one."""
    return Words(say.said(what), SOURCE if what.code == VERBATIM and say.language != SOURCE else None)


@lru_cache(maxsize=8)
def read_catalogue(language: str = "en") -> Catalogue:
    """Read the messages of one language.

    Raises
    ------
    InputError
        When there is no catalogue for it.
    """
    try:
        return catalogue(language)
    except LookupError:
        raise InputError(
            Problem(said("found.no_messages_language"), names_of(languages_there_are()), said("do.choose_one_them"),
                    value=language)
        ) from None  # fmt: skip
