"""Draw where a model puts the best-known films. Needs the extra ``plot``; writes map_of_films.png."""

import sys

import tastespace as ts
from tastespace.plots import space

output = sys.argv[1] if len(sys.argv) > 1 else "map_of_films.png"
name = "movietweetings-100k"
films = ts.datasets.items(name)
ratings = ts.datasets.load(name).filter(min_user_events=5, min_item_events=5)

model = ts.ImplicitALS(factors=16, regularization=0.02, unobserved_weight=0.1).fit(ratings.as_implicit())

axes = space(
    model,
    titles=dict(films.select("item", "title").iter_rows()),
    groups={item: genres[0] for item, genres in films.select("item", "genres").iter_rows() if genres},
)
axes.figure.savefig(output, dpi=150)
print(f"wrote {output}")
