"""Made-up columns that say who somebody is, and columns that do not: what the guard is measured on.

Every kind is a function of a random generator that returns one value; a variant fixes its writing. Nobody in it exists.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from datetime import date, timedelta

Make = Callable[[random.Random], str]

SURNAMES = (
    "Jansen|de Vries|van den Berg|Bakker|Visser|Smit|Meijer|de Boer|Mulder|de Groot|Bos|Vos|Peters|"
    "Hendriks|Dekker|Brouwer|de Wit|Dijkstra|Kok|Jacobs|Vermeulen|Özdemir|Nowak|El Idrissi|Popescu|Okafor|"
    "Yılmaz|Nguyen|Kowalska|Hernández|Kaya|Wiśniewski|Adeyemi|Singh|O'Brien|Müller|Ben Ali|Ramdin|"
    "Kartodikromo|van 't Hof"
).split("|")
GIVEN = (
    "Anna|Sanne|Lotte|Femke|Daan|Sem|Bram|Luuk|Mohammed|Fatima|Blessing|Joy|Elena|Ioana|Andrei|Katarzyna|"
    "Piotr|Mehmet|Ayşe|Samuel|Precious|Linh|Wei|Priya|José|María|Ahmed|Hassan|Olga|Ivan|Thijs|Noor"
).split("|")
CYRILLIC = "Иванов|Петров|Сидорова|Кузнецов|Попова|Соколов|Лебедева|Козлов|Новикова|Морозов|Волков|Соловьёва".split("|")
ARABIC = (
    "محمد علي|أحمد حسن|فاطمة الزهراء|خالد يوسف|مريم سعيد|عمر حداد|ليلى منصور|سعيد قاسم|نور الدين|هدى صالح|ياسين".split(
        "|"
    )
)
CHINESE = "王伟|李娜|张敏|刘洋|陈静|杨光|黄磊|赵雪|周杰|吴芳|徐强|孙丽".split("|")
GREEK = "Παπαδόπουλος|Νικολαΐδης|Γεωργίου|Δημητρίου|Ιωάννου|Κωνσταντίνου|Αντωνίου|Παππάς|Βασιλείου|Οικονόμου".split("|")
STREETS = (
    "Kerkstraat|Dorpsstraat|Schoolstraat|Molenweg|Stationsweg|Julianalaan|Beatrixplein|Hoofdstraat|"
    "Lindelaan|Parallelweg"
).split("|")
TOWNS = "Amsterdam|Rotterdam|Utrecht|Zwolle|Emmen|Breda|Venlo|Almere|Goes|Assen".split("|")
PIECES = (
    "zij vertelde|hij zei|cliënt meldt|de buurvrouw|haar vriend|in de auto|is geslagen|wil geen aangifte|"
    "belt morgen terug|woont bij tante|werkt in club|heeft twee kinderen|is bang|spreekt geen Nederlands|"
    "paspoort afgenomen|slaapt slecht"
).split("|")


def digits(r: random.Random, n: int) -> str:
    return "".join(r.choice(string.digits) for _ in range(n))


def letters(r: random.Random, n: int) -> str:
    return "".join(r.choice(string.ascii_uppercase) for _ in range(n))


def cut(text: str, size: int, sign: str = " ") -> str:
    return sign.join(text[i : i + size] for i in range(0, len(text), size))


def born(r: random.Random, first: int = 1950, last: int = 2005) -> date:
    return date(first, 1, 1) + timedelta(days=r.randrange((last - first) * 365))


def bsn(r: random.Random) -> str:
    while True:
        head = digits(r, 8)
        check = sum((9 - i) * int(x) for i, x in enumerate(head)) % 11
        if check < 10 and head[0] != "0":
            return f"{head}{check}"


def iban(r: random.Random, country: str, bban: str) -> str:
    number = "".join(str(int(x, 36)) for x in bban + country + "00")
    return f"{country}{98 - int(number) % 97:02d}{bban}"


def pesel(r: random.Random) -> str:
    day = born(r, 1950, 1999)
    head = f"{day:%y%m%d}{digits(r, 4)}"
    return head + str(-sum(int(a) * b for a, b in zip(head, (1, 3, 7, 9) * 3, strict=False)) % 10)


def rijksregister(r: random.Random) -> str:
    head = f"{born(r, 1950, 1999):%y%m%d}{r.randrange(1, 998):03d}"
    return f"{head}{97 - int(head) % 97:02d}"


def cnp(r: random.Random) -> str:
    head = f"{r.choice('12')}{born(r, 1950, 1999):%y%m%d}{r.randrange(1, 47):02d}{r.randrange(1, 999):03d}"
    check = sum(int(a) * int(b) for a, b in zip(head, "279146358279", strict=True)) % 11
    return head + str(1 if check == 10 else check)


def luhn(head: str) -> str:
    total = sum(sum(divmod(int(x) * (2 - i % 2), 10)) for i, x in enumerate(reversed(head)))
    return head + str(-total % 10)


def text(r: random.Random, n: int) -> str:
    return " ".join(r.choice(PIECES) for _ in range(n))


def full(r: random.Random) -> str:
    return f"{r.choice(GIVEN)} {r.choice(SURNAMES)}"


MONTHS = "jan feb mrt apr mei jun jul aug sep okt nov dec".split()
LONG = "januari februari maart april mei juni juli augustus september oktober november december".split()

PERSONAL: dict[str, tuple[Make, ...]] = {
    "surnames": (
        lambda r: r.choice(SURNAMES),
        lambda r: r.choice(SURNAMES).lower(),
        lambda r: r.choice(SURNAMES).upper(),
        lambda r: r.choice(SURNAMES[:12]),
    ),
    "given names": (lambda r: r.choice(GIVEN), lambda r: r.choice(GIVEN).lower(), lambda r: r.choice(GIVEN[:9])),
    "full names": (
        full,
        lambda r: full(r).lower(),
        lambda r: full(r).upper(),
        lambda r: f"{r.choice(SURNAMES)}, {r.choice(GIVEN)}",
        lambda r: f"{letters(r, 1)}. {r.choice(SURNAMES)}",
    ),
    "names in other scripts": (
        lambda r: r.choice(CYRILLIC),
        lambda r: r.choice(ARABIC),
        lambda r: r.choice(CHINESE),
        lambda r: r.choice(GREEK),
    ),
    "names with digits": (
        lambda r: f"{r.choice(GIVEN)}{r.randrange(100)}",
        lambda r: f"{full(r)} ({r.randrange(18, 60)})",
        lambda r: f"{r.choice(SURNAMES)}-{born(r).year}",
    ),
    "initials": (
        lambda r: ".".join(letters(r, r.randrange(1, 4))) + ".",
        lambda r: letters(r, 2),
        lambda r: letters(r, 3),
    ),
    "citizen service numbers": (
        bsn,
        lambda r: cut(bsn(r), 3, "-"),
        lambda r: f"BSN {bsn(r)}",
        lambda r: f"bsn:{bsn(r)}",
        lambda r: cut(bsn(r), 3, "."),
        lambda r: cut(bsn(r), 4),
    ),
    "Polish numbers": (pesel,),
    "Belgian numbers": (
        rijksregister,
        lambda r: (b := rijksregister(r)) and f"{b[:2]}.{b[2:4]}.{b[4:6]}-{b[6:9]}.{b[9:]}",
    ),
    "Romanian numbers": (cnp,),
    "American numbers": (lambda r: f"{r.randrange(1, 665):03d}-{r.randrange(1, 99):02d}-{r.randrange(1, 9999):04d}",),
    "aliens numbers": (lambda r: f"V{digits(r, 10)}", lambda r: f"{r.choice('123456789')}{digits(r, 9)}"),
    "Dutch accounts": (
        lambda r: iban(r, "NL", r.choice(("ABNA", "INGB", "RABO")) + digits(r, 10)),
        lambda r: iban(r, "NL", r.choice(("ABNA", "INGB", "RABO")) + digits(r, 10)).lower(),
        lambda r: cut(iban(r, "NL", "TRIO" + digits(r, 10)), 4),
    ),
    "foreign accounts": (
        lambda r: iban(r, "DE", digits(r, 18)),
        lambda r: iban(r, "BE", digits(r, 12)),
        lambda r: iban(r, "PL", digits(r, 24)).lower(),
        lambda r: iban(r, "RO", letters(r, 4) + digits(r, 16)),
    ),
    "cards": (
        lambda r: luhn("4" + digits(r, 14)),
        lambda r: cut(luhn("5" + digits(r, 14)), 4),
    ),
    "internet addresses": (
        lambda r: ".".join(str(r.randrange(1, 255)) for _ in range(4)),
        lambda r: ":".join(f"{r.randrange(65536):x}" for _ in range(8)),
    ),
    "hardware addresses": (
        lambda r: ":".join(f"{r.randrange(256):02x}" for _ in range(6)),
        lambda r: "-".join(f"{r.randrange(256):02X}" for _ in range(6)),
        lambda r: f"{r.randrange(2**48):012x}",
    ),
    "passports": (
        lambda r: (
            "".join(r.choice("BCDFGHJKLMNPRSTVWXZ") for _ in range(2))
            + "".join(r.choice("BCDFGHJKLMNPRST0123456789") for _ in range(6))
            + r.choice("0123456789")
        ),
        lambda r: letters(r, 2) + digits(r, 7),
        lambda r: "C" + "".join(r.choice("CFGHJKLMNPRTVWXYZ0123456789") for _ in range(8)),
    ),
    "driving licences": (lambda r: r.choice("3456") + digits(r, 9),),
    "plates": (
        lambda r: f"{letters(r, 2)}-{digits(r, 3)}-{letters(r, 1)}",
        lambda r: f"{digits(r, 1)}-{letters(r, 3)}-{digits(r, 2)}",
        lambda r: f"{letters(r, 2)}{digits(r, 2)}{letters(r, 2)}".lower(),
        lambda r: f"B-{letters(r, 2)} {digits(r, 4)}",
    ),
    "Dutch postcodes": (
        lambda r: f"{r.randrange(1000, 9999)} {letters(r, 2)}",
        lambda r: f"{r.randrange(1000, 9999)}{letters(r, 2)}".lower(),
        lambda r: f"{r.randrange(1000, 9999)}{letters(r, 2)}",
    ),
    "foreign postcodes": (
        lambda r: f"{r.randrange(1067, 99998):05d}",
        lambda r: f"{letters(r, 2)}{digits(r, 1)} {digits(r, 1)}{letters(r, 2)}",
        lambda r: f"{digits(r, 2)}-{digits(r, 3)}",
        lambda r: f"B-{r.randrange(1000, 9999)}",
    ),
    "streets": (
        lambda r: f"{r.choice(STREETS)} {r.randrange(1, 300)}",
        lambda r: f"{r.choice(STREETS)} {r.randrange(1, 300)}".lower(),
        lambda r: f"{r.choice(STREETS)} {r.randrange(1, 300)}{r.choice('abc')}, {r.choice(TOWNS)}",
        lambda r: r.choice(STREETS),
        lambda r: f"{r.randrange(1, 200)} Church Street",
    ),
    "coordinates": (
        lambda r: f"{r.uniform(50.8, 53.5):.5f}",
        lambda r: f"{r.uniform(50.8, 53.5):.4f}, {r.uniform(3.4, 7.2):.4f}",
        lambda r: f"{r.uniform(3.4, 7.2):.6f}",
        lambda r: str(r.randrange(13000, 280000)),
        lambda r: f"{r.uniform(50.8, 53.5):.5f}".replace(".", ","),
    ),
    "births, ISO": (
        lambda r: f"{born(r):%Y-%m-%d}",
        lambda r: f"{born(r):%Y/%m/%d}",
        lambda r: f"{born(r):%Y-%m-%dT00:00:00}",
    ),
    "births, day first": (
        lambda r: f"{born(r):%d-%m-%Y}",
        lambda r: f"{born(r):%d/%m/%Y}",
        lambda r: f"{born(r):%d.%m.%Y}",
        lambda r: f"{born(r).day}-{born(r).month}-{born(r).year}",
    ),
    "births, two digits": (
        lambda r: f"{born(r, 1950, 1999):%d-%m-%y}",
        lambda r: f"{born(r, 1950, 1999):%d/%m/%y}",
        lambda r: f"{born(r, 1950, 1999):%d%m%y}",
        lambda r: f"{born(r, 1950, 1999):%y%m%d}",
    ),
    "births, without signs": (lambda r: f"{born(r):%d%m%Y}", lambda r: f"{born(r):%Y%m%d}"),
    "births, in words": (
        lambda r: (d := born(r)) and f"{d.day} {MONTHS[d.month - 1]} {d.year}",
        lambda r: (d := born(r)) and f"{d.day} {LONG[d.month - 1]} {d.year}",
        lambda r: f"{born(r):%B %d, %Y}",
        lambda r: f"{born(r):%d-%b-%Y}",
        lambda r: f"{born(r):%d %b %y}",
    ),
    "births of spreadsheets": (
        lambda r: str((born(r) - date(1899, 12, 30)).days),
        lambda r: f"{(born(r) - date(1899, 12, 30)).days}.0",
    ),
    "births of children": (lambda r: f"{born(r, 2010, 2015):%Y-%m-%d}", lambda r: f"{born(r, 2010, 2015):%d-%m-%Y}"),
    "birthdays": (lambda r: f"{born(r):%d-%m}", lambda r: (d := born(r)) and f"{d.day} {LONG[d.month - 1]}"),
    "short text": (lambda r: text(r, 1), lambda r: text(r, 2), lambda r: f"{r.choice(GIVEN)} {text(r, 1)}"),
    "long text": (lambda r: text(r, 5), lambda r: text(r, 3) + "\n" + text(r, 3)),
    "user names": (
        lambda r: f"@{r.choice(GIVEN).lower()}{r.randrange(100)}",
        lambda r: f"{r.choice(GIVEN).lower()}_{r.choice(SURNAMES)[:4].lower()}",
        lambda r: f"{r.choice(GIVEN).lower()}.{r.randrange(1950, 2005)}",
    ),
    "e-mail": (
        lambda r: f"{r.choice(GIVEN).lower()}{r.randrange(99)}@example.org",
        lambda r: f"{r.choice(GIVEN).upper()}@MAIL.EXAMPLE.NL",
        lambda r: f"{r.choice(GIVEN).lower()} (at) example.nl",
    ),
    "telephones": (
        lambda r: f"06{digits(r, 8)}",
        lambda r: f"06-{digits(r, 8)}",
        lambda r: f"+31 6 {digits(r, 4)} {digits(r, 4)}",
        lambda r: f"0031-6{digits(r, 8)}",
        lambda r: f"(020) {digits(r, 3)} {digits(r, 4)}",
        lambda r: f"+49 151 {digits(r, 8)}",
        lambda r: f"tel. 06 {digits(r, 2)} {digits(r, 2)} {digits(r, 2)} {digits(r, 2)}",
        lambda r: f"6{digits(r, 8)}",
        lambda r: f"+40 7{digits(r, 2)} {digits(r, 3)} {digits(r, 3)}",
    ),
    "web addresses": (
        lambda r: f"https://example.org/{r.choice(GIVEN).lower()}",
        lambda r: f"www.example.nl/u/{digits(r, 5)}",
        lambda r: f"facebook.com/{r.choice(GIVEN).lower()}.{digits(r, 3)}",
    ),
}
"""What the guard was written with."""

PROVINCES = (
    "Groningen|Friesland|Drenthe|Overijssel|Flevoland|Gelderland|Utrecht|Noord-Holland|Zuid-Holland|"
    "Zeeland|Noord-Brabant|Limburg"
).split("|")
MUNICIPALITIES = (
    "Amsterdam|Rotterdam|'s-Gravenhage|Utrecht|Zwolle|Emmen|Breda|Venlo|Almere|Goes|Assen|"
    "Alphen aan den Rijn|Súdwest-Fryslân|Ede"
).split("|")
PEOPLE = (
    "Nederlandse|Roemeense|Bulgaarse|Poolse|Hongaarse|Nigeriaanse|Oegandese|Vietnamese|Chinese|Albanese|"
    "Turkse|Marokkaanse|Syrische|Onbekend"
).split("|")
COUNTRIES = (
    "Netherlands|Romania|Bulgaria|Poland|Hungary|Nigeria|Uganda|Vietnam|China|Albania|Türkiye|Morocco|"
    "Syria|Sierra Leone|Côte d’Ivoire"
).split("|")
ISO = "NL RO BG PL HU NG UG VN CN AL TR MA SY SL CI GH GN MD UA ES IT DE".split()
ISO3 = "NLD ROU BGR POL HUN NGA UGA VNM CHN ALB TUR MAR SYR SLE CIV GHA GIN".split()
FORMS = (
    "seksuele uitbuiting|arbeidsuitbuiting|criminele uitbuiting|gedwongen dienstverlening|orgaanverwijdering|overig"
).split("|")


def day(r: random.Random) -> date:
    return date(2016, 1, 1) + timedelta(days=r.randrange(3650))


HARMLESS: dict[str, tuple[Make, ...]] = {
    "years": (lambda r: str(r.randrange(2016, 2026)), lambda r: f"{r.randrange(2016, 2026)}.0"),
    "years of birth": (lambda r: str(r.randrange(1940, 2015)),),
    "ages": (
        lambda r: str(r.randrange(3, 80)),
        lambda r: f"{r.randrange(12, 60)}.0",
        lambda r: f"{r.randrange(12, 60)} jaar",
    ),
    "classes of age": (
        lambda r: r.choice(("0-11", "12-17", "18-24", "25-34", "35-44", "45+")),
        lambda r: r.choice(("minor", "adult")),
        lambda r: r.choice(("<18", "18 t/m 23", ">=24")),
    ),
    "provinces": (
        lambda r: r.choice(PROVINCES),
        lambda r: f"PV{r.randrange(20, 32)}",
        lambda r: str(r.randrange(20, 32)),
        lambda r: r.choice("GR FR DR OV FL GE UT NH ZH ZE NB LI".split()),
        lambda r: f"NL{r.randrange(11, 43)}",
    ),
    "municipalities": (
        lambda r: r.choice(MUNICIPALITIES),
        lambda r: f"{r.randrange(3, 1999):04d}",
        lambda r: f"GM{r.randrange(3, 1999):04d}",
        lambda r: str(r.randrange(3, 1999)),
        lambda r: r.choice(MUNICIPALITIES).upper(),
    ),
    "nationalities": (
        lambda r: r.choice(PEOPLE),
        lambda r: r.choice(COUNTRIES),
        lambda r: r.choice(ISO),
        lambda r: r.choice(ISO3),
        lambda r: f"{r.randrange(1, 500):04d}",
        lambda r: r.choice(PEOPLE).lower(),
        lambda r: r.choice(ISO).lower(),
    ),
    "forms": (
        lambda r: r.choice(FORMS),
        lambda r: r.choice(("SEX", "LAB", "CRI", "UNK")),
        lambda r: r.choice(("SEX|LAB", "SEX", "LAB", "CRI|LAB", "CRI")),
        lambda r: r.choice("12345"),
        lambda r: r.choice(("domestic sexual", "cross-border sexual", "labour", "criminal")),
        lambda r: r.choice(("A1", "A2", "B1", "B2", "C9")),
    ),
    "sex": (
        lambda r: r.choice("fm"),
        lambda r: r.choice(("female", "male")),
        lambda r: r.choice(("man", "vrouw", "onbekend")),
        lambda r: r.choice("12"),
        lambda r: r.choice("VMX"),
    ),
    "yes and no": (
        lambda r: r.choice(("ja", "nee")),
        lambda r: r.choice(("TRUE", "FALSE")),
        lambda r: r.choice("01"),
        lambda r: r.choice(("yes", "no", "unknown")),
    ),
    "days of the period": (
        lambda r: f"{day(r):%Y-%m-%d}",
        lambda r: f"{day(r):%d-%m-%Y}",
        lambda r: f"{day(r):%Y-%m-%d %H:%M:%S}",
        lambda r: f"{day(r):%Y%m%d}",
    ),
    "months": (
        lambda r: f"{day(r):%Y-%m}",
        lambda r: str(r.randrange(1, 13)),
        lambda r: r.choice(LONG),
        lambda r: f"Q{r.randrange(1, 5)}",
    ),
    "counts": (lambda r: str(int(r.expovariate(0.4))), lambda r: str(int(r.expovariate(0.01)))),
    "shares": (lambda r: f"{r.random():.2f}", lambda r: f"{r.random():.6f}", lambda r: f"{r.randrange(101)}%"),
    "hashes": (lambda r: f"{r.getrandbits(128):032x}", lambda r: f"{r.getrandbits(256):064x}"),
    "teams": (lambda r: f"team {r.randrange(1, 9)}", lambda r: r.choice(("Noord", "Oost", "Zuid", "West"))),
    "clock": (lambda r: f"{r.randrange(24):02d}:{r.randrange(60):02d}",),
}
"""Columns that nobody needs and that do not say who somebody is."""

GIVEN_OUT: dict[str, Callable[[random.Random, int], list[str]]] = {
    "counted": lambda r, n: [f"P-{i:07}" for i in range(1, n + 1)],
    "plain": lambda r, n: [str(i) for i in range(1, n + 1)],
    "shuffled": lambda r, n: r.sample([f"R{i:06}" for i in range(4000, 4000 + n)], n),
    "long": lambda r, n: [str(100_000_000 + 7 * i) for i in range(n)],
    "six digits": lambda r, n: [f"HV-{x}" for x in range(101_001, 101_001 + 3 * n, 3)],
    "six digits, shuffled": lambda r, n: r.sample([str(x) for x in range(101_001, 101_001 + n)], n),
    "by year": lambda r, n: sorted(f"{r.randrange(2016, 2026)}-{i:05}" for i in range(n)),
    "year and number": lambda r, n: r.sample([f"Z{r.randrange(2016, 2026)}{i:06}" for i in range(n)], n),
    "days": lambda r, n: sorted(f"{day(r):%Y%m%d}-{i % 10}" for i in range(n)),
    "uuid": lambda r, n: [
        f"{(x := f'{r.getrandbits(128):032x}')[:8]}-{x[8:12]}-{x[12:16]}-{x[16:20]}-{x[20:]}" for _ in range(n)
    ],
    "hash": lambda r, n: [f"{r.getrandbits(160):040x}" for _ in range(n)],
    "ulid": lambda r, n: ["".join(r.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(26)) for _ in range(n)],
    "regions": lambda r, n: [f"{r.choice(('NH', 'ZH', 'UT'))}-{i:04}" for i in range(n)],
    "gaps": lambda r, n: [str(x) for x in sorted(r.sample(range(10_000, 99_999), n))],
}
"""Numbers of records as systems give them out."""
