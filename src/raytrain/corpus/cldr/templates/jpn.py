"""Japanese templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "{territory}の公式通貨は何ですか？",
            "{territory}ではどのお金で支払いますか？",
            "{territory}へ旅行するときはどの通貨を持って行けばよいですか？",
        ),
        (
            "{territory}の法定通貨は{currency}です。",
            "{territory}の店や銀行では{currency}が流通しています。",
        ),
    ),
    "currency_code": (
        (
            "{territory}の通貨のISO 4217コードは何ですか？",
            "{territory}のお金を表す三文字のコードは何ですか？",
            "為替レート表で{territory}の通貨はどう略されますか？",
        ),
        (
            "{territory}で使われる通貨のISO 4217コードは{code}です。",
            "為替レート表では、{territory}の通貨は{code}と表記されます。",
        ),
    ),
    "former_currency": (
        (
            "現在の通貨の前に{territory}で使われていた通貨は何ですか？",
            "{territory}の昔の通貨は何という名前でしたか？",
            "以前、{territory}の人々は何で支払っていましたか？",
        ),
        (
            "{territory}では現在の通貨になる前、{year}年まで{currency}が使われていました。",
            "{year}年まで{territory}の旧法定通貨は{currency}でした。",
        ),
    ),
    "shared_currency": (
        (
            "{territory}と同じ通貨を使う地域はほかにどこですか？",
            "{territory}のお金はほかにどこで使えますか？",
            "{territory}はどこと共通の通貨を持っていますか？",
        ),
        (
            "{territory}の通貨はほかの場所でも使われており、たとえば{territories}があります。",
            "{territory}と通貨を共有する地域には{territories}などがあります。",
        ),
    ),
    "official_languages": (
        (
            "{territory}の公用語は何ですか？",
            "{territory}の政府は何語で業務を行いますか？",
            "{territory}で公的な地位を持つ言語はどれですか？",
        ),
        (
            "{territory}で公用語とされているのは{languages}です。",
            "{territory}の行政機関が公式に使う言語は{languages}です。",
        ),
    ),
    "main_language": (
        (
            "{territory}で最も話されている言語は何ですか？",
            "{territory}の大多数の人は何語を話しますか？",
            "{territory}で一番よく耳にする言語は何ですか？",
        ),
        (
            "{territory}で話者が最も多い言語は{language}で、人口の約{share}が使います。",
            "{territory}の人々の約{share}が{language}を話し、これはほかのどの言語よりも多い割合です。",
        ),
    ),
    "script": (
        (
            "{territory}では{language}はどの文字で書かれますか？",
            "{territory}で{language}に使われる表記体系は何ですか？",
            "{territory}の{language}の読者はどんな文字を使いますか？",
        ),
        (
            "{territory}では、{language}は次の文字で書かれます：{script}。",
            "{territory}で出版される{language}の文章の表記には{script}が使われます。",
        ),
    ),
    "week_start": (
        (
            "{territory}では週は何曜日に始まりますか？",
            "{territory}のカレンダーで週の最初の日は何曜日ですか？",
            "{territory}のカレンダーは何曜日から始まりますか？",
        ),
        (
            "{territory}では、週の最初の日は{day}です。",
            "{territory}で印刷されるカレンダーの週は{day}から始まります。",
        ),
    ),
    "weekend": (
        (
            "{territory}の週末は何曜日ですか？",
            "{territory}では週末はいつですか？",
            "{territory}の会社は普通何曜日に休みますか？",
        ),
        (
            "{territory}の週末は{days}です。",
            "{territory}の人々が毎週の休みを取るのは普通{days}です。",
        ),
    ),
    "time_zone": (
        (
            "{territory}ではどのタイムゾーンが使われていますか？",
            "{territory}の時計はどの時刻に合わせていますか？",
            "{territory}の標準時は何ですか？",
        ),
        (
            "{territory}の時計は{zones}に従っています。",
            "{territory}で採用されている時間帯は{zones}と呼ばれます。",
        ),
    ),
    "number_format": (
        (
            "{territory}では{number}という数はどう書きますか？",
            "{territory}では{number}のような数にどんな区切り記号を使いますか？",
            "{territory}の新聞は{number}をどう印刷しますか？",
        ),
        (
            "{territory}では、{number}という数は普通{written}と書きます。",
            "{territory}の数の書式に従うと、{number}は{written}になります。",
        ),
    ),
    "endonym": (
        (
            "{language}で{territory}は何と呼ばれますか？",
            "{territory}を{language}で言うとどうなりますか？",
            "{language}での{territory}の名称は何ですか？",
        ),
        (
            "{language}での{territory}の名称は「{endonym}」です。",
            "{language}を話す人は{territory}を「{endonym}」と呼びます。",
        ),
    ),
    "country_code": (
        (
            "{territory}のISO 3166国コードは何ですか？",
            "{territory}を表す二文字のコードはどれですか？",
            "国際規格で{territory}はどう略されますか？",
        ),
        (
            "{territory}のISO 3166コードは{alpha2}（二文字）と{alpha3}（三文字）です。",
            "国際規格では{territory}は{alpha2}、三文字では{alpha3}と略されます。",
        ),
    ),
}
