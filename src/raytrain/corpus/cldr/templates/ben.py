"""Bengali templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "{territory}-এর সরকারি মুদ্রা কী?",
            "{territory}-এ মানুষ কোন মুদ্রায় দাম মেটায়?",
            "{territory} ভ্রমণে কোন মুদ্রা সঙ্গে নেওয়া উচিত?",
        ),
        (
            "{territory}-এর বৈধ মুদ্রা হল {currency}।",
            "{territory}-এর দোকান ও ব্যাঙ্কে যে মুদ্রা চলে তা হল {currency}।",
        ),
    ),
    "currency_code": (
        (
            "{territory}-এর মুদ্রার ISO 4217 কোড কী?",
            "কোন তিন অক্ষরের কোড {territory}-এর মুদ্রা বোঝায়?",
            "বিনিময় হারের তালিকায় {territory}-এর মুদ্রা কীভাবে সংক্ষেপে লেখা হয়?",
        ),
        (
            "{territory}-এ ব্যবহৃত মুদ্রার ISO 4217 কোড হল {code}।",
            "বিনিময় হারের তালিকায় {territory}-এর মুদ্রা {code} সংকেতে লেখা হয়।",
        ),
    ),
    "former_currency": (
        (
            "বর্তমান মুদ্রার আগে {territory}-এ কোন মুদ্রা চলত?",
            "{territory}-এর পুরনো মুদ্রার নাম কী ছিল?",
            "আগেকার দিনে {territory}-এর মানুষ কী দিয়ে দাম দিত?",
        ),
        (
            "বর্তমান মুদ্রার আগে {territory}-এ {currency} চলত, যা {year} সাল পর্যন্ত প্রচলিত ছিল।",
            "{year} সাল পর্যন্ত {territory}-এর পুরনো বৈধ মুদ্রা ছিল {currency}।",
        ),
    ),
    "shared_currency": (
        (
            "আর কোন কোন অঞ্চলে {territory}-এর মতো একই মুদ্রা চলে?",
            "{territory}-এর মুদ্রা দিয়ে আর কোথায় দাম মেটানো যায়?",
            "{territory} কাদের সঙ্গে অভিন্ন মুদ্রা ব্যবহার করে?",
        ),
        (
            "{territory}-এর মুদ্রা অন্য জায়গাতেও চলে, যেমন {territories}।",
            "যেসব জায়গায় {territory}-এর মতো একই মুদ্রা চলে তাদের মধ্যে আছে {territories}।",
        ),
    ),
    "official_languages": (
        (
            "{territory}-এর সরকারি ভাষা কী কী?",
            "{territory}-এর সরকার কোন ভাষায় কাজ করে?",
            "{territory}-এ কোন ভাষার সরকারি মর্যাদা আছে?",
        ),
        (
            "{territory}-এ সরকারি মর্যাদা পেয়েছে {languages}।",
            "{territory}-এর প্রশাসনের সরকারি কাজের ভাষা: {languages}।",
        ),
    ),
    "main_language": (
        (
            "{territory}-এ সবচেয়ে বেশি প্রচলিত ভাষা কোনটি?",
            "{territory}-এর বেশিরভাগ মানুষ কোন ভাষায় কথা বলে?",
            "{territory}-এ কোন ভাষা সবচেয়ে বেশি শোনা যায়?",
        ),
        (
            "{territory}-এ সবচেয়ে বেশি মানুষের ভাষা হল {language}; জনসংখ্যার প্রায় {share} এটি জানে।",
            "{territory}-এর প্রায় {share} মানুষ {language} বলে, যা সেখানকার অন্য যেকোনো ভাষার চেয়ে বেশি।",
        ),
    ),
    "script": (
        (
            "{territory}-এ {language} ভাষা কোন লিপিতে লেখা হয়?",
            "{territory}-এ {language} ভাষার জন্য কোন লিখন পদ্ধতি ব্যবহৃত হয়?",
            "{territory}-এর {language} পাঠকেরা কোন হরফ ব্যবহার করেন?",
        ),
        (
            "{territory}-এ {language} ভাষা যে লিপিতে লেখা হয় তা হল {script}।",
            "{territory}-এ প্রকাশিত {language} ভাষার লেখায় {script} লিপি ব্যবহৃত হয়।",
        ),
    ),
    "week_start": (
        (
            "{territory}-এ সপ্তাহ কোন দিনে শুরু হয়?",
            "{territory}-এর ক্যালেন্ডারে সপ্তাহের প্রথম দিন কোনটি?",
            "{territory}-এর ক্যালেন্ডার কোন বার দিয়ে শুরু হয়?",
        ),
        (
            "{territory}-এ সপ্তাহের প্রথম দিন হল {day}।",
            "{territory}-এ ছাপা ক্যালেন্ডারে সপ্তাহ শুরু হয় যে দিনে তা হল {day}।",
        ),
    ),
    "weekend": (
        (
            "{territory}-এ সপ্তাহান্ত কোন কোন দিনে?",
            "{territory}-এ সাপ্তাহিক ছুটি কবে?",
            "{territory}-এর অফিসগুলো সাধারণত কোন দিন বন্ধ থাকে?",
        ),
        (
            "{territory}-এ সপ্তাহান্ত পড়ে {days}।",
            "{territory}-এর মানুষ সাধারণত সাপ্তাহিক বিশ্রাম নেয় {days}।",
        ),
    ),
    "time_zone": (
        (
            "{territory}-এ কোন সময় অঞ্চল ব্যবহৃত হয়?",
            "{territory}-এর ঘড়ি কোন সময় মেনে চলে?",
            "{territory}-এর প্রমাণ সময় কী?",
        ),
        (
            "{territory}-এর ঘড়ি যে সময় মেনে চলে তা হল {zones}।",
            "{territory}-এ প্রচলিত প্রমাণ সময়ের নাম {zones}।",
        ),
    ),
    "number_format": (
        (
            "{territory}-এ {number} সংখ্যাটি কীভাবে লেখা হয়?",
            "{territory}-এ {number}-এর মতো সংখ্যায় কোন বিভাজক চিহ্ন ব্যবহার হয়?",
            "{territory}-এর কোনো সংবাদপত্র {number} কীভাবে ছাপবে?",
        ),
        (
            "{territory}-এ {number} সংখ্যাটি সাধারণত এভাবে লেখা হয়: {written}।",
            "{territory}-এর সংখ্যা লেখার রীতিতে {number} হয় {written}।",
        ),
    ),
    "endonym": (
        (
            "{language} ভাষায় {territory}-এর নাম কী?",
            "{language} ভাষায় কথা বলার সময় {territory}-কে কী বলা হয়?",
            "{language} ভাষাভাষীরা {territory}-কে কী নামে ডাকে?",
        ),
        (
            "{language} ভাষায় {territory}-এর নাম “{endonym}”।",
            "{language} ভাষাভাষীরা {territory}-কে “{endonym}” বলে।",
        ),
    ),
    "country_code": (
        (
            "{territory}-এর ISO 3166 দেশ কোড কী?",
            "কোন দুই অক্ষরের কোড {territory} বোঝায়?",
            "আন্তর্জাতিক মানে {territory}-এর নাম কীভাবে সংক্ষেপ করা হয়?",
        ),
        (
            "{territory}-এর ISO 3166 কোড হল {alpha2} (দুই অক্ষর) ও {alpha3} (তিন অক্ষর)।",
            "আন্তর্জাতিক মানে {territory}-এর সংক্ষেপ {alpha2}, আর তিন অক্ষরে {alpha3}।",
        ),
    ),
}
