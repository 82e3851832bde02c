"""French templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Quelle est la monnaie officielle de ce pays ou territoire : {territory} ?",
            "{territory} : avec quel argent y paie-t-on ?",
            "Destination de voyage {territory} : quelle monnaie emporter ?",
        ),
        (
            "{territory} : la monnaie ayant cours légal y est la suivante : {currency}.",
            "Les magasins et les banques du territoire « {territory} » utilisent cette monnaie : {currency}.",
        ),
    ),
    "currency_code": (
        (
            "Quel est le code ISO 4217 de la monnaie du territoire « {territory} » ?",
            "{territory} : quel code de trois lettres désigne l’argent du pays ?",
            "Comment abrège-t-on la monnaie du territoire « {territory} » dans les tableaux de change ?",
        ),
        (
            "Le code ISO 4217 de l’argent utilisé sur le territoire « {territory} » est {code}.",
            "{territory} : dans les tableaux de change, l’argent du pays est noté {code}.",
        ),
    ),
    "former_currency": (
        (
            "Quelle monnaie le territoire « {territory} » utilisait-il avant l’actuelle ?",
            "{territory} : comment s’appelait l’ancienne monnaie ?",
            "Avec quoi payait-on autrefois sur le territoire « {territory} » ?",
        ),
        (
            "{territory} : avant l’argent actuel, on y utilisait jusqu’en {year} cette monnaie : {currency}.",
            "L’ancienne monnaie du territoire « {territory} », retirée en {year}, portait ce nom : {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Quels autres territoires ont la même monnaie que ce pays ou territoire : {territory} ?",
            "{territory} : où peut-on encore payer avec le même argent ?",
            "Avec qui le territoire « {territory} » a-t-il une monnaie commune ?",
        ),
        (
            "{territory} : le même argent circule aussi ailleurs, par exemple ici : {territories}.",
            "Parmi les territoires qui ont la même monnaie que « {territory} », citons {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Quelles sont les langues officielles de ce pays ou territoire : {territory} ?",
            "{territory} : dans quelles langues l’administration y travaille-t-elle ?",
            "Quelle langue a un statut officiel sur le territoire « {territory} » ?",
        ),
        (
            "{territory} : les langues suivantes y ont un statut officiel : {languages}.",
            "L’administration du territoire « {territory} » emploie officiellement : {languages}.",
        ),
    ),
    "main_language": (
        (
            "Quelle est la langue la plus parlée de ce pays ou territoire : {territory} ?",
            "{territory} : quelle langue la plupart des habitants parlent-ils ?",
            "Quelle langue entend-on le plus souvent sur le territoire « {territory} » ?",
        ),
        (
            "{territory} : la langue qui y compte le plus de locuteurs est celle-ci : {language}, connue d’environ {share} des habitants.",
            "Environ {share} des habitants du territoire « {territory} » parlent {language}, plus que toute autre langue.",
        ),
    ),
    "script": (
        (
            "Dans quelle écriture note-t-on la langue « {language} » sur le territoire « {territory} » ?",
            "{territory} : quel système d’écriture y sert à la langue « {language} » ?",
            "Quels caractères emploient les lecteurs de la langue « {language} » du territoire « {territory} » ?",
        ),
        (
            "{territory} : la langue « {language} » s’y écrit dans cette écriture : {script}.",
            "Les textes en langue « {language} » du territoire « {territory} » suivent ce système d’écriture : {script}.",
        ),
    ),
    "week_start": (
        (
            "Quel jour la semaine commence-t-elle sur le territoire « {territory} » ?",
            "{territory} : quel est le premier jour de la semaine dans les calendriers ?",
            "Par quel jour débutent les calendriers du territoire « {territory} » ?",
        ),
        (
            "{territory} : le premier jour de la semaine y est le {day}.",
            "Les calendriers imprimés sur le territoire « {territory} » ouvrent la semaine le {day}.",
        ),
    ),
    "weekend": (
        (
            "Quels jours forment la fin de semaine sur le territoire « {territory} » ?",
            "{territory} : quand y a-t-il week-end ?",
            "Quels jours les bureaux du territoire « {territory} » sont-ils d’ordinaire fermés ?",
        ),
        (
            "{territory} : le week-end y comprend {days}.",
            "Le repos hebdomadaire habituel des habitants du territoire « {territory} » : {days}.",
        ),
    ),
    "time_zone": (
        (
            "Quel fuseau horaire utilise-t-on sur le territoire « {territory} » ?",
            "{territory} : quelle heure les horloges y suivent-elles ?",
            "Quelle est l’heure normale du territoire « {territory} » ?",
        ),
        (
            "{territory} : les horloges y suivent cette heure : {zones}.",
            "Le nom de l’heure légale du territoire « {territory} » est : {zones}.",
        ),
    ),
    "number_format": (
        (
            "Comment écrit-on le nombre {number} sur le territoire « {territory} » ?",
            "{territory} : quels séparateurs y met-on dans un nombre comme {number} ?",
            "Comment un journal du territoire « {territory} » imprimerait-il {number} ?",
        ),
        (
            "{territory} : le nombre {number} s’y écrit d’ordinaire {written}.",
            "Selon le format des nombres du territoire « {territory} », {number} devient {written}.",
        ),
    ),
    "endonym": (
        (
            "Quel est le nom du territoire « {territory} » dans la langue « {language} » ?",
            "{territory} : comment cela se dit-il dans la langue « {language} » ?",
            "Comment nomme-t-on le territoire « {territory} » quand on parle {language} ?",
        ),
        (
            "Dans la langue « {language} », le nom du territoire « {territory} » est « {endonym} ».",
            "Ceux qui parlent {language} appellent le territoire « {territory} » ainsi : « {endonym} ».",
        ),
    ),
    "country_code": (
        (
            "Quel est le code pays ISO 3166 du territoire « {territory} » ?",
            "{territory} : quel code de deux lettres désigne ce territoire ?",
            "Comment {territory} s’abrège-t-il dans les normes internationales ?",
        ),
        (
            "Les codes ISO 3166 du territoire « {territory} » sont {alpha2} (deux lettres) et {alpha3} (trois lettres).",
            "{territory} : dans les normes internationales, on abrège ce nom en {alpha2}, ou {alpha3} en trois lettres.",
        ),
    ),
}
