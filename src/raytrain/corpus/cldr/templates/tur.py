"""Turkish templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "{territory} ülkesinin veya bölgesinin resmî para birimi nedir?",
            "{territory}: orada hangi parayla ödeme yapılır?",
            "Gidilecek yer {territory} ise yanınıza hangi para birimini almalısınız?",
        ),
        (
            "{territory} için yasal para birimi şudur: {currency}.",
            "{territory} bölgesindeki dükkân ve bankalarda geçerli para: {currency}.",
        ),
    ),
    "currency_code": (
        (
            "{territory} para biriminin ISO 4217 kodu nedir?",
            "{territory}: oradaki parayı hangi üç harfli kod gösterir?",
            "Kur tablolarında {territory} para birimi nasıl kısaltılır?",
        ),
        (
            "{territory} bölgesinde kullanılan paranın ISO 4217 kodu {code} olarak belirlenmiştir.",
            "Kur tablolarında {territory} parası {code} kısaltmasıyla yazılır.",
        ),
    ),
    "former_currency": (
        (
            "{territory} bölgesinde bugünkünden önce hangi para birimi kullanılıyordu?",
            "{territory}: eski paranın adı neydi?",
            "Eskiden {territory} bölgesinde neyle ödeme yapılırdı?",
        ),
        (
            "{territory}: bugünkü paradan önce, {year} yılına kadar kullanılan para birimi {currency} idi.",
            "{territory} bölgesinin {year} yılına kadar geçerli eski parası: {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "{territory} ile aynı para birimini kullanan başka yerler hangileridir?",
            "{territory}: oradaki para başka nerede geçer?",
            "{territory} kimlerle ortak bir para birimine sahiptir?",
        ),
        (
            "{territory} parası başka yerlerde de geçerlidir; örneğin: {territories}.",
            "{territory} ile ortak para birimi kullanan yerlerden bazıları: {territories}.",
        ),
    ),
    "official_languages": (
        (
            "{territory} ülkesinin veya bölgesinin resmî dilleri nelerdir?",
            "{territory}: orada yönetim hangi dillerde çalışır?",
            "{territory} bölgesinde hangi dil resmî statüye sahiptir?",
        ),
        (
            "{territory} bölgesinde resmî statüye sahip diller: {languages}.",
            "{territory} makamlarının resmî olarak kullandığı diller şunlardır: {languages}.",
        ),
    ),
    "main_language": (
        (
            "{territory} bölgesinde en yaygın konuşulan dil nedir?",
            "{territory}: orada insanların çoğu hangi dili konuşur?",
            "{territory} bölgesinde en sık hangi dil duyulur?",
        ),
        (
            "{territory} bölgesinde en çok konuşanı olan dil {language} olup nüfusun yaklaşık {share} kadarı bu dili bilir.",
            "{territory} nüfusunun yaklaşık {share} kadarının konuştuğu {language}, oradaki en yaygın dildir.",
        ),
    ),
    "script": (
        (
            "{territory} bölgesinde {language} hangi yazıyla yazılır?",
            "{territory}: orada {language} için hangi yazı sistemi kullanılır?",
            "{territory} bölgesinde {language} okuyanlar hangi harfleri kullanır?",
        ),
        (
            "{territory} bölgesinde {language} şu yazıyla yazılır: {script}.",
            "{territory} bölgesinde yayımlanan {language} metinlerin yazı sistemi: {script}.",
        ),
    ),
    "week_start": (
        (
            "{territory} bölgesinde hafta hangi gün başlar?",
            "{territory}: takvimlerde haftanın ilk günü hangisidir?",
            "{territory} takvimleri hangi günle başlar?",
        ),
        (
            "{territory} bölgesinde haftanın ilk günü: {day}.",
            "{territory} bölgesinde basılan takvimlerde haftayı başlatan gün {day} olur.",
        ),
    ),
    "weekend": (
        (
            "{territory} bölgesinde hafta sonu hangi günlerdir?",
            "{territory}: orada hafta sonu ne zamandır?",
            "{territory} bölgesinde bürolar genellikle hangi günler kapalıdır?",
        ),
        (
            "{territory} bölgesinde hafta sonu: {days}.",
            "{territory} halkının olağan haftalık dinlenme zamanı: {days}.",
        ),
    ),
    "time_zone": (
        (
            "{territory} bölgesinde hangi saat dilimi kullanılır?",
            "{territory}: oradaki saatler hangi zamana göre ayarlanır?",
            "{territory} için standart saat hangisidir?",
        ),
        (
            "{territory} bölgesindeki saatlerin uyduğu zaman: {zones}.",
            "{territory} bölgesinde geçerli resmî saatin adı: {zones}.",
        ),
    ),
    "number_format": (
        (
            "{territory} bölgesinde {number} sayısı nasıl yazılır?",
            "{territory}: orada {number} gibi bir sayıda hangi ayırıcılar kullanılır?",
            "{territory} bölgesindeki bir gazete {number} sayısını nasıl basar?",
        ),
        (
            "{territory} bölgesinde {number} sayısı genellikle şöyle yazılır: {written}.",
            "{territory} sayı biçimine göre {number} sayısının yazılışı {written} olur.",
        ),
    ),
    "endonym": (
        (
            "{language} dilinde {territory} nasıl adlandırılır?",
            "{territory}: bu ad {language} dilinde nasıl söylenir?",
            "{language} konuşanlar {territory} için hangi adı kullanır?",
        ),
        (
            "{language} dilinde {territory} adı “{endonym}” biçimindedir.",
            "{language} konuşanlar {territory} için “{endonym}” der.",
        ),
    ),
    "country_code": (
        (
            "{territory} için ISO 3166 ülke kodu nedir?",
            "{territory}: bu bölgeyi hangi iki harfli kod gösterir?",
            "Uluslararası standartlarda {territory} nasıl kısaltılır?",
        ),
        (
            "{territory} için ISO 3166 kodları {alpha2} (iki harf) ve {alpha3} (üç harf) olarak belirlenmiştir.",
            "Uluslararası standartlarda {territory} kısaltması {alpha2}, üç harfle {alpha3} biçimindedir.",
        ),
    ),
}
