"""Swahili templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Sarafu rasmi ya {territory} ni ipi?",
            "Watu hulipa kwa fedha gani katika {territory}?",
            "Msafiri anayekwenda {territory} achukue sarafu gani?",
        ),
        (
            "Fedha halali katika {territory} ni {currency}.",
            "Maduka na benki katika {territory} hutumia {currency} kama fedha za kila siku.",
        ),
    ),
    "currency_code": (
        (
            "Msimbo wa ISO 4217 wa sarafu ya {territory} ni upi?",
            "Ni msimbo gani wa herufi tatu unaowakilisha fedha za {territory}?",
            "Sarafu ya {territory} hufupishwaje katika orodha za viwango vya ubadilishaji?",
        ),
        (
            "Msimbo wa ISO 4217 wa fedha zinazotumika katika {territory} ni {code}.",
            "Katika orodha za viwango vya ubadilishaji, fedha za {territory} huandikwa {code}.",
        ),
    ),
    "former_currency": (
        (
            "Kabla ya sarafu ya sasa, {territory} ilitumia sarafu gani?",
            "Fedha za zamani za {territory} ziliitwaje?",
            "Zamani watu wa {territory} walilipa kwa fedha gani?",
        ),
        (
            "Kabla ya fedha za sasa, {territory} ilitumia {currency} hadi mwaka {year}.",
            "Fedha halali za zamani katika {territory} hadi mwaka {year} zilikuwa {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Ni maeneo gani mengine yanayotumia sarafu sawa na {territory}?",
            "Fedha za {territory} zinaweza kutumika wapi kwingine?",
            "Je, {territory} inashiriki sarafu na nani?",
        ),
        (
            "Fedha za {territory} hutumika pia mahali pengine, kwa mfano {territories}.",
            "Miongoni mwa maeneo yanayoshiriki sarafu na {territory} ni {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Lugha rasmi za {territory} ni zipi?",
            "Serikali ya {territory} hufanya kazi kwa lugha gani?",
            "Ni lugha ipi yenye hadhi rasmi katika {territory}?",
        ),
        (
            "Lugha zenye hadhi rasmi katika {territory} ni hizi: {languages}.",
            "Mamlaka za {territory} hutumia rasmi {languages}.",
        ),
    ),
    "main_language": (
        (
            "Lugha inayozungumzwa zaidi katika {territory} ni ipi?",
            "Watu wengi wa {territory} huzungumza lugha gani?",
            "Ni lugha gani inayosikika zaidi katika {territory}?",
        ),
        (
            "Lugha yenye wazungumzaji wengi zaidi katika {territory} ni {language}, inayojulikana na takriban {share} ya wakazi.",
            "Takriban {share} ya watu wa {territory} huzungumza {language}, kuliko lugha nyingine yoyote huko.",
        ),
    ),
    "script": (
        (
            "Katika {territory}, {language} huandikwa kwa hati gani?",
            "Ni mfumo gani wa maandishi hutumiwa kwa {language} katika {territory}?",
            "Wasomaji wa {language} katika {territory} hutumia herufi gani?",
        ),
        (
            "Katika {territory}, {language} huandikwa kwa hati hii: {script}.",
            "Maandishi ya {language} yanayochapishwa katika {territory} hutumia mfumo wa hati wa {script}.",
        ),
    ),
    "week_start": (
        (
            "Wiki huanza siku gani katika {territory}?",
            "Siku ya kwanza ya wiki katika kalenda za {territory} ni ipi?",
            "Kalenda za {territory} huanza na siku gani?",
        ),
        (
            "Katika {territory}, siku ya kwanza ya wiki ni {day}.",
            "Kalenda zinazochapishwa katika {territory} huanza wiki siku ya {day}.",
        ),
    ),
    "weekend": (
        (
            "Wikendi katika {territory} ni siku zipi?",
            "Mwisho wa wiki katika {territory} ni lini?",
            "Ofisi za {territory} kwa kawaida hupumzika siku gani?",
        ),
        (
            "Wikendi katika {territory} huwa {days}.",
            "Watu wa {territory} kwa kawaida hupumzika kila wiki siku za {days}.",
        ),
    ),
    "time_zone": (
        (
            "Ni saa za eneo gani hutumika katika {territory}?",
            "Saa katika {territory} hufuata majira gani?",
            "Majira rasmi ya {territory} ni yapi?",
        ),
        (
            "Saa katika {territory} hufuata {zones}.",
            "Majira rasmi yanayotumika katika {territory} huitwa {zones}.",
        ),
    ),
    "number_format": (
        (
            "Nambari {number} huandikwaje katika {territory}?",
            "Ni alama gani za kutenganisha hutumika kwa nambari kama {number} katika {territory}?",
            "Gazeti la {territory} lingechapishaje nambari {number}?",
        ),
        (
            "Katika {territory}, nambari {number} kwa kawaida huandikwa {written}.",
            "Kwa kufuata muundo wa nambari wa {territory}, {number} huwa {written}.",
        ),
    ),
    "endonym": (
        (
            "Jina la {territory} kwa {language} ni lipi?",
            "Kwa {language}, {territory} huitwaje?",
            "Wazungumzaji wa {language} huiita {territory} kwa jina gani?",
        ),
        (
            "Kwa {language}, jina la {territory} ni “{endonym}”.",
            "Wazungumzaji wa {language} huiita {territory} “{endonym}”.",
        ),
    ),
    "country_code": (
        (
            "Msimbo wa nchi wa ISO 3166 wa {territory} ni upi?",
            "Ni msimbo gani wa herufi mbili unaowakilisha {territory}?",
            "Jina la {territory} hufupishwaje katika viwango vya kimataifa?",
        ),
        (
            "Misimbo ya ISO 3166 ya {territory} ni {alpha2} (herufi mbili) na {alpha3} (herufi tatu).",
            "Katika viwango vya kimataifa {territory} hufupishwa {alpha2}, au {alpha3} kwa herufi tatu.",
        ),
    ),
}
