"""Vietnamese templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "Tiền tệ chính thức của {territory} là gì?",
            "Người dân ở {territory} trả bằng tiền gì?",
            "Đi du lịch {territory} nên mang theo loại tiền nào?",
        ),
        (
            "Tiền tệ hợp pháp của {territory} là {currency}.",
            "Cửa hàng và ngân hàng ở {territory} dùng {currency} làm tiền lưu hành.",
        ),
    ),
    "currency_code": (
        (
            "Mã ISO 4217 của tiền tệ {territory} là gì?",
            "Mã ba chữ cái nào chỉ tiền của {territory}?",
            "Trong bảng tỷ giá, tiền của {territory} được viết tắt thế nào?",
        ),
        (
            "Mã ISO 4217 của tiền dùng ở {territory} là {code}.",
            "Trong bảng tỷ giá, tiền của {territory} được viết tắt là {code}.",
        ),
    ),
    "former_currency": (
        (
            "Trước loại tiền hiện nay, {territory} dùng tiền gì?",
            "Tiền cũ của {territory} có tên là gì?",
            "Ngày trước người dân ở {territory} trả bằng gì?",
        ),
        (
            "Trước loại tiền hiện nay, {territory} từng dùng {currency} cho đến năm {year}.",
            "Đồng tiền hợp pháp cũ của {territory} cho đến năm {year} là {currency}.",
        ),
    ),
    "shared_currency": (
        (
            "Những nơi nào khác dùng chung tiền tệ với {territory}?",
            "Tiền của {territory} còn dùng được ở đâu nữa?",
            "{territory} có chung đồng tiền với những ai?",
        ),
        (
            "Tiền của {territory} cũng được dùng ở nơi khác, chẳng hạn {territories}.",
            "Trong số những nơi có chung đồng tiền với {territory} có {territories}.",
        ),
    ),
    "official_languages": (
        (
            "Các ngôn ngữ chính thức của {territory} là gì?",
            "Chính quyền {territory} làm việc bằng ngôn ngữ nào?",
            "Ngôn ngữ nào có địa vị chính thức ở {territory}?",
        ),
        (
            "Những ngôn ngữ có địa vị chính thức ở {territory}: {languages}.",
            "Cơ quan nhà nước của {territory} chính thức làm việc bằng {languages}.",
        ),
    ),
    "main_language": (
        (
            "Ngôn ngữ được nói nhiều nhất ở {territory} là gì?",
            "Phần lớn người dân ở {territory} nói tiếng gì?",
            "Ở {territory} thường nghe thấy ngôn ngữ nào nhất?",
        ),
        (
            "Ngôn ngữ có nhiều người nói nhất ở {territory} là {language}, khoảng {share} dân số biết.",
            "Khoảng {share} người dân ở {territory} nói {language}, nhiều hơn bất cứ ngôn ngữ nào khác ở đó.",
        ),
    ),
    "script": (
        (
            "Ở {territory}, {language} được viết bằng chữ gì?",
            "Hệ thống chữ viết nào được dùng cho {language} ở {territory}?",
            "Người đọc {language} ở {territory} dùng loại chữ nào?",
        ),
        (
            "Ở {territory}, {language} được viết bằng loại chữ này: {script}.",
            "Sách báo {language} xuất bản ở {territory} dùng hệ thống chữ viết sau: {script}.",
        ),
    ),
    "week_start": (
        (
            "Ở {territory}, tuần bắt đầu vào thứ mấy?",
            "Ngày đầu tuần trên lịch ở {territory} là thứ mấy?",
            "Lịch ở {territory} bắt đầu bằng ngày nào?",
        ),
        (
            "Ở {territory}, ngày đầu tiên trong tuần là {day}.",
            "Lịch in ở {territory} bắt đầu tuần vào {day}.",
        ),
    ),
    "weekend": (
        (
            "Cuối tuần ở {territory} gồm những ngày nào?",
            "Ở {territory}, cuối tuần là khi nào?",
            "Các văn phòng ở {territory} thường nghỉ vào ngày nào?",
        ),
        (
            "Cuối tuần ở {territory} rơi vào {days}.",
            "Người dân ở {territory} thường nghỉ hằng tuần vào {days}.",
        ),
    ),
    "time_zone": (
        (
            "{territory} dùng múi giờ nào?",
            "Đồng hồ ở {territory} theo giờ gì?",
            "Giờ chuẩn của {territory} là gì?",
        ),
        (
            "Đồng hồ ở {territory} chạy theo {zones}.",
            "Giờ chính thức áp dụng ở {territory} có tên là {zones}.",
        ),
    ),
    "number_format": (
        (
            "Ở {territory}, số {number} được viết thế nào?",
            "Ở {territory}, người ta dùng dấu phân cách nào cho số như {number}?",
            "Một tờ báo ở {territory} sẽ in số {number} ra sao?",
        ),
        (
            "Ở {territory}, số {number} thường được viết là {written}.",
            "Theo định dạng số của {territory}, {number} trở thành {written}.",
        ),
    ),
    "endonym": (
        (
            "{language} gọi {territory} là gì?",
            "Tên của {territory} trong {language} là gì?",
            "Người nói {language} gọi {territory} bằng tên nào?",
        ),
        (
            "Trong {language}, tên của {territory} là “{endonym}”.",
            "Người nói {language} gọi {territory} là “{endonym}”.",
        ),
    ),
    "country_code": (
        (
            "Mã quốc gia ISO 3166 của {territory} là gì?",
            "Mã hai chữ cái nào chỉ {territory}?",
            "Tên {territory} được viết tắt thế nào trong tiêu chuẩn quốc tế?",
        ),
        (
            "Mã ISO 3166 của {territory} là {alpha2} (hai chữ cái) và {alpha3} (ba chữ cái).",
            "Trong tiêu chuẩn quốc tế, {territory} được viết tắt là {alpha2}, hoặc {alpha3} nếu dùng ba chữ cái.",
        ),
    ),
}
