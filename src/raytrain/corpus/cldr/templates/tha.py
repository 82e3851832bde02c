"""Thai templates."""

from raytrain.corpus.cldr.templates import Phrasings

TEMPLATES: dict[str, Phrasings] = {
    "currency": (
        (
            "สกุลเงินทางการของ{territory}คืออะไร",
            "ผู้คนใน{territory}ใช้เงินสกุลใดจ่ายค่าสินค้า",
            "ไปเที่ยว{territory}ควรพกเงินสกุลใด",
        ),
        (
            "เงินที่ชำระหนี้ได้ตามกฎหมายใน{territory}คือ{currency}",
            "ร้านค้าและธนาคารใน{territory}ใช้เงินสกุล{currency}",
        ),
    ),
    "currency_code": (
        (
            "รหัสสกุลเงิน ISO 4217 ของ{territory}คืออะไร",
            "รหัสสามตัวอักษรใดใช้แทนเงินของ{territory}",
            "ตารางอัตราแลกเปลี่ยนย่อชื่อสกุลเงินของ{territory}ว่าอย่างไร",
        ),
        (
            "รหัส ISO 4217 ของเงินที่ใช้ใน{territory}คือ {code}",
            "ในตารางอัตราแลกเปลี่ยน เงินของ{territory}เขียนย่อว่า {code}",
        ),
    ),
    "former_currency": (
        (
            "ก่อนสกุลเงินปัจจุบัน{territory}ใช้สกุลเงินใด",
            "เงินสกุลเก่าของ{territory}ชื่ออะไร",
            "ในอดีตผู้คนใน{territory}ใช้เงินอะไร",
        ),
        (
            "ก่อนใช้เงินปัจจุบัน {territory}เคยใช้{currency}จนถึงปี {year}",
            "เงินสกุลเก่าที่ใช้ได้ตามกฎหมายใน{territory}จนถึงปี {year} คือ{currency}",
        ),
    ),
    "shared_currency": (
        (
            "มีดินแดนใดอีกบ้างที่ใช้สกุลเงินเดียวกับ{territory}",
            "เงินของ{territory}ใช้จ่ายที่ไหนได้อีก",
            "{territory}ใช้สกุลเงินร่วมกับใคร",
        ),
        (
            "เงินของ{territory}ใช้ในที่อื่นด้วย เช่น {territories}",
            "ดินแดนที่ใช้สกุลเงินร่วมกับ{territory} ได้แก่ {territories} เป็นต้น",
        ),
    ),
    "official_languages": (
        (
            "ภาษาราชการของ{territory}มีอะไรบ้าง",
            "รัฐบาลของ{territory}ทำงานด้วยภาษาใด",
            "ภาษาใดมีสถานะเป็นทางการใน{territory}",
        ),
        (
            "ภาษาที่มีสถานะเป็นทางการใน{territory} ได้แก่ {languages}",
            "หน่วยงานรัฐของ{territory}ใช้ภาษาต่อไปนี้เป็นทางการ: {languages}",
        ),
    ),
    "main_language": (
        (
            "ภาษาที่พูดกันมากที่สุดใน{territory}คือภาษาอะไร",
            "คนส่วนใหญ่ใน{territory}พูดภาษาอะไร",
            "ใน{territory}จะได้ยินภาษาใดบ่อยที่สุด",
        ),
        (
            "ภาษาที่มีผู้พูดมากที่สุดใน{territory}คือภาษา{language} ซึ่งประชากรราว {share} ใช้ได้",
            "ประชากรราว {share} ของ{territory}พูดภาษา{language} ซึ่งมากกว่าภาษาอื่นใดที่นั่น",
        ),
    ),
    "script": (
        (
            "ใน{territory} ภาษา{language}เขียนด้วยอักษรใด",
            "ระบบการเขียนของภาษา{language}ใน{territory}คืออะไร",
            "ผู้อ่านภาษา{language}ใน{territory}ใช้ตัวอักษรแบบใด",
        ),
        (
            "ใน{territory} ภาษา{language}เขียนด้วยอักษรนี้: {script}",
            "งานเขียนภาษา{language}ที่ตีพิมพ์ใน{territory}ใช้ระบบอักษร{script}",
        ),
    ),
    "week_start": (
        (
            "ใน{territory} สัปดาห์เริ่มต้นวันใด",
            "วันแรกของสัปดาห์ในปฏิทินของ{territory}คือวันอะไร",
            "ปฏิทินของ{territory}เริ่มด้วยวันอะไร",
        ),
        (
            "ใน{territory} วันแรกของสัปดาห์คือ{day}",
            "ปฏิทินที่พิมพ์ใน{territory}เริ่มสัปดาห์ด้วย{day}",
        ),
    ),
    "weekend": (
        (
            "วันหยุดสุดสัปดาห์ของ{territory}คือวันใดบ้าง",
            "สุดสัปดาห์ใน{territory}ตรงกับวันไหน",
            "สำนักงานใน{territory}มักหยุดวันใด",
        ),
        (
            "วันหยุดสุดสัปดาห์ใน{territory}คือ{days}",
            "ผู้คนใน{territory}มักพักผ่อนประจำสัปดาห์ใน{days}",
        ),
    ),
    "time_zone": (
        (
            "{territory}ใช้เขตเวลาใด",
            "นาฬิกาใน{territory}เดินตามเวลาอะไร",
            "เวลามาตรฐานของ{territory}คืออะไร",
        ),
        (
            "นาฬิกาใน{territory}เดินตาม{zones}",
            "เขตเวลาทางการที่ใช้ใน{territory}เรียกว่า{zones}",
        ),
    ),
    "number_format": (
        (
            "ใน{territory}เขียนจำนวน {number} อย่างไร",
            "ใน{territory}ใช้เครื่องหมายคั่นใดกับจำนวนอย่าง {number}",
            "หนังสือพิมพ์ใน{territory}จะพิมพ์จำนวน {number} อย่างไร",
        ),
        (
            "ใน{territory} จำนวน {number} มักเขียนว่า {written}",
            "ตามรูปแบบตัวเลขของ{territory} จำนวน {number} เขียนเป็น {written}",
        ),
    ),
    "endonym": (
        (
            "{territory}ในภาษา{language}เรียกว่าอะไร",
            "ชื่อของ{territory}ในภาษา{language}คืออะไร",
            "ผู้พูดภาษา{language}เรียก{territory}ว่าอย่างไร",
        ),
        (
            "ในภาษา{language} ชื่อของ{territory}คือ “{endonym}”",
            "ผู้พูดภาษา{language}เรียก{territory}ว่า “{endonym}”",
        ),
    ),
    "country_code": (
        (
            "รหัสประเทศ ISO 3166 ของ{territory}คืออะไร",
            "รหัสสองตัวอักษรใดใช้แทน{territory}",
            "มาตรฐานสากลย่อชื่อ{territory}ว่าอย่างไร",
        ),
        (
            "รหัส ISO 3166 ของ{territory}คือ {alpha2} (สองตัวอักษร) และ {alpha3} (สามตัวอักษร)",
            "ในมาตรฐานสากล {territory}มีชื่อย่อว่า {alpha2} หรือ {alpha3} เมื่อใช้สามตัวอักษร",
        ),
    ),
}
