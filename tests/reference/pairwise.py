"""The slow, obvious twin of `crates/kernels/src/pairwise.rs`: one epoch in one thread, one number at a time."""

import math
from itertools import pairwise

import numpy as np

MASK = 0xFFFFFFFF
BLOCKS, NEGATIVES, TASK = 0x50414900, 0x50414901, 0x50414902


def philox(counter, key):
    """Ten rounds of Philox 4x32."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK, (p0 >> 32) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return [c0, c1, c2, c3]


class Words:
    """A stream of random words."""

    def __init__(self, seed, epoch, place, purpose):
        self.key, self.place, self.drawn = (seed & MASK, seed >> 32), (epoch, place, purpose), []
        self.blocks = 0

    def next(self):
        if not self.drawn:
            self.drawn = philox((self.blocks, *self.place), self.key)
            self.blocks += 1
        return self.drawn.pop(0)

    def below(self, end):
        while True:
            product = self.next() * end
            if product & MASK >= (2**32 - end) % end:
                return product >> 32

    def unit(self):
        return self.next() / 2**32

    def shuffle(self, elements):
        for end in range(len(elements) - 1, 0, -1):
            other = self.below(end + 1)
            elements[end], elements[other] = elements[other], elements[end]


def alias_table(weights):
    """Vose's table of chances and others."""
    chance, other = list(weights / weights.mean()), list(range(len(weights)))
    small = [i for i, c in enumerate(chance) if c < 1]
    large = [i for i, c in enumerate(chance) if c >= 1]
    while small and large:
        poor, rich = small.pop(), large[-1]
        other[poor] = rich
        chance[rich] -= 1 - chance[poor]
        if chance[rich] < 1:
            small.append(large.pop())
    for i in small + large:
        chance[i] = 1.0
    return chance, other


def tournament(lanes, paired):
    """Pairs of blocks by number, and tasks (lane, pair) in order."""
    blocks = 2 * lanes
    rounds = [[(seat, seat) for seat in range(lanes)]]
    if paired:
        rounds = [
            [(blocks - 1, r)] + [((r + s) % (blocks - 1), (r - s) % (blocks - 1)) for s in range(1, lanes)]
            for r in range(blocks - 1)
        ]
    pairs = [frozenset(pair) for meetings in rounds for pair in meetings]
    tasks = [
        ((seat + step) % lanes, r * lanes + seat)
        for r in range(len(rounds))
        for step in range(lanes)
        for seat in range(lanes)
    ]
    return pairs, tasks


def lanes_of(samples, users, items, least, paired):
    """How many blocks of users there are."""
    return max(1, min(int((samples / 800) ** (1 / 3)), 16, users, items // (least * (1 + paired))))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


class Epoch:
    """One epoch over ``rows``, the items of each user; ``P``, ``Q``, ``bu``, ``bi`` are changed in place.

    ``settings`` has ``loss``, ``counts``, ``mean``, ``checked``, ``rate``, ``penalties`` (users, seen items, unseen
    items, biases or None), ``seed``, ``epoch`` and ``popularity``.
    """

    def __init__(self, rows, weights, P, Q, bu, bi, settings):
        self.rows, self.weights = rows, weights
        self.P, self.Q, self.bu, self.bi = P, Q, bu, bi
        self.__dict__ |= settings
        self.items = len(Q)
        self.alias = None if self.popularity is None else alias_table(self.popularity)
        paired = self.loss != "logistic"
        further = self.loss == "warp" or self.counts[0] > 1
        samples = sum(map(len, rows)) * (1 if paired else 1 + self.counts[0])
        lanes = lanes_of(samples, len(rows), self.items, 64 if paired and further else 8, paired)
        self.pairs, self.tasks = tournament(lanes, paired)
        self.lanes, blocks = lanes, 2 * lanes if paired else lanes
        self.order = list(range(self.items))
        Words(self.seed, self.epoch, 0, BLOCKS).shuffle(self.order)
        ends = [block * self.items // blocks for block in range(blocks + 1)]
        self.members = [self.order[a:b] for a, b in pairwise(ends)]
        self.block = {item: b for b, members in enumerate(self.members) for item in members}

    def run(self):
        waiting = self.draw()
        for turn, task in enumerate(self.tasks):
            words = Words(self.seed, self.epoch, turn, TASK)
            samples = waiting.get(task, [])
            words.shuffle(samples)
            getattr(self, self.loss)(samples, words)

    # Drawing

    def draw(self):
        total, done, lane = sum(map(len, self.rows)), 0, 0
        waiting, number = {}, 0
        for user, row in enumerate(self.rows):
            while lane < self.lanes - 1 and done * self.lanes >= total * (lane + 1):
                lane, number = lane + 1, 0
            done += len(row)
            words = Words(self.seed, self.epoch, user, NEGATIVES)
            for item, other, weight in self.samples(user, row, words):
                pair = self.pair(self.block[item], self.block[other], number)
                waiting.setdefault((lane, pair), []).append((user, item, other, weight))
                number += 1
        return waiting

    def pair(self, x, y, number):
        blocks = len(self.members)
        if x == y and self.loss != "logistic":
            y = number % (blocks - 1)
            y += y >= x
        return self.pairs.index(frozenset((x, y)))

    def any_item(self, words):
        if self.alias is None:
            return words.below(self.items)
        slot = words.below(self.items)
        return slot if words.unit() < self.alias[0][slot] else self.alias[1][slot]

    def unseen(self, row, item, words):
        taken = set(row) if self.checked else {item}
        if not self.checked or 2 * len(row) <= self.items:
            for _ in range(32):
                other = self.any_item(words)
                if other not in taken:
                    return other
        chances = np.ones(self.items) if self.popularity is None else self.popularity.copy()
        chances[list(taken)] = 0
        free = np.flatnonzero(chances)
        if not len(free):
            return None
        sums = np.cumsum(chances[free])
        return int(free[min(np.searchsorted(sums, words.unit() * sums[-1], "right"), len(free) - 1)])

    def samples(self, user, row, words):
        for item, weight in zip(row, self.weights[user], strict=True):
            if self.loss == "logistic":
                yield item, item, weight
                for _ in range(self.counts[0]):
                    other = self.unseen(row, item, words)
                    if other is not None:
                        yield other, other, -1.0
            elif self.loss == "bpr":
                other = self.unseen(row, item, words)
                if other is not None:
                    yield item, other, weight
            else:
                _, count, kth = self.counts
                if count > 1:
                    slots = [words.below(len(row)) for _ in range(count)]
                    slot = sorted(slots, key=lambda slot: (-self.score(user, row[slot]), slot))[kth - 1]
                    item, weight = row[slot], self.weights[user][slot]
                yield item, self.any_item(words), weight

    # Steps

    def score(self, user, item):
        return self.P[user] @ self.Q[item] + self.bi[item]

    def may_stand(self, user, item, other):
        return other != item and not (self.checked and other in self.rows[user])

    def step(self, user, item, other, slope):
        p, q_i, q_j = self.P[user].copy(), self.Q[item].copy(), self.Q[other].copy()
        by_user, seen, unseen, bias = self.penalties
        self.P[user] += self.rate * (slope * (q_i - q_j) - by_user * p)
        self.Q[item] += self.rate * (slope * p - seen * q_i)
        self.Q[other] += self.rate * (-slope * p - unseen * q_j)
        if bias is not None:
            self.bi[item] += self.rate * (slope - bias * self.bi[item])
            self.bi[other] += self.rate * (-slope - bias * self.bi[other])

    def bpr(self, samples, words):
        more = [
            [words.below(len(self.members[self.block[other]])) for _ in range(1, self.counts[0])]
            for _, _, other, _ in samples
        ]
        for (user, item, other, weight), places in zip(samples, more, strict=True):
            members = self.members[self.block[other]]
            drawn = [members[place] for place in places]
            drawn = [other] + [j for j in drawn if self.may_stand(user, item, j)]
            best = max(drawn, key=lambda j: self.score(user, j))
            self.step(user, item, best, weight * sigmoid(self.score(user, best) - self.score(user, item)))

    def warp(self, samples, words):
        def harmonic(n):
            return sum(1 / r for r in range(1, n + 1))

        trials = self.counts[0]
        for user, item, other, weight in samples:
            members = self.members[self.block[other]]
            drawn = [other]
            for n in range(trials):
                if n == len(drawn) or n == 0:  # four at a time
                    drawn += [members[words.below(len(members))] for _ in range(3 if n == 0 else 4)]
                j = drawn[n]
                if self.score(user, j) > self.score(user, item) - 1 and self.may_stand(user, item, j):
                    rank = max(self.items // (n + 1), 1)
                    self.step(user, item, j, weight * harmonic(rank) / harmonic(self.items))
                    break

    def logistic(self, samples, words):
        by_user, seen, unseen, bias = self.penalties
        for user, item, _, weight in samples:
            sign = math.copysign(1, weight)
            x = self.mean + self.bu[user] + self.score(user, item)
            slope = weight * sigmoid(-sign * x)
            p, q = self.P[user].copy(), self.Q[item].copy()
            self.P[user] += self.rate * (slope * q - by_user * p)
            self.Q[item] += self.rate * (slope * p - (seen if sign > 0 else unseen) * q)
            if bias is not None:
                self.bu[user] += self.rate * (slope - bias * self.bu[user])
                self.bi[item] += self.rate * (slope - bias * self.bi[item])
