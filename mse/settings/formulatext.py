"""Formulas as text: read by a grammar of their own, so that nothing in one is ever run as a program.

Library readers of Wilkinson notation evaluate whatever stands in a factor as Python, and expand ``^`` by brute force.
Here a formula is parsed to names, a few functions and their numbers before anything is evaluated; what the grammar does
not have is refused, with its place. Terms are expanded as sets, with a bound.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from mse.errors import names_of
from mse.words.said import Said, said

LONGEST = 4000
"""Characters of a formula."""
HIGHEST_POWER = 10
MOST_TERMS = 2000
_DEEPEST = 30
_NUMBER_MOST = 20
"""Degrees of freedom or degree of a basis."""

FUNCTIONS = {
    "log": (), "log2": (), "log10": (), "exp": (), "I": (), "center": (), "scale": (), "C": (),
    "poly": ("degree",), "bs": ("df", "degree"), "cr": ("df",),
}  # fmt: skip
"""What may be called on a covariate, with the whole numbers that each takes beside it."""

ALLOWED = said("allowed.formula", functions=tuple(FUNCTIONS))

_TOKEN = re.compile(
    r"(?P<blank>\s+)|(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)|`(?P<quoted>[^`]+)`"
    r"|(?P<number>\d{1,15}(?:\.\d{1,15})?)(?![\w.])|(?P<sign>\*\*|[-+:*^/(),=~])"
)


class FormulaFault(Exception):
    """What is wrong with a formula."""

    def __init__(self, what: Said) -> None:
        super().__init__(str(what))
        self.said = what


class Factor(NamedTuple):
    """A name, or a function of names.

    Parameters
    ----------
    text : str
        As a formula writes it, for example ``"age"``, ``"log(age)"``.
    names : tuple of str
        The columns in it.
    plain : bool
        Whether it is a name alone.
    """

    text: str
    names: tuple[str, ...]
    plain: bool


Term = tuple[Factor, ...]
"""Factors that are multiplied; none for the constant."""


@dataclass(frozen=True, slots=True)
class FormulaTerms:
    """A formula that was read.

    Parameters
    ----------
    terms : tuple of tuple of Factor
        In the order of their degree, then as they were written; without the constant.
    constant : bool
        Whether the constant is in it.
    left : str or None
        What stands before ``~``.
    """

    terms: tuple[Term, ...]
    constant: bool
    left: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it uses."""
        return tuple(dict.fromkeys(name for term in self.terms for factor in term for name in factor.names))

    @property
    def text(self) -> str:
        """The formula as a plain sum of its terms, for a library that expands it."""
        return " + ".join(["1" if self.constant else "0", *map(term_text, self.terms)])


def read_formula(text: str) -> FormulaTerms:
    """Read a formula, ``"count ~ (A + B)^2 - A:B + log(age)"``; the left side and ``~`` may be left out.

    Raises
    ------
    FormulaFault
        With what is not allowed and where it stands.
    """
    if len(text) > LONGEST:
        raise FormulaFault(said("formula.long", count=len(text), most=LONGEST))
    tokens = _tokens(text)
    left = None
    tildes = [i for i, token in enumerate(tokens) if token.kind == "sign" and token.text == "~"]
    if len(tildes) > 1:
        raise FormulaFault(said("formula.two_sides"))
    if tildes:
        before = tokens[: tildes[0]]
        if len(before) > 1 or any(token.kind != "name" for token in before):
            raise FormulaFault(said("formula.left"))
        left = before[0].text if before else None
        tokens = tokens[tildes[0] + 1 :]
    return _Reader(tokens, len(text)).formula(left)


def quoted(name: str) -> str:
    """Return a name as a formula takes it, in backquotes unless it is an identifier."""
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"`{name}`"


def term_text(term: Term) -> str:
    """Return a term as a formula writes it."""
    return ":".join(factor.text for factor in term) or "1"


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FormulaFault(said("formula.sign", sign=repr(text[at]), at=str(at + 1)))
        kind = str(match.lastgroup)
        if kind != "blank":
            found.append(_Token("name" if kind == "quoted" else kind, match[kind], at + 1))
        at = match.end()
    return found


Terms = dict[frozenset[Factor], Term]
"""Terms by what they hold, in the order in which they were written."""


class _Reader:
    """A reader by recursive descent: sums of interactions of powers of factors."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self.tokens, self.place, self.end, self.depth = tokens, 0, end + 1, 0

    def formula(self, left: str | None) -> FormulaTerms:
        """Return the terms of all that is left."""
        if not self.tokens:
            return FormulaTerms((), True, left)
        terms, constant = self.sum(top=True)
        if self.place < len(self.tokens):
            self.refuse()
        terms.pop(frozenset(), None)
        return FormulaTerms(tuple(sorted(terms.values(), key=len)), constant, left)

    def peek(self, *signs: str) -> bool:
        """Return whether one of these signs is next."""
        token = self.tokens[self.place] if self.place < len(self.tokens) else None
        return token is not None and token.kind == "sign" and token.text in signs

    def take(self, *signs: str) -> str | None:
        """Return the next sign and go on, if it is one of these."""
        if not self.peek(*signs):
            return None
        self.place += 1
        return self.tokens[self.place - 1].text

    def expect(self, sign: str) -> None:
        """Take this sign, or refuse."""
        if self.take(sign) is None:
            self.refuse()

    def refuse(self) -> NoReturn:
        """Raise: what comes next cannot stand there."""
        if self.place >= len(self.tokens):
            raise FormulaFault(said("formula.ends"))
        token = self.tokens[self.place]
        raise FormulaFault(said("formula.place", what=repr(token.text[:40]), at=str(token.at)))

    def sum(self, top: bool = False) -> tuple[Terms, bool]:
        """Return terms that are added and taken away, and whether the constant is left among them."""
        terms: Terms = {}
        constant, sign = True, self.take("+", "-") or "+"
        while True:
            if self.number() == "0" or (self.number() == "1" and sign == "-"):
                if not top:
                    raise FormulaFault(said("formula.constant"))
                constant = (self.number() == "0") == (sign == "-")
                self.place += 1
                if not (self.peek("+", "-") or self.place == len(self.tokens)):
                    self.refuse()
            else:
                found = self.interaction()
                if top and sign == "+" and frozenset() in found:
                    constant = True
                for key, term in found.items():
                    if sign == "+":
                        terms.setdefault(key, term)
                    else:
                        terms.pop(key, None)
                self.bounded(terms)
            following = self.take("+", "-")
            if following is None:
                return terms, constant
            sign = following

    def number(self) -> str:
        """Return the number that is next; empty when none is."""
        token = self.tokens[self.place] if self.place < len(self.tokens) else None
        return token.text if token is not None and token.kind == "number" else ""

    def interaction(self) -> Terms:
        """Return ``a * b``, with the parts, or ``a:b``, without them; ``:`` binds more closely."""
        found = self.product()
        while self.take("*"):
            other = self.product()
            found = self.bounded({**found, **other, **self.times(found, other)})
        return found

    def product(self) -> Terms:
        found = self.power()
        while self.take(":"):
            found = self.times(found, self.power())
        return found

    def power(self) -> Terms:
        found = self.atom()
        while sign := self.take("^", "**"):
            number = self.number()
            if not number.isdigit() or not 1 <= int(number) <= HIGHEST_POWER:
                if number:
                    raise FormulaFault(said("formula.power", power=f"{sign}{number}", most=HIGHEST_POWER))
                self.refuse()
            self.place += 1
            base = found
            for _ in range(int(number) - 1):
                found = self.bounded({**found, **self.times(found, base)})
        return found

    def times(self, first: Terms, second: Terms) -> Terms:
        """Return every term of the one with every term of the other."""
        found: Terms = {}
        for a in first.values():
            for b in second.values():
                term = tuple(dict.fromkeys((*a, *b)))
                if len(term) > HIGHEST_POWER:
                    raise FormulaFault(said("formula.factors", most=HIGHEST_POWER))
                found.setdefault(frozenset(term), term)
            self.bounded(found)
        return found

    def bounded(self, terms: Terms) -> Terms:
        """Return the terms, unless they are too many."""
        if len(terms) > MOST_TERMS:
            raise FormulaFault(said("formula.terms", most=MOST_TERMS))
        return terms

    def atom(self) -> Terms:
        """Return a name, a function, the constant, or a sum in parentheses."""
        if self.number() == "1":
            self.place += 1
            return {frozenset(): ()}
        if self.take("("):
            self.deeper()
            terms, _ = self.sum()
            self.expect(")")
            self.depth -= 1
            return terms
        factor = self.factor()
        return {frozenset((factor,)): (factor,)}

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FormulaFault(said("formula.deep", most=_DEEPEST))

    def factor(self) -> Factor:
        name = self.name()
        if not self.peek("("):
            return Factor(quoted(name), (name,), True)
        if name not in FUNCTIONS:
            raise FormulaFault(said("formula.function", name=repr(name[:40])))
        self.place += 1
        inside = self.name_factor() if name == "C" else self.arithmetic()
        numbers: list[str] = []
        while self.take(","):
            numbers.append(self.option(name, len(numbers)))
        self.expect(")")
        if not inside.names:
            raise FormulaFault(said("formula.no_column", name=name))
        if len({x.partition("=")[0] for x in numbers}) < len(numbers):
            raise FormulaFault(said("formula.twice", name=name))
        return Factor(f"{name}({', '.join([inside.text, *numbers])})", inside.names, False)

    def option(self, function: str, place: int) -> str:
        """Return a whole number beside a covariate, ``degree=2``, or ``2`` for the first that a function takes."""
        known = FUNCTIONS[function]
        key = known[place] if place < len(known) else ""
        if not self.number():
            key = self.name()
            self.expect("=")
        if key not in known:
            raise FormulaFault(said("formula.argument", function=function, known=names_of(known)))
        number = self.number()
        if not number.isdigit() or not 1 <= int(number) <= _NUMBER_MOST:
            raise FormulaFault(said("formula.number", key=key, function=function, most=_NUMBER_MOST))
        self.place += 1
        return f"{key}={int(number)}"

    def name(self) -> str:
        if self.place >= len(self.tokens) or self.tokens[self.place].kind != "name":
            self.refuse()
        self.place += 1
        return self.tokens[self.place - 1].text

    def name_factor(self) -> Factor:
        name = self.name()
        return Factor(quoted(name), (name,), True)

    def arithmetic(self) -> Factor:
        """Return sums, products and small powers of names and numbers, as they stand within a function."""
        found = self.operand()
        while sign := self.take("+", "-", "*", "/", "^", "**"):
            if sign in ("^", "**"):
                number = self.number()
                if not number.isdigit() or not 1 <= int(number) <= HIGHEST_POWER:
                    raise FormulaFault(said("formula.inner_power", most=HIGHEST_POWER))
            other = self.operand()
            text = f"{found.text} {'**' if sign == '^' else sign} {other.text}"
            found = Factor(text, (*found.names, *other.names), False)
        return found

    def operand(self) -> Factor:
        if number := self.number():
            self.place += 1
            return Factor(str(float(number)), (), False)
        if self.take("("):
            self.deeper()
            inside = self.arithmetic()
            self.expect(")")
            self.depth -= 1
            return Factor(f"({inside.text})", inside.names, False)
        name = self.name()
        if self.take("("):
            if name not in ("log", "log2", "log10", "exp", "center", "scale"):
                raise FormulaFault(said("formula.function_there", name=repr(name[:40])))
            self.deeper()
            inside = self.arithmetic()
            self.expect(")")
            self.depth -= 1
            return Factor(f"{name}({inside.text})", inside.names, False)
        return Factor(quoted(name), (name,), True)
