"""The slow, obvious twin of `crates/kernels/src/rounds.rs` and `sgd.rs`: one group at a time, in one thread."""

import math

from tests.reference.pairwise import BLOCKS, TASK, Words, tournament

GROUP, LEAST_CELLS, MOST_LANES = 4, 2000, 16


def shuffled(n, seed, side):
    """The numbers below n in random order."""
    order = list(range(n))
    Words(seed, side, 0, BLOCKS).shuffle(order)
    return order


def shares(order, parts, size):
    """The order in parts of about the same size."""
    total, before, end, out = sum(map(size, order)), 0, 0, []
    for part in range(1, parts + 1):
        start = end
        while end < len(order) and (part == parts or before * parts < total * part):
            before += size(order[end])
            end += 1
        out.append(order[start:end])
    return out


class Rounds:
    """Ratings (row, column, value, weight) in blocks; `lanes` of each side, or as many as the kernel takes."""

    def __init__(self, ratings, rows, columns, seed, lanes=None):
        wide = int(math.sqrt(len(ratings) / LEAST_CELLS))
        self.lanes = lanes or max(1, min(wide, MOST_LANES, rows, columns))
        self.seed = seed
        by_row = [[rating for rating in ratings if rating[0] == row] for row in range(rows)]
        counts = [sum(rating[1] == column for rating in ratings) for column in range(columns)]
        blocks = shares(shuffled(columns, seed, 1), self.lanes, lambda column: counts[column])
        block = {column: number for number, members in enumerate(blocks) for column in members}
        lanes_of_rows = shares(shuffled(rows, seed, 0), self.lanes, lambda row: len(by_row[row]))
        self.groups = {}  # (lane, block): groups of ratings of one row, as the rows come
        for lane, members in enumerate(lanes_of_rows):
            for number in range(self.lanes):
                groups = self.groups[lane, number] = []
                for row in members:
                    run = [rating for rating in by_row[row] if block[rating[1]] == number]
                    groups += [run[at : at + GROUP] for at in range(0, len(run), GROUP)]
        _, self.tasks = tournament(self.lanes, False)

    def order(self, epoch):
        """All groups in the order of an epoch."""
        out = []
        for index, task in enumerate(self.tasks):
            words = Words(self.seed, epoch, index, TASK)
            for length in range(GROUP, 0, -1):
                groups = [group for group in self.groups[task] if len(group) == length]
                if groups:
                    at, step = words.below(len(groups)), words.below(len(groups))
                    while math.gcd(step, len(groups)) != 1:
                        step = words.below(len(groups))
                    out += [groups[(at + step * n) % len(groups)] for n in range(len(groups))]
        return out


def epoch(order, mean, rates, penalties, P, Q, bu, bi, shrink, pace):
    """The steps of each group in turn, in place; returns the weighted sum of squared errors, each before its step."""
    total = 0.0
    for group in order:
        row = group[0][0]
        p, b, user = P[row].copy(), bu[row], pace[0][row]
        for _, column, value, weight in group:  # all from the same p and b
            q, c, item = Q[column].copy(), bi[column], pace[1][column]
            error = value - (mean + b + c + p @ q)
            total += weight * error**2
            slope = weight * error
            P[row] += user * rates[0] * (slope * q - penalties[0] * shrink[0][row] * p)
            Q[column] += item * rates[1] * (slope * p - penalties[1] * shrink[1][column] * q)
            bu[row] += user * rates[2] * (slope - penalties[2] * shrink[0][row] * b)
            bi[column] += item * rates[3] * (slope - penalties[3] * shrink[1][column] * c)
    return total
