"""The words an estate's names are made of: subjects with their columns, schemas, people, folders."""

from dataclasses import dataclass

_AUDIT = ("updated_at", "source_file", "ingested_at")
_SUBJECTS = """
sales orders: order_id, customer_id, order_date, status, currency, net_amount, tax_amount, channel, store_id, region
sales order_items: order_id, line_no, product_id, quantity, unit_price, discount, net_amount, warehouse_id
sales customers: customer_id, first_name, last_name, email, country, segment, created_at, address.city, address.zip
sales invoices: invoice_id, order_id, customer_id, invoice_date, due_date, net_amount, tax_amount, paid
sales returns: return_id, order_id, product_id, return_date, reason, quantity, refund_amount
sales products: product_id, product_name, category, brand, unit_price, weight_kg, launched_on, discontinued
marketing campaigns: campaign_id, Campaign Name, start_date, end_date, Budget (EUR), channel, owner
marketing leads: lead_id, customer_id, source, score, stage, created_at, converted_at, email
marketing web_sessions: session_id, visitor_id, started_at, landing_page, device.type, device.os, pages, bounced
marketing email_events: event_id, campaign_id, email, event_type, occurred_at, link_url
logistics shipments: shipment_id, order_id, carrier, shipped_at, delivered_at, warehouse_id, weight_kg, status
logistics stock_levels: product_id, warehouse_id, snapshot_date, on_hand, reserved, reorder_point
logistics suppliers: supplier_id, supplier_name, country, rating, contract_id, lead_time_days
finance ledger_entries: entry_id, account_no, cost_center, posting_date, debit, credit, currency, document_no
finance payments: payment_id, invoice_id, paid_at, amount, currency, method, bank_ref
finance budgets: cost_center, fiscal_year, month, planned_amount, actual_amount, version
hr employees: employee_id, first_name, last_name, hired_on, department, manager_id, location, cost_center
hr absences: absence_id, employee_id, from_date, to_date, kind, approved_by
iot sensor_readings: device_id, read_at, temperature, pressure, vibration, firmware, site
iot devices: device_id, model, installed_on, site, status, firmware, last_seen_at
iot machine_alarms: alarm_id, device_id, raised_at, cleared_at, severity, code, message
support tickets: ticket_id, customer_id, opened_at, closed_at, priority, status, agent, satisfaction
vertrieb aufträge: auftrag_id, kunde_id, bestelldatum, Nettobetrag (€), währung, größe, straße
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a table is about: its business domain, its name, and the columns such tables share."""

    domain: str
    name: str
    columns: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _subject(line: str) -> Subject:
    head, columns = line.split(": ", 1)
    domain, name = head.split(" ", 1)
    return Subject(domain, name, (*columns.split(", "), *_AUDIT))


SUBJECTS = tuple(_subject(line) for line in _SUBJECTS.strip().splitlines())
"""A prime number of them, so that running through subjects and through kinds of tables does not fall in step."""

SOURCE_SYSTEM = {
    "sales": "shop",
    "marketing": "salesforce",
    "logistics": "sap_erp",
    "finance": "sap_fi",
    "hr": "workday",
    "iot": "iot_hub",
    "support": "zendesk",
    "vertrieb": "altsystem",
}
"""The raw layer's schema for each domain."""

VARIANTS = {
    "raw": ("", "_eu", "_us", "_apac", "_hist", "_delta", "_snapshot", "_cdc", "_errors", "_2023", "_2024"),
    "curated": ("", "_history", "_current", "_enriched", "_dedup", "_eu", "_us", "_apac", "_keys", "_quality"),
    "gold": ("", "_daily", "_monthly", "_by_region", "_by_customer", "_kpi", "_forecast", "_top", "_trend"),
    "finance": ("", "_closing", "_actuals", "_plan", "_audit", "_consolidated"),
    "ml": ("_features", "_training", "_scores", "_embeddings", "_labels"),
    "sandbox": ("_test", "_tmp", "_analysis", "_copy", "_new", "_draft", "_poc", "_old"),
}
"""Suffixes that tell the tables of one subject in one layer apart."""

TEAMS = ("growth", "supply_chain", "controlling", "data_science", "platform", "people_ops")

GIVEN_NAMES = _words(
    "anna ben clara david elena felix greta hugo ines jonas kira lukas mara nils olga paul rosa simon tessa uwe vera "
    "wanda xaver yara zoe amir bianca chen diego esra fatima gino hana ivan julia kofi lena mehmet nora oscar"
)
FAMILY_NAMES = _words(
    "meyer schmidt fischer weber becker hoffmann koch richter klein wolf neumann braun krueger hartmann lange werner "
    "krause lehmann maier huber kaiser fuchs peters lang scholz jung hahn keller vogel roth beck lorenz baumann franke"
)

FACTORIES = ("adf-contoso-prod", "adf-contoso-finance")
STORAGE = "abfss://{container}@stcontosolake.dfs.core.windows.net"


def column_type(column: str) -> tuple[str, str]:
    """The simple and the full data type a column of this name has."""
    if column.endswith(("_at", "_time")):
        return "TIMESTAMP", "timestamp"
    if column.endswith(("_date", "_on")):
        return "DATE", "date"
    if "amount" in column or column in {"debit", "credit", "unit_price", "Nettobetrag (€)", "Budget (EUR)"}:
        return "DECIMAL", "decimal(18,2)"
    if column in {"quantity", "line_no", "pages", "on_hand", "reserved", "score", "month", "fiscal_year"}:
        return "INT", "int"
    return "STRING", "string"
