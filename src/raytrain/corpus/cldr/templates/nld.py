"""Dutch templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Wat is de officiële munteenheid van {territory}?",
            "Met welk geld betaal je in {territory}?",
            "Welke valuta neem je mee op reis naar {territory}?",
        ),
        (
            "Het wettige betaalmiddel van {territory} is deze munt: {currency}.",
            "In winkels en banken in {territory} is dit geld in omloop: {currency}.",
        ),
    ),
    "currency_code": (
        (
            "Wat is de ISO 4217-code van de munt van {territory}?",
            "Welke drie letters staan voor het geld van {territory}?",
            "Hoe wordt de munt van {territory} in koerstabellen afgekort?",
        ),
        (
            "De ISO 4217-code van het geld in {territory} is {code}.",
            "In koerstabellen wordt het geld van {territory} afgekort als {code}.",
        ),
    ),
    "former_currency": (
        (
            "Welke munt gebruikte {territory} vóór de huidige?",
            "Hoe heette het vroegere geld van {territory}?",
            "Waarmee betaalde men vroeger in {territory}?",
        ),
        (
            "Vóór het huidige geld gebruikte men in {territory} tot {year} deze munt: {currency}.",
            "Tot {year} was dit het oude betaalmiddel van {territory}: {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Welke andere gebieden delen een munt met {territory}?",
            "Waar kun je nog meer betalen met het geld van {territory}?",
            "Met wie heeft {territory} een gemeenschappelijke munt?",
        ),
        (
            "Het geld van {territory} is ook elders gangbaar, bijvoorbeeld in {territories}.",
            "Tot de gebieden die een munt delen met {territory} behoren {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Wat zijn de officiële talen van {territory}?",
            "In welke talen werkt de overheid van {territory}?",
            "Welke taal heeft een officiële status in {territory}?",
        ),
        (
            "Een officiële status in {territory} hebben de volgende talen: {languages}.",
            "De overheid van {territory} werkt officieel in het {languages}.",
        ),
    ),
    "main_language": (
        (
            "Wat is de meest gesproken taal in {territory}?",
            "Welke taal spreken de meeste mensen in {territory}?",
            "Welke taal hoor je het vaakst in {territory}?",
        ),
        (
            "De taal met de meeste sprekers in {territory} is {language}, bekend bij ongeveer {share} van de bevolking.",
            "Ongeveer {share} van de mensen in {territory} spreekt {language}, meer dan enige andere taal daar.",
        ),
    ),
    "script": (
        (
            "In welk schrift wordt {language} geschreven in {territory}?",
            "Welk schriftsysteem gebruikt men in {territory} voor de taal {language}?",
            "Welke letters of tekens gebruiken lezers van {language} in {territory}?",
        ),
        (
            "In {territory} wordt {language} geschreven in dit schrift: {script}.",
            "Teksten in het {language} uit {territory} gebruiken het volgende schriftsysteem: {script}.",
        ),
    ),
    "week_start": (
        (
            "Op welke dag begint de week in {territory}?",
            "Wat is de eerste dag van de week op kalenders in {territory}?",
            "Met welke dag beginnen kalenders in {territory}?",
        ),
        (
            "In {territory} is de eerste dag van de week {day}.",
            "Kalenders die in {territory} worden gedrukt, beginnen de week op {day}.",
        ),
    ),
    "weekend": (
        (
            "Welke dagen vormen het weekend in {territory}?",
            "Wanneer is het weekend in {territory}?",
            "Op welke dagen rusten kantoren in {territory} gewoonlijk?",
        ),
        (
            "Het weekend in {territory} valt op {days}.",
            "Mensen in {territory} nemen hun wekelijkse rust gewoonlijk op {days}.",
        ),
    ),
    "time_zone": (
        (
            "Welke tijdzone gebruikt men in {territory}?",
            "Welke tijd volgen de klokken in {territory}?",
            "Wat is de standaardtijd van {territory}?",
        ),
        (
            "De klokken in {territory} volgen deze tijd: {zones}.",
            "De officiële tijd in {territory} heet {zones}.",
        ),
    ),
    "number_format": (
        (
            "Hoe schrijft men het getal {number} in {territory}?",
            "Welke scheidingstekens zet men in {territory} in een getal als {number}?",
            "Hoe zou een krant in {territory} het getal {number} drukken?",
        ),
        (
            "In {territory} schrijft men het getal {number} gewoonlijk als {written}.",
            "Volgens de getalnotatie van {territory} wordt {number} geschreven als {written}.",
        ),
    ),
    "endonym": (
        (
            "Hoe heet {territory} in het {language}?",
            "Wat is de naam van {territory} in de taal {language}?",
            "Hoe noemt iemand die {language} spreekt {territory}?",
        ),
        (
            "In de taal {language} is de naam van {territory} ‘{endonym}’.",
            "Wie {language} spreekt, noemt {territory} ‘{endonym}’.",
        ),
    ),
    "country_code": (
        (
            "Wat is de ISO 3166-landcode van {territory}?",
            "Welke twee letters staan voor {territory}?",
            "Hoe wordt {territory} afgekort in internationale normen?",
        ),
        (
            "De ISO 3166-codes van {territory} zijn {alpha2} (twee letters) en {alpha3} (drie letters).",
            "In internationale normen wordt {territory} afgekort tot {alpha2}, of {alpha3} met drie letters.",
        ),
    ),
}
