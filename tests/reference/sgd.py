"""The slow, obvious twin of `crates/kernels/src/rounds.rs` and `sgd.rs`: one rating at a time, in one thread."""

import math

from tests.reference.pairwise import BLOCKS, TASK, Words, tournament

TILE, LEAST_CELLS, MOST_LANES = 64, 2000, 16


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
        self.tiles = {}  # (lane, block): a list of tiles
        for lane, members in enumerate(lanes_of_rows):
            tile, held = [[] for _ in range(self.lanes)], 0
            tiles = [tile]
            for row in members:
                if held >= TILE * self.lanes:
                    tile, held = [[] for _ in range(self.lanes)], 0
                    tiles.append(tile)
                for rating in by_row[row]:
                    tile[block[rating[1]]].append(rating)
                held += len(by_row[row])
            # The kernel opens a tile after the row that fills one, so the last may be empty.
            if held >= TILE * self.lanes:
                tiles.append([[] for _ in range(self.lanes)])
            for number in range(self.lanes):
                self.tiles[lane, number] = [tile[number] for tile in tiles]
        _, self.tasks = tournament(self.lanes, False)

    def order(self, epoch):
        """All ratings in the order of an epoch."""
        out = []
        for index, task in enumerate(self.tasks):
            tiles = self.tiles[task]
            words = Words(self.seed, epoch, index, TASK)
            turns = list(range(len(tiles)))
            words.shuffle(turns)
            for turn in turns:
                tile = tiles[turn]
                if tile:
                    at, step = words.below(len(tile)), words.below(len(tile))
                    while math.gcd(step, len(tile)) != 1:
                        step = words.below(len(tile))
                    out += [tile[(at + step * n) % len(tile)] for n in range(len(tile))]
        return out


def epoch(order, mean, rates, penalties, P, Q, bu, bi, shrink, pace):
    """One step for each rating, in place; returns the weighted sum of squared errors, each before its step."""
    total = 0.0
    for row, column, value, weight in order:
        error = value - (mean + bu[row] + bi[column] + P[row] @ Q[column])
        total += weight * error**2
        slope = weight * error
        user, item = pace[0][row], pace[1][column]
        p, q, b, c = P[row].copy(), Q[column].copy(), bu[row], bi[column]
        P[row] += user * rates[0] * (slope * q - penalties[0] * shrink[0][row] * p)
        Q[column] += item * rates[1] * (slope * p - penalties[1] * shrink[1][column] * q)
        bu[row] += user * rates[2] * (slope - penalties[2] * shrink[0][row] * b)
        bi[column] += item * rates[3] * (slope - penalties[3] * shrink[1][column] * c)
    return total
