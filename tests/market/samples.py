"""Price lists of each form as shops and users save them, written for these tests after the forms' documentation."""

from __future__ import annotations

OWN = """vendor,product,price,currency,observed_at,price_kind,ram_gb,disk_gb,source_url
Beelink,beelink-eq14,239.00,USD,2026-11-20,offer,16,512,https://shop.example/eq14
GMKtec,gmktec-nucbox-k9,"1,099.00",USD,2026-11,street,32,1000,https://shop.example/k9
"""
OWN_GERMAN = (
    "Hersteller;Bezeichnung;Preis;Datum;Zustand\r\n"
    "Beelink;EQ14 Mini-PC Intel N150 16GB/512GB;259,90 €;20.11.2026;Neu\r\n"
    "Minisforum;NAB9 mit Intel Core i9-12900HK, 32 GB RAM 1 TB SSD (Größe S);1.049,00 €;20.11.2026;neu\r\n"
).encode("cp1252")
GERMAN_MAP = {"Hersteller": "vendor", "Bezeichnung": "title", "Preis": "price", "Datum": "observed_at",
              "Zustand": "condition"}  # fmt: skip
GOOGLE_TEXT = (
    "id\ttitle\tdescription\tlink\tcondition\tprice\tsale_price\tavailability\tbrand\tgtin\tmpn\n"
    "A1\tBeelink EQ14 Intel N150 16GB/500GB\tSmall\thttps://shop.example/a1\tnew\t249.00 USD\t229.00 USD\tin_stock\t"
    "Beelink\t4006381333931\tEQ14-16\n"
    "A2\tGMKtec NucBox G3 Plus Intel N150 16GB/512GB\tSmall\thttps://shop.example/a2\tused\t189.00 USD\t\t"
    "out of stock\tGMKtec\t\t\n"
)
GOOGLE_XML = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
<item><g:id>7</g:id><title>Beelink EQ14 Intel N150 16GB/500GB</title><link>https://shop.example/7</link>
<g:price>219.00 USD</g:price><g:availability>in_stock</g:availability><g:condition>refurbished</g:condition>
<g:brand>Beelink</g:brand></item>
<item><g:id>8</g:id><title>Mystery box</title><link>https://shop.example/8</link><g:price>10 USD</g:price></item>
</channel></rss>"""
SHOPIFY_OLD = """Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Status
nucbox-k9,NucBox K9 Ultra 5 125H,"<p>Box,
two lines</p>",GMKtec,Memory,16GB/512GB,K9-16,485.00,https://cdn.example/1.jpg,active
nucbox-k9,,,,,32GB/1TB,K9-32,570.00,,
nucbox-k9,,,,,,,,https://cdn.example/2.jpg,
old-box,Old box N95,,X,Title,Default Title,OB,99.00,,archived
"""
SHOPIFY_NEW = """Title,URL handle,Vendor,Status,SKU,Barcode,Option1 name,Option1 value,Price
EQ14 Intel N150,eq14,Beelink,Active,EQ-16,,Memory,16GB/512GB,239
,,,,EQ-8,,,8GB/256GB,199
"""
PCPP_CARDS = """name,price,chipset,memory,core_clock,boost_clock,color,length
Sparkle ROC OC,404.50,Arc A770,16,2100,2400,Black,260
MSI Ventus,,GeForce RTX 3060 12GB,12,1320,1777,Black,235
"""
PCPP_CPUS = """name,price,core_count,core_clock,boost_clock,tdp,graphics,smt
Intel Core i5-12400,129.99,6,2.5,4.4,65,Intel UHD Graphics 730,True
AMD Ryzen 5 7600,,6,3.8,5.1,65,Radeon,True
"""
