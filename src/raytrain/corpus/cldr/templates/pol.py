"""Polish templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Jaka jest oficjalna waluta kraju lub obszaru {territory}?",
            "{territory}: jakimi pieniędzmi się tam płaci?",
            "Cel podróży: {territory} – jaką walutę warto zabrać?",
        ),
        (
            "{territory}: prawnym środkiem płatniczym jest tam {currency}.",
            "W sklepach i bankach na obszarze {territory} obiega waluta {currency}.",
        ),
    ),
    "currency_code": (
        (
            "Jaki jest kod ISO 4217 waluty na obszarze {territory}?",
            "{territory}: jaki trzyliterowy kod oznacza tamtejsze pieniądze?",
            "Jak w tabelach kursów skraca się walutę obszaru {territory}?",
        ),
        (
            "Kod ISO 4217 pieniędzy używanych na obszarze {territory} to {code}.",
            "{territory}: w tabelach kursów tamtejsze pieniądze oznacza się skrótem {code}.",
        ),
    ),
    "former_currency": (
        (
            "Jakiej waluty używano na obszarze {territory} przed obecną?",
            "{territory}: jak nazywały się tam dawne pieniądze?",
            "Czym dawniej płacono na obszarze {territory}?",
        ),
        (
            "{territory}: przed obecnymi pieniędzmi, do {year} roku, używano tam waluty {currency}.",
            "Dawny środek płatniczy obszaru {territory}, ważny do {year} roku, to {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Jakie inne obszary mają tę samą walutę co {territory}?",
            "{territory}: gdzie jeszcze można płacić tymi samymi pieniędzmi?",
            "Z kim {territory} dzieli wspólną walutę?",
        ),
        (
            "{territory}: te same pieniądze krążą także gdzie indziej, na przykład tu: {territories}.",
            "Tę samą walutę co {territory} mają między innymi {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Jakie są języki urzędowe kraju lub obszaru {territory}?",
            "{territory}: w jakich językach działa tam administracja?",
            "Który język ma status urzędowy na obszarze {territory}?",
        ),
        (
            "{territory}: status urzędowy mają tam następujące języki: {languages}.",
            "Urzędy na obszarze {territory} oficjalnie używają języków: {languages}.",
        ),
    ),
    "main_language": (
        (
            "Jaki język jest najbardziej rozpowszechniony na obszarze {territory}?",
            "{territory}: jakim językiem mówi tam większość ludzi?",
            "Jaki język najczęściej słychać na obszarze {territory}?",
        ),
        (
            "{territory}: najwięcej użytkowników ma tam język {language}, zna go około {share} ludności.",
            "Około {share} ludzi na obszarze {territory} zna język {language}, więcej niż jakikolwiek inny.",
        ),
    ),
    "script": (
        (
            "Jakim pismem zapisuje się język {language} na obszarze {territory}?",
            "{territory}: jaki system pisma ma tam język {language}?",
            "Jakich liter lub znaków używa język {language} na obszarze {territory}?",
        ),
        (
            "{territory}: pismo, którego używa tam język {language}, to: {script}.",
            "Na obszarze {territory} język {language} ma następujący system pisma: {script}.",
        ),
    ),
    "week_start": (
        (
            "Od jakiego dnia zaczyna się tydzień na obszarze {territory}?",
            "{territory}: jaki jest tam pierwszy dzień tygodnia w kalendarzu?",
            "Jaki dzień otwiera tydzień w kalendarzach na obszarze {territory}?",
        ),
        (
            "{territory}: pierwszy dzień tygodnia to tam {day}.",
            "W kalendarzach drukowanych na obszarze {territory} tydzień otwiera {day}.",
        ),
    ),
    "weekend": (
        (
            "Jakie dni tworzą weekend na obszarze {territory}?",
            "{territory}: kiedy jest tam weekend?",
            "W jakie dni zwykle odpoczywają biura na obszarze {territory}?",
        ),
        (
            "{territory}: weekend tworzą tam {days}.",
            "Zwykły tygodniowy odpoczynek mieszkańców obszaru {territory}: {days}.",
        ),
    ),
    "time_zone": (
        (
            "Jaka strefa czasowa obowiązuje na obszarze {territory}?",
            "{territory}: według jakiego czasu chodzą tam zegary?",
            "Jaki czas standardowy obowiązuje na obszarze {territory}?",
        ),
        (
            "{territory}: zegary wskazują tam taki czas: {zones}.",
            "Urzędowy czas na obszarze {territory} nosi nazwę: {zones}.",
        ),
    ),
    "number_format": (
        (
            "Jak zapisuje się liczbę {number} na obszarze {territory}?",
            "{territory}: jakie separatory stawia się tam w liczbie {number}?",
            "Jak gazeta na obszarze {territory} wydrukowałaby liczbę {number}?",
        ),
        (
            "{territory}: liczbę {number} zwykle zapisuje się tam tak: {written}.",
            "Według zapisu liczb na obszarze {territory} liczba {number} ma postać {written}.",
        ),
    ),
    "endonym": (
        (
            "Jak nazywa się {territory}, gdy używany język to {language}?",
            "{territory}: jak brzmi ta nazwa w innym języku ({language})?",
            "Jaką nazwę nosi {territory}, jeśli język to {language}?",
        ),
        (
            "Gdy używany język to {language}, {territory} nosi nazwę „{endonym}”.",
            "Nazwa obszaru {territory} w innym języku ({language}) to „{endonym}”.",
        ),
    ),
    "country_code": (
        (
            "Jaki jest kod kraju ISO 3166 obszaru {territory}?",
            "{territory}: jaki dwuliterowy kod oznacza ten obszar?",
            "Jak {territory} skraca się w normach międzynarodowych?",
        ),
        (
            "Kody ISO 3166 obszaru {territory} to {alpha2} (dwie litery) i {alpha3} (trzy litery).",
            "W normach międzynarodowych {territory} ma skrót {alpha2}, a trzyliterowo {alpha3}.",
        ),
    ),
}
