"""Chinese templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "{territory}的官方货币是什么？",
            "在{territory}人们用什么钱付款？",
            "去{territory}旅行应该带哪种货币？",
        ),
        (
            "{territory}的法定货币是{currency}。",
            "{territory}的商店和银行流通的钱是{currency}。",
        ),
    ),
    "currency_code": (
        (
            "{territory}货币的ISO 4217代码是什么？",
            "哪个三字母代码表示{territory}的货币？",
            "在汇率表中{territory}的货币怎样缩写？",
        ),
        (
            "{territory}所用货币的ISO 4217代码是{code}。",
            "在汇率表中，{territory}的货币缩写为{code}。",
        ),
    ),
    "former_currency": (
        (
            "{territory}在现行货币之前使用什么货币？",
            "{territory}的旧货币叫什么名字？",
            "从前{territory}的人们用什么付款？",
        ),
        (
            "在现行货币之前，{territory}使用{currency}，直到{year}年。",
            "{year}年以前，{territory}的旧法定货币是{currency}。",
        ),
    ),
    "shared_currency": (
        (
            "还有哪些地区与{territory}使用相同的货币？",
            "{territory}的钱还可以在哪里使用？",
            "{territory}与谁共用一种货币？",
        ),
        (
            "{territory}的钱在其他地方也通用，例如{territories}。",
            "与{territory}共用货币的地方包括{territories}等。",
        ),
    ),
    "official_languages": (
        (
            "{territory}的官方语言有哪些？",
            "{territory}的政府用什么语言办公？",
            "哪种语言在{territory}具有官方地位？",
        ),
        (
            "在{territory}具有官方地位的语言是{languages}。",
            "{territory}的政府机关正式使用的语言：{languages}。",
        ),
    ),
    "main_language": (
        (
            "{territory}使用人数最多的语言是什么？",
            "{territory}的大多数人说什么语言？",
            "在{territory}最常听到哪种语言？",
        ),
        (
            "{territory}使用者最多的语言是{language}，约{share}的人口会使用。",
            "{territory}约有{share}的人说{language}，比当地任何其他语言都多。",
        ),
    ),
    "script": (
        (
            "在{territory}，{language}用什么文字书写？",
            "{territory}的{language}使用哪种书写系统？",
            "{territory}的{language}读者使用什么字母或字符？",
        ),
        (
            "在{territory}，书写{language}所用的文字是{script}。",
            "在{territory}出版的{language}文章采用的书写系统是{script}。",
        ),
    ),
    "week_start": (
        (
            "在{territory}，一周从星期几开始？",
            "{territory}的日历上一周的第一天是星期几？",
            "{territory}的日历以哪一天开头？",
        ),
        (
            "在{territory}，一周的第一天是{day}。",
            "{territory}印制的日历以{day}作为一周的开头。",
        ),
    ),
    "weekend": (
        (
            "{territory}的周末是哪几天？",
            "在{territory}什么时候是周末？",
            "{territory}的办公室通常哪几天休息？",
        ),
        (
            "{territory}的周末是{days}。",
            "{territory}的人们通常每周在{days}休息。",
        ),
    ),
    "time_zone": (
        (
            "{territory}使用哪个时区？",
            "{territory}的时钟按什么时间走？",
            "{territory}的标准时间是什么？",
        ),
        (
            "{territory}的时钟遵循{zones}。",
            "{territory}采用的官方时间叫做{zones}。",
        ),
    ),
    "number_format": (
        (
            "在{territory}，数字{number}怎样书写？",
            "在{territory}，像{number}这样的数字用什么分隔符？",
            "{territory}的报纸会怎样印刷{number}这个数字？",
        ),
        (
            "在{territory}，数字{number}通常写作{written}。",
            "按照{territory}的数字格式，{number}写成{written}。",
        ),
    ),
    "endonym": (
        (
            "{territory}用{language}怎么说？",
            "{language}中{territory}的名称是什么？",
            "说{language}的人怎样称呼{territory}？",
        ),
        (
            "在{language}中，{territory}的名称是“{endonym}”。",
            "说{language}的人把{territory}称为“{endonym}”。",
        ),
    ),
    "country_code": (
        (
            "{territory}的ISO 3166国家代码是什么？",
            "哪个两字母代码表示{territory}？",
            "在国际标准中{territory}怎样缩写？",
        ),
        (
            "{territory}的ISO 3166代码是{alpha2}（两个字母）和{alpha3}（三个字母）。",
            "在国际标准中，{territory}缩写为{alpha2}，三个字母时为{alpha3}。",
        ),
    ),
}
