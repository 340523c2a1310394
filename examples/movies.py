"""Learn film ratings, measure the model, and recommend to one person. Needs no network."""

import tastespace as ts

NAME = "movietweetings-100k"
titles = dict(ts.datasets.items(NAME).select("item", "title").iter_rows())

ratings = ts.datasets.load(NAME).filter(min_user_events=5, min_item_events=5)
print(ratings)

# The last two ratings of each user are the test: the past predicts the future.
train, test = ts.split.last_out(ratings, n=2)

# What people watch next depends on what is in the cinemas, so older ratings count less.
model = ts.ImplicitALS(factors=32, regularization=0.02, unobserved_weight=0.05, confidence="linear").fit(
    train.as_implicit().decay("60d")
)
print(ts.evaluate(model, test, k=10, relevant=8))

person = 9028
print(f"\nuser {person} has rated")
rated = train.to_polars().filter(user=person).sort("rating", descending=True)
for item, rating in rated.select("item", "rating").head(5).iter_rows():
    print(f"  {rating:2.0f}  {titles[item]}")

print("and may like")
for _, item, rank, _ in model.recommend(person, n=5):
    print(f"  {rank}.  {titles[item]}")
