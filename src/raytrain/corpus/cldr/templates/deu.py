"""German templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Welche offizielle Währung gilt im Land oder Gebiet {territory}?",
            "{territory}: Mit welchem Geld bezahlt man dort?",
            "Reiseziel {territory} – welche Währung sollte man mitnehmen?",
        ),
        (
            "{territory}: Gesetzliches Zahlungsmittel ist dort {currency}.",
            "In Läden und Banken im Gebiet {territory} ist diese Währung im Umlauf: {currency}.",
        ),
    ),
    "currency_code": (
        (
            "Wie lautet der ISO-4217-Code der Währung im Gebiet {territory}?",
            "{territory}: Welche drei Buchstaben stehen für das dortige Geld?",
            "Wie wird die Währung im Gebiet {territory} in Kurstabellen abgekürzt?",
        ),
        (
            "Der ISO-4217-Code für das Geld im Gebiet {territory} lautet {code}.",
            "{territory}: In Kurstabellen wird das dortige Geld mit {code} abgekürzt.",
        ),
    ),
    "former_currency": (
        (
            "Welche Währung galt im Gebiet {territory} vor der heutigen?",
            "{territory}: Wie hieß das frühere Geld dort?",
            "Womit bezahlte man im Gebiet {territory} in früheren Zeiten?",
        ),
        (
            "{territory}: Vor dem heutigen Geld galt dort bis {year} die Währung {currency}.",
            "Bis zum Jahr {year} war im Gebiet {territory} das alte Zahlungsmittel {currency} gültig.",
        ),
    ),
    "shared_currency": (
        (
            "Welche anderen Gebiete haben dieselbe Währung wie {territory}?",
            "{territory}: Wo kann man mit demselben Geld noch bezahlen?",
            "Mit wem teilt sich {territory} eine Währung?",
        ),
        (
            "{territory}: Dasselbe Geld gilt auch anderswo, zum Beispiel hier: {territories}.",
            "Eine gemeinsame Währung mit {territory} haben unter anderem {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Welche Amtssprachen hat das Land oder Gebiet {territory}?",
            "{territory}: In welchen Sprachen arbeitet dort die Verwaltung?",
            "Welche Sprache hat im Gebiet {territory} amtlichen Status?",
        ),
        (
            "{territory}: Amtlichen Status haben dort folgende Sprachen: {languages}.",
            "Die Behörden im Gebiet {territory} arbeiten amtlich auf {languages}.",
        ),
    ),
    "main_language": (
        (
            "Welche Sprache ist im Land oder Gebiet {territory} am weitesten verbreitet?",
            "{territory}: Welche Sprache sprechen dort die meisten Menschen?",
            "Welche Sprache hört man im Gebiet {territory} am häufigsten?",
        ),
        (
            "{territory}: Die meisten Sprecher hat dort {language}, etwa {share} der Bevölkerung beherrschen diese Sprache.",
            "Etwa {share} der Menschen im Gebiet {territory} sprechen {language}, mehr als jede andere Sprache.",
        ),
    ),
    "script": (
        (
            "In welcher Schrift wird {language} im Gebiet {territory} geschrieben?",
            "{territory}: Welches Schriftsystem hat dort die Sprache {language}?",
            "Welche Zeichen verwenden Leser von {language} im Gebiet {territory}?",
        ),
        (
            "{territory}: Die Schrift, in der man dort {language} schreibt, ist {script}.",
            "Texte auf {language} aus dem Gebiet {territory} verwenden dieses Schriftsystem: {script}.",
        ),
    ),
    "week_start": (
        (
            "An welchem Tag beginnt die Woche im Gebiet {territory}?",
            "{territory}: Was ist dort der erste Wochentag im Kalender?",
            "Mit welchem Tag beginnen Kalender im Gebiet {territory}?",
        ),
        (
            "{territory}: Der erste Tag der Woche ist dort {day}.",
            "In Kalendern aus dem Gebiet {territory} steht am Wochenanfang der {day}.",
        ),
    ),
    "weekend": (
        (
            "Welche Tage bilden im Gebiet {territory} das Wochenende?",
            "{territory}: Wann ist dort Wochenende?",
            "An welchen Tagen ruhen im Gebiet {territory} gewöhnlich die Büros?",
        ),
        (
            "{territory}: Das Wochenende besteht dort aus {days}.",
            "Die übliche wöchentliche Ruhezeit im Gebiet {territory} ist {days}.",
        ),
    ),
    "time_zone": (
        (
            "Welche Zeitzone gilt im Gebiet {territory}?",
            "{territory}: Nach welcher Zeit gehen dort die Uhren?",
            "Welche Normalzeit ist im Gebiet {territory} üblich?",
        ),
        (
            "{territory}: Die Uhren gehen dort nach dieser Zeit: {zones}.",
            "Die amtliche Uhrzeit im Gebiet {territory} heißt {zones}.",
        ),
    ),
    "number_format": (
        (
            "Wie schreibt man im Gebiet {territory} die Zahl {number}?",
            "{territory}: Welche Trennzeichen setzt man dort in einer Zahl wie {number}?",
            "Wie würde eine Zeitung im Gebiet {territory} die Zahl {number} drucken?",
        ),
        (
            "{territory}: Die Zahl {number} schreibt man dort gewöhnlich {written}.",
            "Nach dem Zahlenformat im Gebiet {territory} wird aus {number} die Schreibweise {written}.",
        ),
    ),
    "endonym": (
        (
            "Wie heißt {territory} auf {language}?",
            "{territory}: Wie lautet dieser Name auf {language}?",
            "Wie nennt man {territory}, wenn man {language} spricht?",
        ),
        (
            "Auf {language} lautet der Name von {territory} „{endonym}“.",
            "Wer {language} spricht, nennt das Gebiet {territory} „{endonym}“.",
        ),
    ),
    "country_code": (
        (
            "Wie lautet der ISO-3166-Ländercode für {territory}?",
            "{territory}: Welche zwei Buchstaben stehen für dieses Gebiet?",
            "Wie wird {territory} in internationalen Normen abgekürzt?",
        ),
        (
            "Die ISO-3166-Codes für {territory} lauten {alpha2} (zwei Buchstaben) und {alpha3} (drei Buchstaben).",
            "In internationalen Normen wird {territory} mit {alpha2} abgekürzt, dreistellig mit {alpha3}.",
        ),
    ),
}
