"""What ``sizer farm`` prints: boxes and campaigns, the end of a campaign, its table, planned sites."""

from __future__ import annotations

from collections import Counter

from rich.console import Group, RenderableType
from rich.text import Text

from advisor.records.farm import BoxProgress, CampaignProgress, FarmReport, FarmStatus, FarmTable, SitesReport

from .farm_table import mode_words
from .layout import BAD, GOOD, SOFT, UNSURE, Cells, Column, Table, heading, paragraph, section, styled
from .text import number


def render_status(status: FarmStatus) -> RenderableType:
    """Who is there, and how far each campaign is on each box."""
    if not status.boxes:
        parts: list[RenderableType] = [paragraph("No box has come yet: start `sizer farm worker SCHEDULER` on each.")]
    else:
        columns = [
            Column("box"), Column("processor"), Column("cores", figures=True), Column("memory GiB", figures=True),
            Column("state"), Column("since (UTC)", optional=1), Column("fingerprint", optional=2),
        ]  # fmt: skip
        rows: list[Cells] = [
            [box.name, box.processor or "-", number(box.cores),
             "-" if box.memory_bytes is None else f"{box.memory_bytes / 2**30:.0f}",
             styled("there", GOOD) if box.present else styled("has gone", BAD), box.since, box.fingerprint]
            for box in status.boxes
        ]  # fmt: skip
        parts = [Table(columns, rows)]
    for campaign in status.campaigns:
        parts += _campaign(campaign)
    if not status.campaigns:
        parts.append(paragraph("No campaign has run since the scheduler started."))
    return Group(*parts)


def _campaign(campaign: CampaignProgress) -> list[RenderableType]:
    state = f", ended{'' if campaign.note is None else f': {campaign.note}'}" if campaign.ended else ""
    title = heading(f"{campaign.title} from {campaign.desk}, {campaign.started}{state}")
    return [title, _progress_table(campaign.boxes)]


def _progress_table(boxes: tuple[BoxProgress, ...]) -> Table:
    columns = [
        Column("box"), Column("asked", figures=True), Column("known", figures=True), Column("done", figures=True),
        Column("failed", figures=True), Column("lost", figures=True), Column("left", figures=True), Column("now"),
    ]  # fmt: skip
    return Table(columns, [_progress(box) for box in boxes], indent=2)


def _progress(box: BoxProgress) -> Cells:
    if box.doing is not None:
        now: str | Text = f"{box.doing} (since {(box.since or '')[11:19]})"
    elif box.note is not None:
        now = styled(box.note, UNSURE)
    else:
        now = styled("finished" if box.finished else "waits", SOFT)
    left = "-" if box.total is None else str(box.total - box.known - box.done - box.failed - box.lost)
    return [
        box.name, "-" if box.total is None else str(box.total), str(box.known), str(box.done),
        styled(str(box.failed), BAD) if box.failed else "0", styled(str(box.lost), UNSURE) if box.lost else "0", left,
        now,
    ]  # fmt: skip


def render_farm_report(report: FarmReport) -> RenderableType:
    """How a campaign ended."""
    words = "interrupted" if report.interrupted else "ended"
    return Group(
        paragraph(f"{words} after {report.took_s:.0f} s"),
        _progress_table(report.boxes),
        paragraph(f"The table: `sizer farm table {report.run}`, with --csv FILE and --html FILE"),
    )


def render_table(table: FarmTable) -> RenderableType:
    """Every test of a campaign."""
    columns = [
        Column("model"), Column("box"), Column("runtime"), Column("precision"), Column("mode"),
        Column("batch", figures=True), Column("streams", figures=True),
        Column("threads", figures=True), Column("p50 ms", figures=True),
        Column("inputs/s", figures=True), Column("status"),
    ]  # fmt: skip
    rows: list[Cells] = [
        [row.model if row.kind == "timing" else f"{row.model} (memory)", row.box,
         f"{row.config.runtime} {row.config.device}", row.config.precision,
         "-" if row.kind == "footprint" else mode_words(row).lower(), str(row.config.batch),
         number(row.streams if row.streams is not None else row.config.streams),
         number(row.threads if row.threads is not None else row.config.threads),
         number(None if row.latency_p50_s is None else row.latency_p50_s * 1e3), number(row.throughput_per_s),
         _status(row.status, disturbed=row.disturbed)]
        for row in table.rows
    ]  # fmt: skip
    reasons = [
        f"{row.model} on {row.box} ({row.status}): {row.failure}"
        for row in table.rows
        if row.status in {"failed", "lost"}
    ]
    counts = Counter(row.status for row in table.rows)
    told = ", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing was listed"
    boxes = f"{len(table.boxes)} box{'' if len(table.boxes) == 1 else 'es'}"
    parts = [paragraph(f"{table.title} on {boxes}: {told}"), Table(columns, rows)]
    return Group(*parts, *section("Without a figure", reasons))


def _status(status: str, *, disturbed: bool) -> Text:
    if status == "success":
        return styled("disturbed", UNSURE) if disturbed else styled("ok", GOOD)
    return styled(status, BAD if status == "failed" else UNSURE)


def render_sites(report: SitesReport) -> RenderableType:
    """What is recommended for each site."""
    columns = [
        Column("site"), Column("recommended"), Column("price", figures=True), Column("P", figures=True),
        Column("planned on", optional=1), Column("status"),
    ]  # fmt: skip
    rows: list[Cells] = [
        [row.site, "-" if row.platform is None else f"{row.count} x {row.platform}",
         "-" if row.price is None else f"{row.price:.0f} {row.currency or ''}".strip(), number(row.probability),
         row.box or "-",
         styled(row.status if row.reason is None else f"{row.status}: {row.reason}",
                GOOD if row.status == "planned" else UNSURE if row.status == "left" else BAD)]
        for row in report.rows
    ]  # fmt: skip
    counts = Counter(row.status for row in report.rows)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    return Group(Table(columns, rows), paragraph(f"{told} in {report.took_s:.0f} s"))
