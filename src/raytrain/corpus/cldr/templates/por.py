"""Portuguese templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Qual é a moeda oficial deste país ou território: {territory}?",
            "{territory}: com que dinheiro se paga lá?",
            "Que moeda convém levar numa viagem com destino a {territory}?",
        ),
        (
            "{territory}: a moeda com curso legal é a seguinte: {currency}.",
            "As lojas e os bancos do território {territory} usam esta moeda: {currency}.",
        ),
    ),
    "currency_code": (
        (
            "Qual é o código ISO 4217 da moeda do território {territory}?",
            "{territory}: que código de três letras representa o dinheiro local?",
            "Como se abrevia a moeda do território {territory} nas tabelas de câmbio?",
        ),
        (
            "O código ISO 4217 do dinheiro usado no território {territory} é {code}.",
            "{territory}: nas tabelas de câmbio, o dinheiro local é abreviado como {code}.",
        ),
    ),
    "former_currency": (
        (
            "Que moeda o território {territory} usava antes da atual?",
            "{territory}: como se chamava o dinheiro antigo?",
            "Com que se pagava antigamente no território {territory}?",
        ),
        (
            "{territory}: antes do dinheiro atual, usou-se até {year} esta moeda: {currency}.",
            "A antiga moeda do território {territory}, válida até {year}, chamava-se {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Que outros territórios partilham a moeda com {territory}?",
            "{territory}: onde mais se pode pagar com o mesmo dinheiro?",
            "Com quem o território {territory} tem uma moeda comum?",
        ),
        (
            "{territory}: o mesmo dinheiro também circula noutros lugares, por exemplo: {territories}.",
            "Entre os lugares que têm a mesma moeda que {territory} estão {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Quais são as línguas oficiais deste país ou território: {territory}?",
            "{territory}: em que línguas trabalha a administração?",
            "Que língua tem estatuto oficial no território {territory}?",
        ),
        (
            "{territory}: têm estatuto oficial as seguintes línguas: {languages}.",
            "A administração do território {territory} trabalha oficialmente em {languages}.",
        ),
    ),
    "main_language": (
        (
            "Qual é a língua mais falada neste país ou território: {territory}?",
            "{territory}: que língua fala a maioria das pessoas?",
            "Que língua se ouve com mais frequência no território {territory}?",
        ),
        (
            "{territory}: a língua com mais falantes é o {language}, conhecido por cerca de {share} da população.",
            "Cerca de {share} das pessoas do território {territory} falam {language}, mais do que qualquer outra língua.",
        ),
    ),
    "script": (
        (
            "Em que escrita se escreve a língua “{language}” no território {territory}?",
            "{territory}: que sistema de escrita serve lá para a língua “{language}”?",
            "Que letras ou sinais usam os leitores de {language} no território {territory}?",
        ),
        (
            "{territory}: a língua “{language}” escreve-se lá nesta escrita: {script}.",
            "Os textos em {language} publicados no território {territory} usam este sistema de escrita: {script}.",
        ),
    ),
    "week_start": (
        (
            "Em que dia começa a semana no território {territory}?",
            "{territory}: qual é o primeiro dia da semana nos calendários?",
            "Com que dia começam os calendários do território {territory}?",
        ),
        (
            "{territory}: o primeiro dia da semana lá é {day}.",
            "Os calendários impressos no território {territory} abrem a semana com este dia: {day}.",
        ),
    ),
    "weekend": (
        (
            "Que dias formam o fim de semana no território {territory}?",
            "{territory}: quando é o fim de semana?",
            "Em que dias costumam descansar os escritórios do território {territory}?",
        ),
        (
            "{territory}: o fim de semana é formado por {days}.",
            "O descanso semanal habitual no território {territory} ocorre assim: {days}.",
        ),
    ),
    "time_zone": (
        (
            "Que fuso horário se usa no território {territory}?",
            "{territory}: que hora seguem os relógios?",
            "Qual é a hora oficial do território {territory}?",
        ),
        (
            "{territory}: os relógios seguem esta hora: {zones}.",
            "A hora legal do território {territory} chama-se {zones}.",
        ),
    ),
    "number_format": (
        (
            "Como se escreve o número {number} no território {territory}?",
            "{territory}: que separadores se põem num número como {number}?",
            "Como um jornal do território {territory} imprimiria o número {number}?",
        ),
        (
            "{territory}: o número {number} costuma escrever-se {written}.",
            "Segundo o formato numérico do território {territory}, {number} passa a {written}.",
        ),
    ),
    "endonym": (
        (
            "Como se diz {territory} em {language}?",
            "{territory}: qual é este nome na língua “{language}”?",
            "Que nome dão ao território {territory} os falantes de {language}?",
        ),
        (
            "Na língua “{language}”, o nome de {territory} é “{endonym}”.",
            "Os falantes de {language} chamam “{endonym}” ao território {territory}.",
        ),
    ),
    "country_code": (
        (
            "Qual é o código de país ISO 3166 do território {territory}?",
            "{territory}: que código de duas letras representa este território?",
            "Como se abrevia {territory} nas normas internacionais?",
        ),
        (
            "Os códigos ISO 3166 do território {territory} são {alpha2} (duas letras) e {alpha3} (três letras).",
            "{territory}: nas normas internacionais, este nome abrevia-se {alpha2}, ou {alpha3} com três letras.",
        ),
    ),
}
