"""Words that stand in columns without saying who somebody is: countries, peoples, regions, the trade's own."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

PROVINCES = (
    "Groningen, Friesland, Fryslân, Drenthe, Overijssel, Flevoland, Gelderland, Utrecht, Noord-Holland, Zuid-Holland, "
    "Zeeland, Noord-Brabant, Brabant, Limburg, Bonaire, Saba, Sint Eustatius, Aruba, Curaçao, Sint Maarten, "
    "Antwerpen, Oost-Vlaanderen, West-Vlaanderen, Vlaams-Brabant, Waals-Brabant, Henegouwen, Luik, Namen, Luxemburg, "
    "Vlaanderen, Wallonië, Brussel"
)

MUNICIPALITIES = """
Aa en Hunze, Aalsmeer, Aalten, Achtkarspelen, Alblasserdam, Albrandswaard, Alkmaar, Almelo, Almere, Alphen aan den
Rijn, Alphen-Chaam, Altena, Ameland, Amersfoort, Amstelveen, Amsterdam, Apeldoorn, Arnhem, Assen, Asten,
Baarle-Nassau, Baarn, Barendrecht, Barneveld, Beek, Beekdaelen, Beesel, Berg en Dal, Bergeijk, Bergen, Bergen op Zoom,
Berkelland, Bernheze, Best, Beuningen, Beverwijk, Bladel, Blaricum, Bloemendaal, Bodegraven-Reeuwijk, Boekel,
Borger-Odoorn, Borne, Borsele, Boxtel, Breda, Bronckhorst, Brummen, Brunssum, Bunnik, Bunschoten, Buren, Capelle aan
den IJssel, Castricum, Coevorden, Cranendonck, Culemborg, Dalfsen, Dantumadiel, De Bilt, De Fryske Marren, De Ronde
Venen, De Wolden, Delft, Den Haag, 's-Gravenhage, Den Helder, Deurne, Deventer, Diemen, Dijk en Waard, Dinkelland,
Doesburg, Doetinchem, Dongen, Dordrecht, Drechterland, Drimmelen, Dronten, Druten, Duiven, Echt-Susteren,
Edam-Volendam, Ede, Eemnes, Eemsdelta, Eersel, Eijsden-Margraten, Eindhoven, Elburg, Emmen, Enkhuizen, Enschede, Epe,
Ermelo, Etten-Leur, Geertruidenberg, Geldrop-Mierlo, Gemert-Bakel, Gennep, Gilze en Rijen, Goeree-Overflakkee, Goes,
Goirle, Gooise Meren, Gorinchem, Gouda, Gulpen-Wittem, Haaksbergen, Haarlem, Haarlemmermeer, Halderberge, Hardenberg,
Harderwijk, Hardinxveld-Giessendam, Harlingen, Hattem, Heemskerk, Heemstede, Heerde, Heerenveen, Heerlen,
Heeze-Leende, Heiloo, Hellendoorn, Helmond, Hendrik-Ido-Ambacht, Hengelo, Het Hogeland, Heumen, Heusden, Hillegom,
Hilvarenbeek, Hilversum, Hoeksche Waard, Hof van Twente, Hollands Kroon, Hoogeveen, Hoorn, Horst aan de Maas, Houten,
Huizen, Hulst, IJsselstein, Kaag en Braassem, Kampen, Kapelle, Katwijk, Kerkrade, Koggenland, Krimpen aan den IJssel,
Krimpenerwaard, Laarbeek, Land van Cuijk, Landgraaf, Landsmeer, Lansingerland, Laren, Leeuwarden, Leiden, Leiderdorp,
Leidschendam-Voorburg, Lelystad, Leudal, Leusden, Lingewaard, Lisse, Lochem, Loon op Zand, Lopik, Losser, Maasdriel,
Maasgouw, Maashorst, Maassluis, Maastricht, Medemblik, Meerssen, Meierijstad, Meppel, Middelburg, Midden-Delfland,
Midden-Drenthe, Midden-Groningen, Moerdijk, Molenlanden, Montferland, Montfoort, Mook en Middelaar, Neder-Betuwe,
Nederweert, Nieuwegein, Nieuwkoop, Nijkerk, Nijmegen, Nissewaard, Noardeast-Fryslân, Noord-Beveland, Noordenveld,
Noordoostpolder, Noordwijk, Nuenen, Gerwen en Nederwetten, Nunspeet, Oegstgeest, Oirschot, Oisterwijk, Oldambt,
Oldebroek, Oldenzaal, Olst-Wijhe, Ommen, Oost Gelre, Oosterhout, Ooststellingwerf, Oostzaan, Opmeer, Opsterland, Oss,
Oude IJsselstreek, Ouder-Amstel, Oudewater, Overbetuwe, Papendrecht, Peel en Maas, Pekela, Pijnacker-Nootdorp,
Purmerend, Putten, Raalte, Reimerswaal, Renkum, Renswoude, Reusel-De Mierden, Rheden, Rhenen, Ridderkerk,
Rijssen-Holten, Rijswijk, Roerdalen, Roermond, Roosendaal, Rotterdam, Rozendaal, Rucphen, Schagen, Scherpenzeel,
Schiedam, Schiermonnikoog, Schouwen-Duiveland, 's-Hertogenbosch, Den Bosch, Simpelveld, Sint-Michielsgestel,
Sittard-Geleen, Sliedrecht, Sluis, Smallingerland, Soest, Someren, Son en Breugel, Stadskanaal, Staphorst, Stede
Broec, Steenbergen, Steenwijkerland, Stein, Stichtse Vecht, Súdwest-Fryslân, Terneuzen, Terschelling, Texel,
Teylingen, Tholen, Tiel, Tietjerksteradeel, Tietsjerksteradiel, Tilburg, Tubbergen, Twenterand, Tynaarlo, Uitgeest,
Uithoorn, Urk, Vaals, Valkenburg aan de Geul, Valkenswaard, Veendam, Veenendaal, Veere, Veldhoven, Velsen, Venlo,
Venray, Vijfheerenlanden, Vlaardingen, Vlieland, Vlissingen, Voerendaal, Voorne aan Zee, Voorschoten, Voorst, Vught,
Waadhoeke, Waalre, Waalwijk, Waddinxveen, Wageningen, Wassenaar, Waterland, Weert, Weesp, West Betuwe, West Maas en
Waal, Westerkwartier, Westerveld, Westervoort, Westerwolde, Westland, Weststellingwerf, Wierden, Wijchen, Wijdemeren,
Wijk bij Duurstede, Winterswijk, Woensdrecht, Woerden, Wormerland, Woudenberg, Zaanstad, Zaltbommel, Zandvoort,
Zeewolde, Zeist, Zevenaar, Zoetermeer, Zoeterwoude, Zuidplas, Zundert, Zutphen, Zwartewaterland, Zwijndrecht, Zwolle,
Spijkenisse, Hellevoetsluis, Oud-Beijerland, Uden, Veghel, Boxmeer, Hoofddorp, Heerhugowaard, Langedijk, Brielle,
Westvoorne, Appingedam, Delfzijl, Landerd, Beemster, Mill, Grave, Cuijk
"""

WORDS = """
f m v x man vrouw male female men women boy girl jongen meisje mannelijk vrouwelijk anders other overig overige divers
diverse non binary nonbinair transgender yes no ja nee true false waar onwaar unknown onbekend missing none geen nvt
niet bekend not known sexual labour labor criminal sexuality domestic cross border forced begging services organ
removal exploitation servitude slavery seksueel seksuele uitbuiting arbeid arbeidsuitbuiting criminele criminaliteit
dienstverlening bedelarij orgaanverwijdering orgaan gedwongen prostitutie prostitution seks binnenlands binnenlandse
grensoverschrijdend grensoverschrijdende mensenhandel trafficking loverboy slavernij huishoudelijk huishoudelijke work
werk sector horeca bouw construction landbouw tuinbouw agriculture schoonmaak cleaning transport massage salon
nagelstudio nail factory fabriek hospitality care zorg industry industrie other huwelijk marriage minor adult child
kind volwassen volwassene minderjarig minderjarige meerderjarig meerderjarige youth jeugd young oud jong police
politie border koninklijke marechaussee kmar inspectorate inspectie coordinator coördinator regional regionaal
regionale shelter opvang opvangorganisatie organisation organisatie municipality gemeente province provincie region
regio ngo prosecution justitie openbaar ministerie health ggd comensha azc coa ind lawyer advocaat hospital ziekenhuis
school open closed gesloten afgerond lopend active actief inactive new nieuw pending behandeling aangemeld afgesloten
opgenomen report reported aangifte melding signal signaal victim slachtoffer suspect verdachte consent toestemming
refused geweigerd dutch eu non africa african asia asian europe european america american oceania afrika azië europa
amerika west oost noord zuid east north south western eastern northern southern central midden west-europa oost-europa
nederlander nederlands nederlandse british brits britse swiss belgian belg belgische staatloos stateless sovjet
joegoslavisch joegoslavische soviet yugoslav tsjechisch tsjechische czech moldavisch moldavische kosovaars kosovaarse
bosnisch bosnische belgisch iers ierse irish deens deense zweeds zweedse noors noorse fins finse lets letse ests estse
slowaaks slowaakse grieks griekse turks turkse pools poolse duits duitse frans franse spaans spaanse portugees
portugese scottish welsh english danish swedish finnish turk somalisch somalische low high medium laag hoog middel
urban rural stad platteland married single gehuwd ongehuwd gescheiden divorced widowed citizen asylum asiel
asielzoeker vergunning resident illegal illegaal undocumented legal legaal visa tourist january february march april
may june july august september october november december januari februari maart mei juni juli augustus oktober monday
tuesday wednesday thursday friday saturday sunday maandag dinsdag woensdag donderdag vrijdag zaterdag zondag spring
summer autumn winter lente zomer herfst direct indirect multiple meerdere combined gecombineerd deel part full voltijd
deeltijd primair secundair laaggeletterd analfabeet none basis vmbo mbo havo vwo hbo wo master bachelor first second
third eerste tweede derde afghaans afghaanse thais thaise iraans iraanse iraaks iraakse leoonse venezolaans
venezolaanse web form email telefonisch telephone letter brief balie desk online offline internet straat
"""

LETTER_CODES = frozenset(
    "nh zh nb gr fr dr ov fl gld gd ut ze ze lb li fl gln ov-ij ned nl nla nld buit sex lab cri unk oth ov man vrw jng"
    " mei eu row"
    " neu asi afr eur ams nlt mv lbr pol kmr kmar ind coa om ggd nvt nb on wk mnd jr ja nee".split()
)

_LITTLE = frozenset("aan and bij d de den der des die e el en et for het i in la le les met of op or s te ten the to"
                    " uit und van voor with zonder without".split())  # fmt: skip
_LOCALES = ("nl", "en", "de", "fr")
_PEOPLE = re.compile(
    "[a-z]{0,2}(e|s|n|i|a|an|ian|ans|ians|ese|ees|se|aans|aanse|isch|ische|er|ers|ean|ish|ic|iaans|iaanse|eense|eens"
    "|aars|aarse|ijns|ijnse)?"
)
"""What follows the beginning of a country in the word for its people."""


def plain(text: str) -> str:
    """Return a text in small letters without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(x for x in parts if not unicodedata.combining(x))


def tokens(text: str) -> list[str]:
    """Return the words of a text, plain."""
    return re.findall(r"[^\W\d_]+", plain(text))


@cache
def _vocabulary() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return whole names, single words, and the beginnings of words for people of a country."""
    from babel import Locale

    whole, single, starts = set(), set(), set()
    for code in _LOCALES:
        locale = Locale(code)
        countries = [str(name) for key, name in locale.territories.items() if str(key) != "ZZ"]
        whole |= {" ".join(tokens(name)) for name in countries}
        single |= {word for name in locale.languages.values() for word in tokens(str(name)) if len(word) > 3}
        for word in (word for name in countries for word in tokens(name) if len(word) > 3 and word not in _LITTLE):
            single.add(word)
            starts.add(word[: max(4, len(word) - 2)])
    for name in f"{PROVINCES},{MUNICIPALITIES}".split(","):
        whole.add(" ".join(tokens(name)))
    single |= set(tokens(WORDS))
    return frozenset(whole), frozenset(single), frozenset(starts)


@cache
def _codes() -> frozenset[str]:
    """Return codes of countries, in two and three letters."""
    from babel import Locale
    from babel.core import get_global

    two = {str(code).casefold() for code in Locale("en").territories if len(str(code)) == 2}
    three = {str(code).casefold() for code in get_global("territory_aliases") if len(str(code)) == 3}
    return frozenset(two | three)


def is_letter_code(text: str) -> bool:
    """Tell whether a text of one to four letters is a code that is known: of a country, a province, a form."""
    word = re.sub(r"[\W_]", "", plain(text))
    return word in LETTER_CODES or word in _codes() or word in _vocabulary()[1]


@cache
def is_harmless(text: str) -> bool:
    """Tell whether every word of a text is of a country, a people, a region, a municipality, or of the trade."""
    words = tokens(text)
    if not words:
        return False
    whole, single, starts = _vocabulary()
    if " ".join(words) in whole:
        return True
    rest = [word for word in words if word not in _LITTLE]
    return bool(rest) and all(_known(word, whole, single, starts) for word in rest)


def _known(word: str, whole: frozenset[str], single: frozenset[str], starts: frozenset[str]) -> bool:
    if word in single or word in whole or (word[-1:] in "es" and word[:-1] in single):
        return True
    # "Nigeriaanse" begins as "Nigeria" does, and is not much longer than that.
    return any(word[:k] in starts and _PEOPLE.fullmatch(word[k:]) for k in range(4, min(len(word), 14)))
