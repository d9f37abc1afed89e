"""More columns that say who somebody is, written after the guard was done and not used to make it."""

from __future__ import annotations

import random
from datetime import date

from tests.examples.identifying import GIVEN, SURNAMES, Make, born, digits, iban, letters, luhn

SPANISH = (
    "Lucía Fernández|Mateo García|Sofía Romero|Hugo Castillo|Valeria Ortega|Diego Navarro|Carmen Ibáñez|Pablo Rojas"
).split("|")
HINDI = "राहुल शर्मा|प्रिया सिंह|अमित कुमार|सुनीता देवी|राजेश गुप्ता|पूजा वर्मा|विकास यादव|नेहा जोशी".split("|")
THAI = "สมชาย ใจดี|สมหญิง รักไทย|ประเสริฐ แสงทอง|มาลี ศรีสุข|วิชัย บุญมี|อรทัย พงษ์ดี".split("|")
TIGRINYA = "ሰላም ተስፋይ|ዮሃንስ ሃብተ|ራህዋ ኪዳነ|ፍቕርተ መሓሪ|ሄለን ገብረ|ዳኒኤል በርሀ".split("|")
ALLEYS = (
    "Rue de la Paix|Hauptstrasse|Calle Mayor|Via Roma|ul. Długa|High Street|Avenue Louise|Meir|"
    "Strada Lungă|Bahnhofstraße"
).split("|")
HOTELS = (
    "Hotel Zonnehoek|Club Luna|Motel De Linde|Pension Rosa|Camping 't Veld|Sauna Aqua|Bar Cupido|Salon Beauty".split(
        "|"
    )
)
SAID = (
    "op straat aangetroffen|verblijft bij vriend|geen vaste woonplek|moeder overleden|zwanger|"
    "litteken linkerarm|tattoo roos|rookt veel|is doof|mist een vinger"
).split("|")
NICK = "shadow|lucky|bella|tiger|moon|kitty|boss|angel|rocky|pixie".split("|")
MONTHS_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
MONTHS_RU = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()


def dni(r: random.Random) -> str:
    n = r.randrange(10_000_000, 99_999_999)
    return f"{n}{'TRWAGMYFPDXBNJZSQVHLCKE'[n % 23]}"


def egn(r: random.Random) -> str:
    head = f"{born(r, 1950, 1999):%y%m%d}{digits(r, 3)}"
    return head + str(sum(int(a) * b for a, b in zip(head, (2, 4, 8, 5, 10, 9, 7, 3, 6), strict=True)) % 11 % 10)


def cpf(r: random.Random) -> str:
    d = [r.randrange(10) for _ in range(9)]
    for n in (10, 11):
        x = sum(a * b for a, b in zip(d, range(n, 1, -1), strict=False)) * 10 % 11
        d.append(x % 10)
    t = "".join(map(str, d))
    return f"{t[:3]}.{t[3:6]}.{t[6:9]}-{t[9:]}"


def words_date(r: random.Random, months: list[str], form: str) -> str:
    d = born(r)
    return form.format(d=d.day, m=months[d.month - 1], y=d.year)


HELD_OUT: dict[str, tuple[Make, ...]] = {
    "Spanish names": (
        lambda r: r.choice(SPANISH),
        lambda r: r.choice(SPANISH).lower(),
        lambda r: r.choice(SPANISH).upper(),
    ),
    "Hindi names": (lambda r: r.choice(HINDI),),
    "Thai names": (lambda r: r.choice(THAI),),
    "Tigrinya names": (lambda r: r.choice(TIGRINYA),),
    "maiden names": (
        lambda r: f"{r.choice(SURNAMES)}-{r.choice(SURNAMES)}",
        lambda r: f"{r.choice(SURNAMES)} e/v {r.choice(SURNAMES)}",
    ),
    "titles": (lambda r: f"mevr. {r.choice(SURNAMES)}", lambda r: f"Dhr {letters(r, 1)} {r.choice(SURNAMES)}"),
    "leet names": (lambda r: r.choice(GIVEN).lower().replace("a", "4").replace("e", "3") + digits(r, 1),),
    "file names": (lambda r: f"{r.choice(SURNAMES).replace(' ', '_').lower()}_{digits(r, 2)}.pdf",),
    "initials of mothers": (lambda r: f"{letters(r, 1)}{letters(r, 1)}{born(r):%y}",),
    "Spanish numbers": (dni, lambda r: dni(r).lower()),
    "Bulgarian numbers": (egn,),
    "Brazilian numbers": (cpf,),
    "British numbers": (
        lambda r: f"{letters(r, 2)}{digits(r, 6)}{r.choice('ABCD')}",
        lambda r: f"{letters(r, 2)} {digits(r, 2)} {digits(r, 2)} {digits(r, 2)} {r.choice('ABCD')}",
    ),
    "Italian codes": (
        lambda r: (
            f"{letters(r, 6)}{digits(r, 2)}{letters(r, 1)}{digits(r, 2)}{letters(r, 1)}{digits(r, 3)}{letters(r, 1)}"
        ),
    ),
    "Chinese numbers": (
        lambda r: f"{r.randrange(110000, 659000)}{born(r):%Y%m%d}{digits(r, 3)}{r.choice('0123456789X')}",
    ),
    "Swedish numbers": (lambda r: f"{born(r):%Y%m%d}-{digits(r, 4)}", lambda r: f"{born(r):%y%m%d}-{digits(r, 4)}"),
    "Indian numbers": (lambda r: " ".join(digits(r, 4) for _ in range(3)),),
    "Nigerian numbers": (lambda r: digits(r, 11),),
    "insurance numbers": (lambda r: f"Z{digits(r, 9)}", lambda r: f"80{digits(r, 18)}"),
    "French accounts": (
        lambda r: iban(r, "FR", digits(r, 23)),
        lambda r: iban(r, "ES", digits(r, 20)).lower(),
        lambda r: iban(r, "GB", letters(r, 4) + digits(r, 14)),
    ),
    "old accounts": (lambda r: f"{digits(r, 2)}.{digits(r, 2)}.{digits(r, 2)}.{digits(r, 3)}",),
    "wallets": (lambda r: "bc1q" + "".join(r.choice("acdefghjklmnpqrstuvwxyz023456789") for _ in range(38)),),
    "phones abroad": (
        lambda r: f"+234 803 {digits(r, 3)} {digits(r, 4)}",
        lambda r: f"+36-30-{digits(r, 7)}",
        lambda r: f"(+32) 47{digits(r, 7)}",
        lambda r: f"00359 88 {digits(r, 7)}",
    ),
    "phones in text": (
        lambda r: f"mob: 06{digits(r, 8)}",
        lambda r: f"06 {digits(r, 8)} (thuis)",
        lambda r: f"WhatsApp +316{digits(r, 8)}",
    ),
    "phones cut": (lambda r: f"0{r.choice('123457')}{digits(r, 1)}-{digits(r, 7)}", lambda r: f"316{digits(r, 8)}"),
    "devices": (lambda r: luhn("35" + digits(r, 12)), lambda r: f"2040{digits(r, 11)}"),
    "tablets": (
        lambda r: ".".join(f"{r.randrange(65536):04x}" for _ in range(3)),
        lambda r: f"fe80::{r.randrange(65536):x}:{r.randrange(65536):x}:{r.randrange(65536):x}:{r.randrange(65536):x}",
    ),
    "networks": (lambda r: f"10.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}:{r.randrange(1024, 65000)}",),
    "profiles": (
        lambda r: f"instagram: {r.choice(NICK)}{digits(r, 3)}",
        lambda r: f"{r.choice(NICK)}#{digits(r, 4)}",
        lambda r: f"t.me/{r.choice(NICK)}{digits(r, 2)}",
        lambda r: f"{r.choice(NICK)}.{r.choice(NICK)}",
    ),
    "mails, odd": (
        lambda r: f"{r.choice(NICK)}{digits(r, 2)}[at]mail[dot]example",
        lambda r: f"mailto:{r.choice(NICK)}@example.com",
        lambda r: f"<{r.choice(NICK)}.{digits(r, 2)}@example.co.uk>",
    ),
    "adverts": (lambda r: f"http://ads.example/{digits(r, 7)}", lambda r: f"kinky.nl/advertenties/{digits(r, 6)}"),
    "streets abroad": (
        lambda r: f"{r.choice(ALLEYS)} {r.randrange(1, 200)}",
        lambda r: f"{r.randrange(1, 200)}, {r.choice(ALLEYS)}",
        lambda r: r.choice(ALLEYS).lower(),
    ),
    "house and postcode": (
        lambda r: f"{digits(r, 4)}{letters(r, 2)}{r.randrange(1, 200)}".lower(),
        lambda r: f"{letters(r, 2)} {digits(r, 4)}",
    ),
    "postcodes, far": (
        lambda r: f"{letters(r, 1)}{digits(r, 1)}{letters(r, 1)} {digits(r, 1)}{letters(r, 1)}{digits(r, 1)}",
        lambda r: f"{r.randrange(1000, 9700)}",
        lambda r: f"{r.randrange(10000, 99999)}-{digits(r, 3)}",
        lambda r: f"{r.randrange(100, 999)} {digits(r, 2)}",
    ),
    "places on maps": (
        lambda r: f"{r.uniform(50.8, 53.5):.4f}N {r.uniform(3.4, 7.2):.4f}E",
        lambda r: f"POINT({r.uniform(3, 7):.5f} {r.uniform(50, 53):.5f})",
        lambda r: f"52°{r.randrange(60)}'{r.randrange(60)}\"N",
        lambda r: f"{r.randrange(13000, 280000)},{r.randrange(306000, 619000)}",
        lambda r: f"9F46{letters(r, 2)}{digits(r, 2)}+{letters(r, 2)}",
    ),
    "workplaces": (lambda r: r.choice(HOTELS), lambda r: r.choice(HOTELS).lower()),
    "cars abroad": (
        lambda r: f"{letters(r, 1)} {digits(r, 3)} {letters(r, 3)}",
        lambda r: f"{letters(r, 2)} {digits(r, 2)} {letters(r, 3)}",
        lambda r: f"1-{letters(r, 3)}-{digits(r, 3)}",
        lambda r: f"W {digits(r, 5)}{letters(r, 1)}",
    ),
    "passports abroad": (
        lambda r: digits(r, 9),
        lambda r: f"{letters(r, 1)}{digits(r, 8)}",
        lambda r: f"P<NLD{r.choice(SURNAMES).upper()}<<{r.choice(GIVEN).upper()}",
    ),
    "births, French": (
        lambda r: words_date(r, MONTHS_FR, "{d} {m} {y}"),
        lambda r: words_date(r, MONTHS_FR, "le {d} {m} {y}"),
    ),
    "births, Russian": (
        lambda r: words_date(r, MONTHS_RU, "{d} {m} {y} г."),
        lambda r: words_date(r, MONTHS_RU, "{d} {m} {y}"),
    ),
    "births, others": (
        lambda r: f"{(d := born(r)).year}年{d.month}月{d.day}日",
        lambda r: f"{born(r):%b %d %Y}",
        lambda r: f"{born(r):%Y.%m.%d}",
        lambda r: f"{born(r):%A %d %B %Y}",
        lambda r: f"geb. {born(r):%d-%m-%Y}",
        lambda r: f"*{born(r):%d.%m.%Y}",
    ),
    "births in time": (
        lambda r: str((born(r, 1975, 2005) - date(1970, 1, 1)).days * 86400),
        lambda r: f"{born(r):%Y-%m-%d %H:%M:%S}",
        lambda r: f"{born(r):%d%b%Y}".upper(),
        lambda r: f"{born(r):%Y%m%d}000000",
    ),
    "births, young": (
        lambda r: f"{born(r, 2010, 2015):%d/%m/%y}",
        lambda r: f"{born(r, 2008, 2015):%Y%m%d}",
        lambda r: str((born(r, 2010, 2015) - date(1899, 12, 30)).days),
    ),
    "birth and name": (
        lambda r: f"{r.choice(SURNAMES)} {born(r):%d-%m-%Y}",
        lambda r: f"{r.choice(GIVEN)[:2].upper()}{born(r):%d%m%y}",
    ),
    "marks": (
        lambda r: r.choice(SAID),
        lambda r: f"{r.choice(SAID)}; {r.choice(SAID)}",
        lambda r: f"{r.randrange(1, 9)} kinderen, {r.choice(SAID)}",
    ),
    "licences": (
        lambda r: f"{letters(r, 5)}{digits(r, 6)}{letters(r, 2)}{digits(r, 1)}{letters(r, 2)}",
        lambda r: f"{r.randrange(10**9, 10**10)}",
    ),
    "case of others": (
        lambda r: f"PL{digits(r, 4)}-20{r.randrange(10, 26)}{digits(r, 6)}-{digits(r, 1)}",
        lambda r: f"{digits(r, 2)}/{digits(r, 6)}-{digits(r, 2)}",
    ),
}
