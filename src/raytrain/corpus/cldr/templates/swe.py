"""Swedish templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Vilken är den officiella valutan i {territory}?",
            "Vilka pengar betalar man med i {territory}?",
            "Vilken valuta bör man ta med på en resa till {territory}?",
        ),
        (
            "Det lagliga betalningsmedlet i {territory} är {currency}.",
            "I butiker och banker i {territory} används denna valuta: {currency}.",
        ),
    ),
    "currency_code": (
        (
            "Vilken är ISO 4217-koden för valutan i {territory}?",
            "Vilka tre bokstäver står för pengarna i {territory}?",
            "Hur förkortas valutan i {territory} i kurstabeller?",
        ),
        (
            "ISO 4217-koden för pengarna i {territory} är {code}.",
            "I kurstabeller förkortas pengarna i {territory} som {code}.",
        ),
    ),
    "former_currency": (
        (
            "Vilken valuta hade {territory} före den nuvarande?",
            "Vad hette de gamla pengarna i {territory}?",
            "Vad betalade man med förr i {territory}?",
        ),
        (
            "Före de nuvarande pengarna användes i {territory} fram till {year} denna valuta: {currency}.",
            "Det gamla betalningsmedlet i {territory}, giltigt till {year}, var {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Vilka andra områden har samma valuta som {territory}?",
            "Var kan man mer betala med pengarna från {territory}?",
            "Med vilka delar {territory} en gemensam valuta?",
        ),
        (
            "Pengarna i {territory} gäller också på andra håll, till exempel i {territories}.",
            "Bland de områden som delar valuta med {territory} finns {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Vilka är de officiella språken i {territory}?",
            "På vilka språk arbetar myndigheterna i {territory}?",
            "Vilket språk har officiell ställning i {territory}?",
        ),
        (
            "Officiell ställning i {territory} har följande språk: {languages}.",
            "Myndigheterna i {territory} arbetar officiellt på {languages}.",
        ),
    ),
    "main_language": (
        (
            "Vilket är det mest talade språket i {territory}?",
            "Vilket språk talar de flesta i {territory}?",
            "Vilket språk hör man oftast i {territory}?",
        ),
        (
            "Språket med flest talare i {territory} är {language}, som ungefär {share} av befolkningen kan.",
            "Ungefär {share} av människorna i {territory} talar {language}, fler än något annat språk där.",
        ),
    ),
    "script": (
        (
            "Med vilken skrift skrivs {language} i {territory}?",
            "Vilket skriftsystem används för {language} i {territory}?",
            "Vilka bokstäver eller tecken använder läsare av {language} i {territory}?",
        ),
        (
            "I {territory} skrivs {language} med denna skrift: {script}.",
            "Texter på {language} från {territory} använder följande skriftsystem: {script}.",
        ),
    ),
    "week_start": (
        (
            "På vilken dag börjar veckan i {territory}?",
            "Vilken är veckans första dag i kalendrar i {territory}?",
            "Med vilken dag inleds kalendrar i {territory}?",
        ),
        (
            "I {territory} är veckans första dag {day}.",
            "Kalendrar som trycks i {territory} inleder veckan med {day}.",
        ),
    ),
    "weekend": (
        (
            "Vilka dagar utgör helgen i {territory}?",
            "När är det veckoslut i {territory}?",
            "På vilka dagar vilar kontoren i {territory} vanligen?",
        ),
        (
            "Veckoslutet i {territory} infaller på {days}.",
            "Människor i {territory} tar vanligen sin veckovila på {days}.",
        ),
    ),
    "time_zone": (
        (
            "Vilken tidszon används i {territory}?",
            "Vilken tid följer klockorna i {territory}?",
            "Vilken är normaltiden i {territory}?",
        ),
        (
            "Klockorna i {territory} följer {zones}.",
            "Den officiella tiden i {territory} kallas {zones}.",
        ),
    ),
    "number_format": (
        (
            "Hur skrivs talet {number} i {territory}?",
            "Vilka avgränsare sätter man i ett tal som {number} i {territory}?",
            "Hur skulle en tidning i {territory} trycka talet {number}?",
        ),
        (
            "I {territory} skrivs talet {number} vanligen {written}.",
            "Enligt talformatet i {territory} skrivs {number} som {written}.",
        ),
    ),
    "endonym": (
        (
            "Vad heter {territory} på {language}?",
            "Vilket är namnet på {territory} på språket {language}?",
            "Vad kallar de som talar {language} platsen {territory}?",
        ),
        (
            "På språket {language} är namnet på {territory} ”{endonym}”.",
            "De som talar {language} kallar {territory} för ”{endonym}”.",
        ),
    ),
    "country_code": (
        (
            "Vilken är ISO 3166-landskoden för {territory}?",
            "Vilka två bokstäver står för {territory}?",
            "Hur förkortas {territory} i internationella standarder?",
        ),
        (
            "ISO 3166-koderna för {territory} är {alpha2} (två bokstäver) och {alpha3} (tre bokstäver).",
            "I internationella standarder förkortas {territory} till {alpha2}, eller {alpha3} med tre bokstäver.",
        ),
    ),
}
