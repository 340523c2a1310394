"""Learn, save, load, recommend with nothing but the wheel and what it needs: no extras, no test tools, no source tree.

Usage: smoke.py
"""

import platform
import tempfile
from pathlib import Path

import tastespace as ts


def main() -> None:
    """Print what was recommended; any failure is an exception."""
    ratings = ts.datasets.load("movietweetings-100k")
    liked = ratings.as_implicit(at_least=7).filter(min_user_events=5, min_item_events=5)
    model = ts.ImplicitALS(factors=16, progress=False).fit(liked)
    user = model.users.ids[0]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "films.taste"
        model.save(file)
        again = [item for _, item, *_ in ts.load(file).recommend(user, n=5)]
    items = [item for _, item, *_ in model.recommend(user, n=5)]
    assert items == again, "a loaded model recommends the same"
    rated = ts.ALS(factors=16, progress=False).fit(ratings)
    assert 0 <= rated.predict(user, items[0]) <= 10, "a rating lies inside the scale"
    print(
        f"tastespace {ts.__version__}, {platform.python_implementation()} {platform.python_version()}:", items
    )


if __name__ == "__main__":
    main()
