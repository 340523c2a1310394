"""Watch a fit, stop when it no longer improves, and keep the best epoch."""

import tastespace as ts
from tastespace import Epoch

ratings = ts.datasets.load("movietweetings-100k").filter(min_user_events=5, min_item_events=5)
train, test = ts.split.last_out(ratings, n=2)
train, valid = ts.split.last_out(train, n=1)  # the test set must not choose the epoch


def show(epoch: Epoch) -> None:
    """Print one line for each epoch."""
    measured = ", ".join(f"{name} {value:.4f}" for name, value in epoch.validation.items())
    print(f"epoch {epoch.number:2}  {epoch.seconds:.2f} s  objective {epoch.objective:,.0f}  {measured}")


trainer = ts.ALS(
    factors=32,
    epochs=30,
    regularization=15,
    bias_regularization=2,
    frequency_scaling=0,
    stopping=ts.Stopping("rmse", patience=2),
)
model = trainer.fit(train, valid, callbacks=[show])
print(model.info.metrics)
print(f"test rmse {ts.evaluate(model, test, metrics=['rmse'])['rmse']:.4f}")
