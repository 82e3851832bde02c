"""Spanish templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "¿Cuál es la moneda oficial de {territory}?",
            "¿Con qué dinero se paga en {territory}?",
            "¿Qué moneda conviene llevar en un viaje a {territory}?",
        ),
        (
            "La moneda de curso legal en {territory} es la siguiente: {currency}.",
            "Las tiendas y los bancos de {territory} operan con esta moneda: {currency}.",
        ),
    ),
    "currency_code": (
        (
            "¿Cuál es el código ISO 4217 de la moneda de {territory}?",
            "¿Qué código de tres letras representa el dinero de {territory}?",
            "¿Cómo se abrevia la moneda de {territory} en las tablas de cambio?",
        ),
        (
            "El código ISO 4217 del dinero que se usa en {territory} es {code}.",
            "En las tablas de cambio, el dinero de {territory} se abrevia {code}.",
        ),
    ),
    "former_currency": (
        (
            "¿Qué moneda usaba {territory} antes de la actual?",
            "¿Cómo se llamaba el antiguo dinero de {territory}?",
            "¿Con qué se pagaba antiguamente en {territory}?",
        ),
        (
            "Antes del dinero actual, en {territory} se usó hasta {year} esta moneda: {currency}.",
            "La antigua moneda de {territory}, válida hasta {year}, se llamaba {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "¿Qué otros territorios comparten moneda con {territory}?",
            "¿Dónde más se puede pagar con el dinero de {territory}?",
            "¿Con quién tiene {territory} una moneda común?",
        ),
        (
            "El dinero de {territory} también circula en otros lugares, por ejemplo: {territories}.",
            "Entre los lugares que comparten moneda con {territory} están {territories}.",
        ),
    ),
    "official_languages": (
        (
            "¿Cuáles son las lenguas oficiales de {territory}?",
            "¿En qué lenguas trabaja la administración de {territory}?",
            "¿Qué lengua tiene rango oficial en {territory}?",
        ),
        (
            "En {territory} tienen rango oficial las siguientes lenguas: {languages}.",
            "La administración de {territory} trabaja oficialmente en {languages}.",
        ),
    ),
    "main_language": (
        (
            "¿Cuál es la lengua más hablada en {territory}?",
            "¿Qué lengua habla la mayoría de la gente en {territory}?",
            "¿Qué lengua se oye más a menudo en {territory}?",
        ),
        (
            "La lengua con más hablantes en {territory} es el {language}, que conoce cerca del {share} de la población.",
            "Cerca del {share} de la gente de {territory} habla {language}, más que cualquier otra lengua del lugar.",
        ),
    ),
    "script": (
        (
            "¿Con qué escritura se escribe en {territory} la lengua llamada {language}?",
            "¿Qué sistema de escritura se usa en {territory} para la lengua «{language}»?",
            "¿Qué letras o signos emplean los lectores de {language} en {territory}?",
        ),
        (
            "En {territory}, la lengua «{language}» se escribe con esta escritura: {script}.",
            "Los textos en {language} publicados en {territory} emplean este sistema de escritura: {script}.",
        ),
    ),
    "week_start": (
        (
            "¿En qué día empieza la semana en {territory}?",
            "¿Cuál es el primer día de la semana en los calendarios de {territory}?",
            "¿Con qué día comienzan los calendarios de {territory}?",
        ),
        (
            "En {territory}, el primer día de la semana es el {day}.",
            "Los calendarios impresos en {territory} abren la semana con el {day}.",
        ),
    ),
    "weekend": (
        (
            "¿Qué días forman el fin de semana en {territory}?",
            "¿Cuándo es fin de semana en {territory}?",
            "¿Qué días suelen descansar las oficinas de {territory}?",
        ),
        (
            "El fin de semana en {territory} lo forman: {days}.",
            "La gente de {territory} suele tomar su descanso semanal así: {days}.",
        ),
    ),
    "time_zone": (
        (
            "¿Qué zona horaria se usa en {territory}?",
            "¿Qué hora siguen los relojes de {territory}?",
            "¿Cuál es la hora oficial de {territory}?",
        ),
        (
            "Los relojes de {territory} siguen esta hora: {zones}.",
            "La hora legal que rige en {territory} se llama {zones}.",
        ),
    ),
    "number_format": (
        (
            "¿Cómo se escribe el número {number} en {territory}?",
            "¿Qué separadores se ponen en un número como {number} en {territory}?",
            "¿Cómo imprimiría un periódico de {territory} el número {number}?",
        ),
        (
            "En {territory}, el número {number} se suele escribir {written}.",
            "Según el formato numérico de {territory}, {number} se convierte en {written}.",
        ),
    ),
    "endonym": (
        (
            "¿Cómo se dice {territory} en {language}?",
            "¿Cuál es el nombre de {territory} en la lengua «{language}»?",
            "¿Cómo llaman a {territory} quienes hablan {language}?",
        ),
        (
            "En la lengua «{language}», el nombre de {territory} es «{endonym}».",
            "Quienes hablan {language} llaman a {territory} «{endonym}».",
        ),
    ),
    "country_code": (
        (
            "¿Cuál es el código de país ISO 3166 de {territory}?",
            "¿Qué código de dos letras representa a {territory}?",
            "¿Cómo se abrevia {territory} en las normas internacionales?",
        ),
        (
            "Los códigos ISO 3166 de {territory} son {alpha2} (dos letras) y {alpha3} (tres letras).",
            "En las normas internacionales, {territory} se abrevia {alpha2}, o {alpha3} con tres letras.",
        ),
    ),
}
