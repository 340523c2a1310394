"""Views, carts and purchases of a small shop: several kinds of event, stock, and a newcomer."""

import numpy as np
import polars as pl

import tastespace as ts

# 300 customers like outdoor gear or kitchenware, look at much and buy little.
rng = np.random.default_rng(0)
outdoor = [f"outdoor-{n}" for n in range(20)]
kitchen = [f"kitchen-{n}" for n in range(20)]
rows = []
for customer in range(300):
    liked, other = (outdoor, kitchen) if customer % 2 else (kitchen, outdoor)
    for product in [*rng.choice(liked, 8), *rng.choice(other, 2)]:
        kind = str(rng.choice(["view", "cart", "purchase"], p=[0.7, 0.2, 0.1]))
        rows.append((f"c{customer}", str(product), kind))
log = pl.DataFrame(rows, schema=["customer", "product", "type"], orient="row")

# A purchase says more than a view; repeated events of one customer and product add up.
events = ts.read(
    log, user="customer", item="product", event="type", event_weights={"view": 1, "cart": 3, "purchase": 10}
)
print(events)
model = ts.ImplicitALS(factors=8, epochs=10).fit(events)

# Only what is in stock, and never what was bought before.
in_stock = outdoor[:15] + kitchen[:15]
bought = events.only("purchase").filter(users=["c1"]).items.ids
print(model.recommend("c1", n=5, allow=in_stock, deny=bought, exclude_seen=False))

# Somebody who was never seen in training: placed by two views, in microseconds.
visitor = model.fold_in({"kitchen-3": 1, "kitchen-7": 1})
print(visitor.recommend(n=3))
print(visitor.explain("kitchen-1"))

# Tomorrow's events, without learning everything again; the old model stays as it is.
tomorrow = ts.read(
    pl.DataFrame(
        {"customer": ["c1", "new"], "product": ["outdoor-3", "outdoor-4"], "type": ["cart", "view"]}
    ),
    user="customer",
    item="product",
    event="type",
    event_weights={"view": 1, "cart": 3},
)
print(model.update(tomorrow).recommend("new", n=3))
