"""Names, addresses and ids that nobody has: each is recognisable wherever it turns up.

Every name begins its words with the mark of its script, a run of letters that no text contains by accident, so that a
scan of what a night leaves behind finds a leaked one without a single false alarm. Scripts are chosen for what breaks
readers: letters that Unicode writes in two ways (Latin, Cyrillic, Greek, Hangul, Arabic), letters whose composed form
does not survive NFC (Devanagari), characters outside the first plane (Han), right-to-left text.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from random import Random

ID_MARK = "7QK"
"""In every id, number and telephone number of a person."""

ADDRESS_MARK = "zqx"
"""In every e-mail address and username; compared without regard to case."""

SECRET_MARK = "NEVER-READ-7QK"
"""In every password."""


@dataclass(frozen=True, slots=True)
class Script:
    """The syllables that names of one script are drawn from; a name is mark + middle + ending."""

    mark: str
    middles: tuple[str, ...]
    families: tuple[str, ...]
    givens: tuple[str, ...]
    weight: int


SCRIPTS = {
    "latin": Script(
        "Zqu",
        ("orré", "aškü", "illøm", "ändèr", "uçoñ", "ęrliś", "ôvât", "ithar", "oplen", "avick"),
        ("lax", "ssön", "dóttir", "witz", "gård", "mere", "nyí", "beck"),
        ("nna", "ël", "tíva", "ro", "xine", "dor", "jún", "ska"),
        55,
    ),
    "cyrillic": Script(
        "Щъ", ("ёрби", "айдо", "уйко", "эфле", "ыгжа"), ("щин", "йцев", "ёнко", "ьвич"), ("йна", "лёк", "мий"), 10
    ),
    "greek": Script(
        "Ψξ", ("άρδη", "έλυμ", "ήβορ", "ΐνακ", "ώτρα"), ("ίδης", "όπουλος", "άκης"), ("ύλη", "ιος", "έας"), 7
    ),
    "han": Script("龘", ("靐齉", "爩麤", "鱻灪", "龗厵", "𪚥纞"), ("驫籲", "飝癵"), ("虋讟", "钃鸜"), 9),
    "hangul": Script("뷁", ("쀍뛟", "흵꿻", "쾧뽮"), ("뾇쉟", "즭뀷"), ("쭕뗋", "쎯뚫"), 5),
    "arabic": Script("ظغ", ("أرؤ", "إلئ", "آضو"), ("ثاني", "ؤوف", "خيئة"), ("ذأى", "شإن", "زآل"), 8),
    "devanagari": Script("ङञ", ("क़ौल", "ड़ीव", "ज़ोष"), ("झान", "ठवी"), ("फ़ुन", "णिका"), 6),
}

_LATIN_FAMILIES = ("{0}", "{0}", "{0}", "{0}", "O'{0}", "D’{0}", "{0}-{1}", "van der {0}", "{0} {1}")
_LATIN_GIVENS = ("{0}", "{0}", "{0}", "{0}-{1}", "{0} {1}")


def is_marked(value: str) -> bool:
    """Whether `value`, in any Unicode form, carries one of the marks."""
    folded = unicodedata.normalize("NFC", value).casefold()
    marks = [ID_MARK, ADDRESS_MARK, SECRET_MARK, *(script.mark for script in SCRIPTS.values())]
    return any(unicodedata.normalize("NFC", mark).casefold() in folded for mark in marks)


def draw_script(rng: Random) -> str:
    """The script that one family's names are written in."""
    return rng.choices(list(SCRIPTS), weights=[script.weight for script in SCRIPTS.values()])[0]


def draw_family(rng: Random, script: str) -> str:
    """A family name of at least five characters, not yet in any chosen Unicode form."""
    words = [_word(rng, SCRIPTS[script], SCRIPTS[script].families) for _ in range(2)]
    return rng.choice(_LATIN_FAMILIES).format(*words) if script == "latin" else words[0]


def draw_given(rng: Random, script: str) -> str:
    """A given name of at least five characters."""
    words = [_word(rng, SCRIPTS[script], SCRIPTS[script].givens) for _ in range(2)]
    return rng.choice(_LATIN_GIVENS).format(*words) if script == "latin" else words[0]


def draw_form(rng: Random) -> str:
    """The Unicode form that one person's names are kept in: most sources compose, some do not, some never looked."""
    return rng.choices(("NFC", "NFD", ""), weights=(60, 30, 10))[0]


def in_form(name: str, form: str) -> str:
    """`name` in NFC or NFD, or left as it is."""
    if form == "NFC":
        return unicodedata.normalize("NFC", name)
    return unicodedata.normalize("NFD", name) if form == "NFD" else name


def username(rng: Random, serial: int) -> str:
    """A log-in name that no two serials share."""
    return f"{ADDRESS_MARK}{_letters(rng)}{serial:05d}"


def email(rng: Random, serial: int, house: str) -> str:
    """An address at `house`; one in ten is written with capitals."""
    local = f"{_letters(rng)}.{ADDRESS_MARK}{serial:05d}"
    return f"{local.title() if rng.random() < 0.1 else local}@{house}.zqx.example"


def phone(serial: int) -> str:
    """A telephone number with an extension that none has."""
    return f"(999) 555-{serial % 10_000:04d} x{ID_MARK}{serial:05d}"


def password(rng: Random, serial: int) -> str:
    """A secret that nobody may read; every third needs quoting, so that skipping it takes a real CSV reader."""
    odd = ', "' if serial % 3 == 0 else "-"
    return f"{SECRET_MARK}{odd}{serial:05d}-{_letters(rng)}"


def _word(rng: Random, script: Script, endings: tuple[str, ...]) -> str:
    return script.mark + rng.choice(script.middles) + rng.choice(endings)


def _letters(rng: Random) -> str:
    return "".join(rng.choice("bdfghjklmnprtvw") + rng.choice("aeiouy") for _ in range(3))
