"""Korean templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "{territory}의 공식 통화는 무엇입니까?",
            "{territory}에서는 어떤 돈으로 계산합니까?",
            "{territory} 여행에는 어떤 통화를 가져가야 합니까?",
        ),
        (
            "{territory}의 법정 통화: {currency}.",
            "{territory}의 상점과 은행에서 유통되는 돈의 이름은 {currency}입니다.",
        ),
    ),
    "currency_code": (
        (
            "{territory} 통화의 ISO 4217 코드는 무엇입니까?",
            "{territory}의 돈을 나타내는 세 글자 코드는 무엇입니까?",
            "환율표에서 {territory}의 통화는 어떻게 줄여 씁니까?",
        ),
        (
            "{territory}에서 쓰는 돈의 ISO 4217 코드는 {code}입니다.",
            "환율표에서 {territory}의 돈은 {code}로 표시됩니다.",
        ),
    ),
    "former_currency": (
        (
            "지금 통화 이전에 {territory}에서 쓰던 통화는 무엇입니까?",
            "{territory}의 옛 통화 이름은 무엇이었습니까?",
            "예전에 {territory} 사람들은 무엇으로 계산했습니까?",
        ),
        (
            "지금의 돈이 도입되기 전 {territory}에서 {year}년까지 쓰던 통화는 {currency}입니다.",
            "{year}년까지 {territory}의 옛 법정 통화: {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "{territory}에서 쓰는 것과 같은 통화를 쓰는 다른 지역은 어디입니까?",
            "{territory}의 돈은 또 어디에서 쓸 수 있습니까?",
            "{territory}에서 쓰는 통화를 함께 쓰는 곳은 어디입니까?",
        ),
        (
            "{territory}의 돈은 다른 곳에서도 쓰이며, 예를 들면 {territories} 등이 있습니다.",
            "{territory}에서 쓰는 통화를 함께 쓰는 곳으로는 {territories} 등이 있습니다.",
        ),
    ),
    "official_languages": (
        (
            "{territory}의 공용어는 무엇입니까?",
            "{territory} 정부는 어떤 언어로 업무를 봅니까?",
            "{territory}에서 공식 지위를 가진 언어는 무엇입니까?",
        ),
        (
            "{territory}에서 공식 지위를 가진 언어는 {languages}입니다.",
            "{territory} 당국이 공식적으로 쓰는 말은 {languages}입니다.",
        ),
    ),
    "main_language": (
        (
            "{territory}에서 가장 널리 쓰이는 언어는 무엇입니까?",
            "{territory} 사람들은 대부분 어떤 언어를 말합니까?",
            "{territory}에서 가장 자주 들리는 언어는 무엇입니까?",
        ),
        (
            "{territory}에서 사용자가 가장 많은 언어는 {language}이며, 인구의 약 {share}가 사용합니다.",
            "{territory} 인구의 약 {share}가 사용하는 {language}, 이것이 그곳에서 가장 널리 쓰이는 말입니다.",
        ),
    ),
    "script": (
        (
            "{territory}에서 {language} 표기에 쓰는 문자는 무엇입니까?",
            "{territory}에서 {language}에 사용하는 문자 체계는 무엇입니까?",
            "{territory}의 {language} 독자는 어떤 글자를 사용합니까?",
        ),
        (
            "{territory}에서 {language} 표기에 쓰는 문자: {script}.",
            "{territory}에서 출판되는 {language} 글의 문자 체계는 {script}입니다.",
        ),
    ),
    "week_start": (
        (
            "{territory}에서는 한 주가 무슨 요일에 시작됩니까?",
            "{territory} 달력에서 한 주의 첫날은 무슨 요일입니까?",
            "{territory}의 달력은 무슨 요일부터 시작합니까?",
        ),
        (
            "{territory}에서 한 주의 첫날은 {day}입니다.",
            "{territory}에서 인쇄된 달력의 한 주는 {day}부터 시작합니다.",
        ),
    ),
    "weekend": (
        (
            "{territory}의 주말은 무슨 요일입니까?",
            "{territory}에서는 언제가 주말입니까?",
            "{territory}의 사무실은 보통 무슨 요일에 쉽니까?",
        ),
        (
            "{territory}의 주말은 {days}입니다.",
            "{territory} 사람들이 보통 주간 휴식을 취하는 날은 {days}입니다.",
        ),
    ),
    "time_zone": (
        (
            "{territory}에서는 어떤 시간대를 사용합니까?",
            "{territory}의 시계는 어떤 시간을 따릅니까?",
            "{territory}의 표준 시간은 무엇입니까?",
        ),
        (
            "{territory}의 시계가 따르는 시간은 {zones}입니다.",
            "{territory}에서 쓰는 공식 시간대의 이름은 {zones}입니다.",
        ),
    ),
    "number_format": (
        (
            "{territory}에서는 숫자 {number}를 어떻게 씁니까?",
            "{territory}에서 {number} 같은 숫자에 어떤 구분 기호를 씁니까?",
            "{territory}의 신문은 {number}를 어떻게 인쇄합니까?",
        ),
        (
            "{territory}에서 숫자 {number}의 일반적인 표기는 {written}입니다.",
            "{territory}의 숫자 형식에 따르면 {number}의 표기는 {written}입니다.",
        ),
    ),
    "endonym": (
        (
            "{language}로 {territory}의 이름은 무엇입니까?",
            "{territory}의 이름을 {language}로 하면 무엇입니까?",
            "{language} 사용자는 {territory}의 이름을 어떻게 부릅니까?",
        ),
        (
            "{language}로 {territory}의 이름은 ‘{endonym}’입니다.",
            "{language} 사용자가 부르는 {territory}의 이름은 ‘{endonym}’입니다.",
        ),
    ),
    "country_code": (
        (
            "{territory}의 ISO 3166 국가 코드는 무엇입니까?",
            "{territory}에 해당하는 두 글자 코드는 무엇입니까?",
            "국제 표준에서 {territory}의 이름은 어떻게 줄여 씁니까?",
        ),
        (
            "{territory}의 ISO 3166 코드는 {alpha2}(두 글자)와 {alpha3}(세 글자)입니다.",
            "국제 표준에서 {territory}의 약자는 {alpha2}이며, 세 글자로는 {alpha3}입니다.",
        ),
    ),
}
