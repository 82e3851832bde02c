"""Italian templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Qual è la valuta ufficiale di questo paese o territorio: {territory}?",
            "{territory}: con quale denaro si paga lì?",
            "Quale valuta conviene portare in un viaggio con destinazione {territory}?",
        ),
        (
            "{territory}: la valuta a corso legale è la seguente: {currency}.",
            "I negozi e le banche del territorio «{territory}» usano questa valuta: {currency}.",
        ),
    ),
    "currency_code": (
        (
            "Qual è il codice ISO 4217 della valuta del territorio «{territory}»?",
            "{territory}: quale codice di tre lettere indica il denaro locale?",
            "Come si abbrevia la valuta del territorio «{territory}» nelle tabelle dei cambi?",
        ),
        (
            "Il codice ISO 4217 del denaro usato nel territorio «{territory}» è {code}.",
            "{territory}: nelle tabelle dei cambi il denaro locale si abbrevia {code}.",
        ),
    ),
    "former_currency": (
        (
            "Quale valuta usava il territorio «{territory}» prima di quella attuale?",
            "{territory}: come si chiamava il vecchio denaro?",
            "Con che cosa si pagava un tempo nel territorio «{territory}»?",
        ),
        (
            "{territory}: prima del denaro attuale, fino al {year}, vi si usava questa valuta: {currency}.",
            "La vecchia valuta del territorio «{territory}», valida fino al {year}, si chiamava {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Quali altri territori hanno la stessa valuta di {territory}?",
            "{territory}: dove altro si può pagare con lo stesso denaro?",
            "Con chi il territorio «{territory}» ha una valuta comune?",
        ),
        (
            "{territory}: lo stesso denaro circola anche altrove, per esempio qui: {territories}.",
            "Tra i luoghi che condividono la valuta con {territory} ci sono {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Quali sono le lingue ufficiali di questo paese o territorio: {territory}?",
            "{territory}: in quali lingue lavora l’amministrazione?",
            "Quale lingua ha carattere ufficiale nel territorio «{territory}»?",
        ),
        (
            "{territory}: hanno carattere ufficiale le seguenti lingue: {languages}.",
            "L’amministrazione del territorio «{territory}» lavora ufficialmente in {languages}.",
        ),
    ),
    "main_language": (
        (
            "Qual è la lingua più parlata in questo paese o territorio: {territory}?",
            "{territory}: quale lingua parla la maggior parte della gente?",
            "Quale lingua si sente più spesso nel territorio «{territory}»?",
        ),
        (
            "{territory}: la lingua con più parlanti è questa: {language}, nota a circa {share} della popolazione.",
            "Nel territorio «{territory}» circa {share} della gente parla {language}, più di ogni altra lingua.",
        ),
    ),
    "script": (
        (
            "In quale scrittura si scrive la lingua «{language}» nel territorio «{territory}»?",
            "{territory}: quale sistema di scrittura serve lì per la lingua «{language}»?",
            "Quali lettere o segni usano i lettori di {language} nel territorio «{territory}»?",
        ),
        (
            "{territory}: la lingua «{language}» vi si scrive in questa scrittura: {script}.",
            "I testi in {language} pubblicati nel territorio «{territory}» usano questo sistema di scrittura: {script}.",
        ),
    ),
    "week_start": (
        (
            "In quale giorno comincia la settimana nel territorio «{territory}»?",
            "{territory}: qual è il primo giorno della settimana nei calendari?",
            "Con quale giorno iniziano i calendari del territorio «{territory}»?",
        ),
        (
            "{territory}: il primo giorno della settimana è {day}.",
            "I calendari stampati nel territorio «{territory}» aprono la settimana con {day}.",
        ),
    ),
    "weekend": (
        (
            "Quali giorni formano il fine settimana nel territorio «{territory}»?",
            "{territory}: quando è il fine settimana?",
            "In quali giorni riposano di solito gli uffici del territorio «{territory}»?",
        ),
        (
            "{territory}: il fine settimana cade di {days}.",
            "Il consueto riposo settimanale nel territorio «{territory}» è di {days}.",
        ),
    ),
    "time_zone": (
        (
            "Quale fuso orario si usa nel territorio «{territory}»?",
            "{territory}: quale ora seguono gli orologi?",
            "Qual è l’ora ufficiale del territorio «{territory}»?",
        ),
        (
            "{territory}: gli orologi seguono quest’ora: {zones}.",
            "L’ora ufficiale in vigore nel territorio «{territory}» porta questo nome: {zones}.",
        ),
    ),
    "number_format": (
        (
            "Come si scrive il numero {number} nel territorio «{territory}»?",
            "{territory}: quali separatori si mettono in un numero come {number}?",
            "Come stamperebbe il numero {number} un giornale del territorio «{territory}»?",
        ),
        (
            "{territory}: il numero {number} vi si scrive di solito {written}.",
            "Secondo il formato numerico del territorio «{territory}», {number} diventa {written}.",
        ),
    ),
    "endonym": (
        (
            "Come si dice {territory} in {language}?",
            "{territory}: qual è questo nome nella lingua «{language}»?",
            "Come chiamano il territorio «{territory}» coloro che parlano {language}?",
        ),
        (
            "Nella lingua «{language}», il nome di {territory} è “{endonym}”.",
            "Chi parla {language} chiama il territorio «{territory}» così: “{endonym}”.",
        ),
    ),
    "country_code": (
        (
            "Qual è il codice paese ISO 3166 del territorio «{territory}»?",
            "{territory}: quale codice di due lettere indica questo territorio?",
            "Come si abbrevia {territory} nelle norme internazionali?",
        ),
        (
            "I codici ISO 3166 del territorio «{territory}» sono {alpha2} (due lettere) e {alpha3} (tre lettere).",
            "{territory}: nelle norme internazionali questo nome si abbrevia {alpha2}, oppure {alpha3} con tre lettere.",
        ),
    ),
}
