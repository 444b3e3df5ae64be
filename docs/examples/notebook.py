# %% [markdown]
# # From a scenario to a table of boxes
#
# The same as `sizer plan store-analytics`, but the answer is a record and tables. Jupyter (with jupytext),
# VS Code and Spyder run the cells below one by one; `python docs/examples/notebook.py` runs them all.

# %%
import pandas as pd

import advisor

pd.set_option("display.width", 160, "display.max_columns", 20)

# %% [markdown]
# ## Plan
# Eight cameras, four models. Nothing is measured on this machine, so the plan rests on the catalogue, on published
# measurements and on data sheets alone. The first call builds and compiles the models, which takes about half a minute;
# later calls find them in the store.

# %%
plan = advisor.plan("store-analytics")

best = plan.recommended
assert best is not None, "no box of the catalogue carries the scenario"
latency = best.predicted.latency_p95_ms
print(f"{best.count} x {best.name} for {best.price.value:,.0f} {best.price.currency}")
print(
    f"95 % of the frames within {latency.p50:.0f} ms ({latency.p10:.0f} to {latency.p90:.0f} ms); {best.evidence_text}"
)

# %% [markdown]
# ## Alternatives
# One row per platform. Units are in the names; `_p10`, `_p50` and `_p90` are quantiles of the prediction.

# %%
options = plan.to_frame()
shown = ["status", "platform", "boxes", "price_usd", "latency_p95_ms_p50", "cpu_utilisation_pct_p50", "breaks_first"]
print(options.loc[options["status"] != "rejected", shown].round(1).to_string(index=False))

# %% [markdown]
# Why cheaper boxes are not recommended, the ten that come closest in price. `check` names the requirement that fails
# (`cost`: it holds, but costs more over its lifetime), `price_usd` is that of all `boxes`.

# %%
cheaper = options[(options["status"] == "rejected") & (options["price_usd"] < best.price.value)]
shown = ["platform", "boxes", "price_usd", "check", "capacity_cameras_p50"]
print(cheaper.sort_values("price_usd", ascending=False)[shown].head(10).to_string(index=False))

# %% [markdown]
# ## Catalogue by price
# `price_kind` says how far to trust a price: `assumed` is not a quotation.

# %%
boxes = advisor.catalog().sort_values("price_usd")
boxes["memory_gib"] = boxes["memory_bytes"] / 2**30
shown = ["platform", "price_usd", "price_kind", "cores", "simd_level", "memory_gib"]
print(boxes[shown].head(10).to_string(index=False))

# %% [markdown]
# ## One model on several boxes

# %%
report = advisor.predict("like:person-detection-retail-0013", on=[best.platform, "intel-processor-n100"])
for row in report.predictions:
    assert row.latency_ms is not None, f"nothing is known of {row.platform}"
    interval = row.latency_ms
    print(f"{row.platform}: {interval.p50:.1f} ms ({interval.p10:.1f} to {interval.p90:.1f} ms), {row.evidence}")
