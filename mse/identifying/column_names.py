"""Names of columns that say what stands under them: names, dates of birth, addresses."""

from __future__ import annotations

import re

from mse.words.said import Said, said

_NAME, _BIRTH, _MAIL = said("personal.a_name"), said("personal.a_birth"), said("personal.a_mail")
_PHONE, _NUMBER, _ADDRESS = said("personal.a_phone"), said("personal.a_number"), said("personal.an_address")
_TEXT = said("personal.texts")
_NAMES = {
    _NAME: r"(sur|last|first|given|family|middle|maiden|full|victim_?|person_?|voor|achter|familie|roep|geslachts"
    r"|meisjes|tussen)_?(name|names|naam|namen|voegsels?)|names?|naam|namen|voorletters?|initials?|alias|roepnaam"
    r"|naam_?(slachtoffer|client|persoon)|(user|nick|screen)_?name|gebruikersnaam",
    _BIRTH: r"date_?of_?birth|birth_?(date|day)|dob|geboorte_?(datum|dag)|geb_?dat(um)?",
    _MAIL: r"e?_?mail(_?adres(s)?)?",
    _PHONE: r"(tele)?_?(phone|foon|fax)(_?(number|nummer|nr))?|mobiel|mobile|gsm|tel(_?nr)?|whatsapp",
    _NUMBER: r"bsn|burger_?service_?nummer|sofi(_?nummer)?|ssn|social_?security(_?number)?|v_?nummer"
    r"|(national|personal)_?(id|number)|passport(_?(number|no))?|paspoort(_?nummer)?|document_?(number|nummer)"
    r"|iban|rekening_?nummer|kenteken|licen[cs]e_?plate",
    _ADDRESS: r"address|adres|street|straat(naam)?|house_?number|huis_?nummer|post_?code|zip(_?code)?|woonadres"
    r"|ip(_?adres(s)?)?|latitude|longitude|coordinates?|coordina(at|ten)",
    _TEXT: r"remarks?|opmerking(en)?|toelichting|notes?|notitie(s)?|comments?|commentaar|free_?text|vrije_?tekst"
    r"|omschrijving|narrative|verhaal|bijzonderheden",
}
_BY_NAME = {what: re.compile(pattern) for what, pattern in _NAMES.items()}


def name_kind(name: str) -> Said | None:
    """Return what the name of a column says that is under it; None when it says nothing of a person."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    words = re.sub(r"[\W_]+", "_", words).strip("_").casefold()
    return next((what for what, pattern in _BY_NAME.items() if pattern.fullmatch(words)), None)
