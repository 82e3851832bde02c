"""English templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "What is the official currency of {territory}?",
            "Which money do people pay with in {territory}?",
            "What currency should a traveller carry to {territory}?",
        ),
        (
            "The legal tender of {territory} is the {currency}.",
            "Shops and banks in {territory} deal in the {currency}, which is the currency in circulation there.",
        ),
    ),
    "currency_code": (
        (
            "What is the ISO 4217 currency code used for {territory}?",
            "Which three-letter code stands for the money of {territory}?",
            "How is the currency of {territory} abbreviated in exchange-rate tables?",
        ),
        (
            "The ISO 4217 code for the money used in {territory} is {code}.",
            "On price lists and exchange boards, amounts from {territory} are marked {code}.",
        ),
    ),
    "former_currency": (
        (
            "Which currency did {territory} use before its present one?",
            "What was the former money of {territory} called?",
            "What did people in {territory} pay with in earlier times?",
        ),
        (
            "Before the present money was introduced, {territory} used the {currency}, which stayed in circulation until {year}.",
            "The {currency} was legal tender in {territory} until {year}.",
        ),
    ),
    "shared_currency": (
        (
            "Which other territories share a currency with {territory}?",
            "Where else can one pay with the money of {territory}?",
            "With whom does {territory} have a common currency?",
        ),
        (
            "The money of {territory} is also accepted in other places, among them {territories}.",
            "Among the places that share a currency with {territory} are {territories}.",
        ),
    ),
    "official_languages": (
        (
            "What are the official languages of {territory}?",
            "In which languages does the government of {territory} work?",
            "Which language has official status in {territory}?",
        ),
        (
            "Official status in {territory} belongs to the following: {languages}.",
            "The authorities of {territory} work officially in {languages}.",
        ),
    ),
    "main_language": (
        (
            "What is the most widely spoken language in {territory}?",
            "Which language do most people in {territory} speak?",
            "What language will I hear most often in {territory}?",
        ),
        (
            "The language with the most speakers in {territory} is {language}, known by about {share} of the population.",
            "About {share} of the people of {territory} speak {language}, more than any other language there.",
        ),
    ),
    "script": (
        (
            "In which script is {language} written in {territory}?",
            "What writing system is used for {language} in {territory}?",
            "Which letters or characters do readers of {language} in {territory} use?",
        ),
        (
            "In {territory}, {language} is written in this script: {script}.",
            "Texts in {language} published in {territory} use the {script} writing system.",
        ),
    ),
    "week_start": (
        (
            "On which day does the week start in {territory}?",
            "What is the first day of the week on calendars in {territory}?",
            "With which day do calendars in {territory} begin?",
        ),
        (
            "In {territory}, the first day of the week is {day}.",
            "Calendars printed in {territory} begin the week on {day}.",
        ),
    ),
    "weekend": (
        (
            "Which days make up the weekend in {territory}?",
            "When is the weekend in {territory}?",
            "On which days do offices in {territory} usually rest?",
        ),
        (
            "The weekend in {territory} falls on {days}.",
            "People in {territory} usually take their weekly rest on {days}.",
        ),
    ),
    "time_zone": (
        (
            "Which time zone is used in {territory}?",
            "What time do clocks in {territory} follow?",
            "By which standard time are clocks set in {territory}?",
        ),
        (
            "Clocks in {territory} follow {zones}.",
            "The standard time kept in {territory} is known as {zones}.",
        ),
    ),
    "number_format": (
        (
            "How is the number {number} written in {territory}?",
            "What separators does one use for a number like {number} in {territory}?",
            "How would a newspaper in {territory} print {number}?",
        ),
        (
            "In {territory}, the number {number} is customarily written {written}.",
            "Following the number format of {territory}, one writes {written} for {number}.",
        ),
    ),
    "endonym": (
        (
            "What is {territory} called in {language}?",
            "What is the name of {territory} when one speaks {language}?",
            "How do you say {territory} in {language}?",
        ),
        (
            "In {language}, the name of {territory} is “{endonym}”.",
            "Speakers of {language} call {territory} “{endonym}”.",
        ),
    ),
    "country_code": (
        (
            "What is the ISO 3166 country code of {territory}?",
            "Which two-letter code stands for {territory}?",
            "How is {territory} abbreviated in international standards?",
        ),
        (
            "The ISO 3166 codes of {territory} are {alpha2} (two letters) and {alpha3} (three letters).",
            "In international standards {territory} is abbreviated {alpha2}, or {alpha3} in the three-letter form.",
        ),
    ),
}
