"""The slow, obvious twin of `crates/kernels/src/svdpp.rs`: every rating moves every implicit vector of its row."""

import numpy as np

from tests.reference.pairwise import Words

BATCHES, ROW = 0x50414910, 0x50414911


def batches(R, size, seed):
    """Rows with ratings in batches; those with most ratings first in each."""
    counts = (~np.isnan(R)).sum(1)
    rows = np.flatnonzero(counts).tolist()
    Words(seed, 0, 0, BATCHES).shuffle(rows)
    return [
        sorted(rows[start : start + size], key=lambda row: -counts[row])
        for start in range(0, len(rows), size)
    ]


def epoch(R, W, N, size, mean, groups, seed, number, P, Q, fixed, Y, b, c):
    """One pass in place over the ratings R (rows, columns), NaN where there is none, of weights W; returns the loss.

    Row r leans on the columns N[r]. ``fixed`` is what columns have besides Q. ``groups`` are rate and penalty of rows,
    columns, implicit vectors and biases.
    """
    (rate, penalty), (rate_q, penalty_q), (rate_y, penalty_y), (rate_b, penalty_b) = groups
    order = list(range(len(found := batches(R, size, seed))))
    Words(seed, number, 1, BATCHES).shuffle(order)
    loss = 0.0
    for batch in (found[place] for place in order):
        whole, bias, ends, errors, moved = Q + fixed, c.copy(), {}, {}, {}
        for row in batch:
            seen = np.flatnonzero(~np.isnan(R[row])).tolist()
            events = list(range(len(seen)))
            Words(seed, number, row, ROW).shuffle(events)
            own = Y.copy()  # what the vectors would be if this row were alone
            share = len(N[row]) ** -0.5 if len(N[row]) else 0.0
            for column in (seen[event] for event in events):
                vector = P[row] + share * own[N[row]].sum(0)
                error = R[row, column] - (mean + b[row] + bias[column] + vector @ whole[column])
                loss += W[row, column] * error**2
                error *= W[row, column]
                P[row] += rate * (error * whole[column] - penalty * P[row])
                for j in N[row]:
                    own[j] += rate_y * (error * share * whole[column] - penalty_y * own[j])
                b[row] += rate_b * (error - penalty_b * b[row])
                errors[row, column] = error
            ends[row] = P[row] + share * own[N[row]].sum(0)
            moved[row] = own, (1 - rate_y * penalty_y) ** len(seen)
        start = Y.copy()
        for row in batch:
            own, keep = moved[row]
            for j in N[row]:
                Y[j] = keep * Y[j] + (own[j] - keep * start[j])
        for row in batch:
            for column in np.flatnonzero(~np.isnan(R[row])):
                error = errors[row, column]
                Q[column] += rate_q * (error * ends[row] - penalty_q * Q[column])
                c[column] += rate_b * (error - penalty_b * c[column])
    return loss


def sums(N, Y):
    """``|N|^-1/2`` times the sum of the vectors of each set."""
    return np.array([len(n) ** -0.5 * Y[n].sum(0) if len(n) else np.zeros(Y.shape[1]) for n in N])


def user(R, items, sums, Q, c, mean, penalty, penalty_b):
    """Whole factors and bias of one user with ratings R of these items, around what the sums bring along.

    The penalties are those of a step, which a row of 300 ratings keeps.
    """
    A = np.column_stack([Q[items], np.ones(len(items))])
    y = R - mean - c[items] - Q[items] @ sums
    weight = np.sqrt(300 * len(items))
    x = np.linalg.solve(A.T @ A + weight * np.diag([penalty] * Q.shape[1] + [3 * penalty_b]), A.T @ y)
    return x[:-1] + sums, x[-1]
