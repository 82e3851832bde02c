"""Indonesian templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Apa mata uang resmi {territory}?",
            "Dengan uang apa orang membayar di {territory}?",
            "Mata uang apa yang perlu dibawa saat bepergian ke {territory}?",
        ),
        (
            "Alat pembayaran yang sah di {territory} adalah {currency}.",
            "Toko dan bank di {territory} memakai {currency} sebagai uang yang beredar.",
        ),
    ),
    "currency_code": (
        (
            "Apa kode mata uang ISO 4217 untuk {territory}?",
            "Kode tiga huruf apa yang menandai uang {territory}?",
            "Bagaimana mata uang {territory} disingkat dalam tabel kurs?",
        ),
        (
            "Kode ISO 4217 untuk uang yang dipakai di {territory} adalah {code}.",
            "Dalam tabel kurs, uang {territory} ditulis dengan singkatan {code}.",
        ),
    ),
    "former_currency": (
        (
            "Mata uang apa yang dipakai {territory} sebelum yang sekarang?",
            "Apa nama uang lama di {territory}?",
            "Dulu orang di {territory} membayar dengan apa?",
        ),
        (
            "Sebelum uang yang sekarang berlaku, {territory} memakai {currency} sampai tahun {year}.",
            "Uang lama yang sah di {territory} sampai tahun {year} adalah {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Wilayah mana lagi yang memakai mata uang yang sama dengan {territory}?",
            "Di mana lagi uang {territory} dapat dipakai membayar?",
            "Dengan siapa {territory} berbagi mata uang?",
        ),
        (
            "Uang {territory} juga berlaku di tempat lain, antara lain {territories}.",
            "Tempat yang berbagi mata uang dengan {territory} antara lain {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Apa saja bahasa resmi di {territory}?",
            "Pemerintah {territory} bekerja dalam bahasa apa?",
            "Bahasa mana yang berstatus resmi di {territory}?",
        ),
        (
            "Status bahasa resmi di {territory} dimiliki oleh bahasa {languages}.",
            "Pihak berwenang di {territory} secara resmi memakai bahasa berikut: {languages}.",
        ),
    ),
    "main_language": (
        (
            "Apa bahasa yang paling banyak dituturkan di {territory}?",
            "Bahasa apa yang dipakai kebanyakan orang di {territory}?",
            "Bahasa apa yang paling sering terdengar di {territory}?",
        ),
        (
            "Bahasa dengan penutur terbanyak di {territory} adalah {language}, dikuasai sekitar {share} penduduk.",
            "Sekitar {share} penduduk {territory} berbahasa {language}, lebih banyak daripada bahasa lain di sana.",
        ),
    ),
    "script": (
        (
            "Dengan aksara apa bahasa {language} ditulis di {territory}?",
            "Sistem tulisan apa yang dipakai untuk bahasa {language} di {territory}?",
            "Huruf apa yang digunakan pembaca bahasa {language} di {territory}?",
        ),
        (
            "Di {territory}, bahasa {language} ditulis dengan aksara {script}.",
            "Naskah berbahasa {language} yang terbit di {territory} memakai aksara {script}.",
        ),
    ),
    "week_start": (
        (
            "Pada hari apa minggu dimulai di {territory}?",
            "Apa hari pertama dalam pekan menurut kalender di {territory}?",
            "Kalender di {territory} dimulai dengan hari apa?",
        ),
        (
            "Di {territory}, hari pertama dalam pekan adalah {day}.",
            "Kalender yang dicetak di {territory} mengawali pekan pada hari {day}.",
        ),
    ),
    "weekend": (
        (
            "Hari apa saja yang menjadi akhir pekan di {territory}?",
            "Kapan akhir pekan di {territory}?",
            "Pada hari apa kantor di {territory} biasanya libur?",
        ),
        (
            "Akhir pekan di {territory} jatuh pada hari {days}.",
            "Penduduk {territory} biasanya beristirahat mingguan pada hari {days}.",
        ),
    ),
    "time_zone": (
        (
            "Zona waktu apa yang dipakai di {territory}?",
            "Jam di {territory} mengikuti waktu apa?",
            "Apa waktu standar yang berlaku di {territory}?",
        ),
        (
            "Jam di {territory} mengikuti {zones}.",
            "Waktu standar yang berlaku di {territory} dikenal sebagai {zones}.",
        ),
    ),
    "number_format": (
        (
            "Bagaimana angka {number} ditulis di {territory}?",
            "Tanda pemisah apa yang dipakai untuk angka seperti {number} di {territory}?",
            "Bagaimana surat kabar di {territory} mencetak angka {number}?",
        ),
        (
            "Di {territory}, angka {number} lazim ditulis {written}.",
            "Menurut format angka {territory}, {number} ditulis sebagai {written}.",
        ),
    ),
    "endonym": (
        (
            "Apa nama {territory} dalam bahasa {language}?",
            "Bagaimana menyebut {territory} dalam bahasa {language}?",
            "Penutur bahasa {language} menyebut {territory} dengan nama apa?",
        ),
        (
            "Dalam bahasa {language}, nama {territory} adalah “{endonym}”.",
            "Penutur bahasa {language} menyebut {territory} sebagai “{endonym}”.",
        ),
    ),
    "country_code": (
        (
            "Apa kode negara ISO 3166 untuk {territory}?",
            "Kode dua huruf apa yang mewakili {territory}?",
            "Bagaimana {territory} disingkat dalam standar internasional?",
        ),
        (
            "Kode ISO 3166 untuk {territory} adalah {alpha2} (dua huruf) dan {alpha3} (tiga huruf).",
            "Dalam standar internasional {territory} disingkat {alpha2}, atau {alpha3} dalam bentuk tiga huruf.",
        ),
    ),
}
