"""Finnish templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Mikä on virallinen valuutta maassa tai alueella nimeltä {territory}?",
            "{territory}: millä rahalla siellä maksetaan?",
            "Matkakohde {territory} – mitä valuuttaa sinne kannattaa ottaa mukaan?",
        ),
        (
            "{territory}: laillinen maksuväline siellä on {currency}.",
            "Kaupat ja pankit alueella {territory} käyttävät rahaa nimeltä {currency}.",
        ),
    ),
    "currency_code": (
        (
            "Mikä on alueen {territory} valuutan ISO 4217 -koodi?",
            "Mikä kolmikirjaiminen lyhenne tarkoittaa alueen {territory} rahaa?",
            "{territory}: miten siellä käytetty valuutta lyhennetään kurssitaulukoissa?",
        ),
        (
            "Alueella {territory} käytettävän rahan ISO 4217 -koodi on {code}.",
            "Valuuttakurssien taulukoissa alueen {territory} raha merkitään lyhenteellä {code}.",
        ),
    ),
    "former_currency": (
        (
            "Mikä valuutta alueella {territory} oli käytössä ennen nykyistä?",
            "Mikä oli alueen {territory} vanhan rahan nimi?",
            "{territory}: millä rahalla siellä maksettiin ennen?",
        ),
        (
            "{territory}: ennen nykyistä rahaa siellä oli käytössä {currency} vuoteen {year} asti.",
            "Alueen {territory} entinen laillinen maksuväline oli {currency}, ja se poistui käytöstä vuonna {year}.",
        ),
    ),
    "shared_currency": (
        (
            "Millä muilla alueilla on sama valuutta kuin alueella {territory}?",
            "{territory}: missä muualla voi maksaa samalla rahalla?",
            "Kenen kanssa {territory} jakaa yhteisen valuutan?",
        ),
        (
            "{territory}: sama raha on käytössä myös muualla, esimerkiksi {territories}.",
            "Saman rahan kuin {territory} jakavat muun muassa {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Mitkä ovat viralliset kielet maassa tai alueella nimeltä {territory}?",
            "{territory}: millä kielillä hallinto siellä toimii?",
            "Mikä kieli on virallisessa asemassa alueella {territory}?",
        ),
        (
            "{territory}: virallinen asema on siellä seuraavilla kielillä: {languages}.",
            "Alueen {territory} viranomaisten virallinen kielivalikoima: {languages}.",
        ),
    ),
    "main_language": (
        (
            "Mikä on puhutuin kieli maassa tai alueella nimeltä {territory}?",
            "{territory}: mitä kieltä useimmat ihmiset siellä puhuvat?",
            "Mitä kieltä alueella {territory} kuulee eniten?",
        ),
        (
            "{territory}: eniten puhujia on kielellä {language}, jota osaa noin {share} väestöstä.",
            "Alueen {territory} väestöstä noin {share} puhuu kieltä nimeltä {language}, enemmän kuin mitään muuta kieltä.",
        ),
    ),
    "script": (
        (
            "Millä kirjaimistolla {language} kirjoitetaan alueella {territory}?",
            "{territory}: mikä kirjoitusjärjestelmä siellä on kielellä {language}?",
            "Mitä kirjoitusmerkkejä {language} käyttää alueella {territory}?",
        ),
        (
            "{territory}: siellä kielen {language} kirjoitusjärjestelmä on {script}.",
            "Kun {language} painetaan alueella {territory}, kirjaimisto on {script}.",
        ),
    ),
    "week_start": (
        (
            "Minä päivänä viikko alkaa alueella {territory}?",
            "{territory}: mikä on siellä kalenteriviikon ensimmäinen päivä?",
            "Mistä viikonpäivästä kalenterit alkavat alueella {territory}?",
        ),
        (
            "{territory}: viikon ensimmäinen päivä on siellä {day}.",
            "Alueella {territory} painetuissa kalentereissa viikon aloittaa {day}.",
        ),
    ),
    "weekend": (
        (
            "Mitkä päivät muodostavat viikonlopun alueella {territory}?",
            "{territory}: milloin siellä on viikonloppu?",
            "Minä päivinä toimistot alueella {territory} yleensä lepäävät?",
        ),
        (
            "{territory}: viikonlopun päivät ovat siellä {days}.",
            "Alueen {territory} asukkaiden tavallinen viikkolepo: {days}.",
        ),
    ),
    "time_zone": (
        (
            "Mikä aikavyöhyke on käytössä alueella {territory}?",
            "{territory}: mitä aikaa kellot siellä noudattavat?",
            "Mikä on virallinen normaaliaika alueella {territory}?",
        ),
        (
            "{territory}: kelloissa noudatettava aika on {zones}.",
            "Alueen {territory} virallinen kellonaika tunnetaan nimellä {zones}.",
        ),
    ),
    "number_format": (
        (
            "Miten luku {number} kirjoitetaan alueella {territory}?",
            "{territory}: mitä erottimia siellä käytetään luvussa {number}?",
            "Miten sanomalehti alueella {territory} painaisi luvun {number}?",
        ),
        (
            "{territory}: luku {number} kirjoitetaan siellä tavallisesti muodossa {written}.",
            "Alueen {territory} lukujen esitystavassa {number} on {written}.",
        ),
    ),
    "endonym": (
        (
            "Mikä on alueen {territory} nimi, kun puhuttu kieli on {language}?",
            "{territory}: miten nimi sanotaan, jos kieli on {language}?",
            "Millä nimellä {territory} tunnetaan, kun kielenä on {language}?",
        ),
        (
            "Kun kielenä on {language}, alueen {territory} nimi on ”{endonym}”.",
            "{territory} on toisella kielellä ”{endonym}” (kieli: {language}).",
        ),
    ),
    "country_code": (
        (
            "Mikä on alueen {territory} ISO 3166 -maakoodi?",
            "Mikä kaksikirjaiminen koodi tarkoittaa aluetta {territory}?",
            "{territory}: miten nimi lyhennetään kansainvälisissä standardeissa?",
        ),
        (
            "Alueen {territory} ISO 3166 -koodit ovat {alpha2} (kaksi kirjainta) ja {alpha3} (kolme kirjainta).",
            "Kansainvälisissä standardeissa {territory} lyhennetään {alpha2} tai kolmikirjaimisesti {alpha3}.",
        ),
    ),
}
