"""Arabic templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "ما هي العملة الرسمية في {territory}؟",
            "بأي عملة يدفع الناس في {territory}؟",
            "ما العملة التي يحتاجها المسافر إلى {territory}؟",
        ),
        (
            "العملة القانونية في {territory} هي {currency}.",
            "تتعامل المتاجر والبنوك في {territory} بالعملة التالية: {currency}.",
        ),
    ),
    "currency_code": (
        (
            "ما رمز العملة في {territory} وفق معيار ISO 4217؟",
            "ما الرمز المكوّن من ثلاثة أحرف لعملة {territory}؟",
            "كيف تُختصر عملة {territory} في جداول أسعار الصرف؟",
        ),
        (
            "رمز العملة المستخدمة في {territory} وفق معيار ISO 4217 هو {code}.",
            "في جداول أسعار الصرف يُشار إلى عملة {territory} بالرمز {code}.",
        ),
    ),
    "former_currency": (
        (
            "ما العملة التي كانت مستخدمة في {territory} قبل العملة الحالية؟",
            "ما اسم العملة السابقة في {territory}؟",
            "بماذا كان الناس في {territory} يدفعون في الماضي؟",
        ),
        (
            "قبل العملة الحالية كانت {territory} تستخدم {currency} حتى عام {year}.",
            "ظلت العملة القديمة {currency} متداولة في {territory} حتى عام {year}.",
        ),
    ),
    "shared_currency": (
        (
            "ما المناطق الأخرى التي تشترك مع {territory} في العملة؟",
            "أين يمكن الدفع بعملة {territory} أيضًا؟",
            "مع من تتقاسم {territory} عملتها؟",
        ),
        (
            "تُستخدم عملة {territory} أيضًا في أماكن أخرى، منها: {territories}.",
            "من الأماكن التي تشترك مع {territory} في العملة: {territories}.",
        ),
    ),
    "official_languages": (
        (
            "ما هي اللغات الرسمية في {territory}؟",
            "بأي لغات تعمل الحكومة في {territory}؟",
            "أي لغة لها صفة رسمية في {territory}؟",
        ),
        (
            "الصفة الرسمية في {territory} هي للغات التالية: {languages}.",
            "تعمل السلطات في {territory} رسميًا بما يلي: {languages}.",
        ),
    ),
    "main_language": (
        (
            "ما هي اللغة الأكثر انتشارًا في {territory}؟",
            "أي لغة يتحدثها معظم السكان في {territory}؟",
            "ما اللغة التي سأسمعها أكثر من غيرها في {territory}؟",
        ),
        (
            "اللغة ذات أكبر عدد من المتحدثين في {territory} هي {language}، ويعرفها نحو {share} من السكان.",
            "يتحدث نحو {share} من سكان {territory} هذه اللغة: {language}، وهي الأوسع انتشارًا هناك.",
        ),
    ),
    "script": (
        (
            "بأي أبجدية تُكتب {language} في {territory}؟",
            "ما نظام الكتابة المستخدم مع {language} في {territory}؟",
            "ما الحروف التي يستخدمها قراء {language} في {territory}؟",
        ),
        (
            "في {territory} تُكتب {language} بالأبجدية التالية: {script}.",
            "نظام الكتابة المستخدم مع {language} في {territory} هو {script}.",
        ),
    ),
    "week_start": (
        (
            "في أي يوم يبدأ الأسبوع في {territory}؟",
            "ما أول أيام الأسبوع في تقويم {territory}؟",
            "بأي يوم تبدأ التقويمات في {territory}؟",
        ),
        (
            "أول أيام الأسبوع في {territory} هو {day}.",
            "تبدأ التقويمات المطبوعة في {territory} بيوم {day}.",
        ),
    ),
    "weekend": (
        (
            "ما هي أيام عطلة نهاية الأسبوع في {territory}؟",
            "متى تكون عطلة نهاية الأسبوع في {territory}؟",
            "في أي أيام تستريح المكاتب عادةً في {territory}؟",
        ),
        (
            "عطلة نهاية الأسبوع في {territory} هي {days}.",
            "الراحة الأسبوعية المعتادة لسكان {territory} هي {days}.",
        ),
    ),
    "time_zone": (
        (
            "ما المنطقة الزمنية المستخدمة في {territory}؟",
            "أي توقيت تتبعه الساعات في {territory}؟",
            "ما التوقيت الرسمي في {territory}؟",
        ),
        (
            "تتبع الساعات في {territory} التوقيت التالي: {zones}.",
            "التوقيت الرسمي المعتمد في {territory} هو {zones}.",
        ),
    ),
    "number_format": (
        (
            "كيف يُكتب العدد {number} في {territory}؟",
            "ما الفواصل المستخدمة في عدد مثل {number} في {territory}؟",
            "كيف تطبع صحيفة في {territory} العدد {number}؟",
        ),
        (
            "في {territory} يُكتب العدد {number} عادةً هكذا: {written}.",
            "وفق تنسيق الأعداد في {territory} يُكتب {written} بدلًا من {number}.",
        ),
    ),
    "endonym": (
        (
            "ما اسم {territory} في هذه اللغة: {language}؟",
            "كيف يُكتب اسم {territory} في اللغة {language}؟",
            "ماذا يسمي متحدثو اللغة {language} هذا المكان: {territory}؟",
        ),
        (
            "في اللغة {language} اسم {territory} هو «{endonym}».",
            "يطلق متحدثو اللغة {language} على {territory} اسم «{endonym}».",
        ),
    ),
    "country_code": (
        (
            "ما رمز {territory} وفق معيار ISO 3166؟",
            "ما الرمز المكوّن من حرفين الذي يدل على {territory}؟",
            "كيف يُختصر اسم {territory} في المعايير الدولية؟",
        ),
        (
            "رمزا {territory} وفق معيار ISO 3166 هما {alpha2} (حرفان) و{alpha3} (ثلاثة أحرف).",
            "في المعايير الدولية يُختصر اسم {territory} بالرمز {alpha2} أو بالرمز الثلاثي {alpha3}.",
        ),
    ),
}
