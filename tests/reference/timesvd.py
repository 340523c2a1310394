"""The slow, obvious twin of `crates/kernels/src/timesvd.rs`: every rating steps every implicit factor of its user."""

import copy

import numpy as np

from tests.reference.pairwise import BLOCKS, TASK, Words

GROUP = 16


class Epoch:
    """One epoch over ratings of users.

    `events[u]` are (item, value, weight, bin, day, user deviation, item deviation) by item; `P` holds the parameters by
    name, without those that are not learned; `paces` rate and penalty by the names of parameters.
    """

    def __init__(self, events, P, paces, seed, epoch, group=GROUP):
        self.events, self.P, self.paces, self.seed, self.epoch, self.group = (
            events,
            P,
            paces,
            seed,
            epoch,
            group,
        )
        self.loss = 0.0

    def run(self):
        order = list(range(len(self.events)))
        Words(self.seed, self.epoch, 0, BLOCKS).shuffle(order)
        for start in range(0, len(order), self.group):
            self.learn(order[start : start + self.group])
        return self.loss

    def step(self, x, name, slope):
        rate, penalty = self.paces[name]
        x += rate * (slope - penalty * x)

    def learn(self, users):
        """A group of users against the same items, then the items by what each user left."""
        before = copy.deepcopy(self.P)
        left = [self.user(u, before) for u in users]
        for u, (errors, Y) in zip(users, left, strict=True):
            items = [event[0] for event in self.events[u]]
            for (i, _, _, b, _, _, item_dev), (error, x) in zip(self.events[u], errors, strict=True):
                self.step(self.P["b_i"][i : i + 1], "b_i", error)
                self.step(self.P["bins"][i, b : b + 1], "bins", error)
                self.step(self.P["trend"][i : i + 1], "trend", error * item_dev)
                self.step(self.P["q"][i], "q", error * x)
            if "y" in self.P:
                # What the user would have left of y, from where it stands now instead of where the group began.
                kept = (1 - self.paces["y"][0] * self.paces["y"][1]) ** len(items)
                self.P["y"][items] = kept * (self.P["y"][items] - before["y"][items]) + Y[items]

    def user(self, u, before):
        """The steps of one user: weighted errors and vectors by rating, and the implicit factors afterwards."""
        P, rows = self.P, self.events[u]
        Y = before["y"].copy() if "y" in P else None
        items = [event[0] for event in rows]
        order = list(range(len(rows)))
        Words(self.seed, self.epoch, u, TASK).shuffle(order)
        left = [None] * len(rows)
        for place in order:
            i, value, weight, b, d, user_dev, item_dev = rows[place]
            q = before["q"][i]
            x = P["p"][u].copy()
            if Y is not None:
                x += Y[items].sum(axis=0) / np.sqrt(len(items))
            if "drift" in P:
                x += user_dev * P["drift"][u]
            if "day factors" in P:
                x += P["day factors"][d]
            score = x @ q + P["b_u"][u] + P["slope"][u] * user_dev + P["b_day"][d]
            score += before["b_i"][i] + before["bins"][i, b] + before["trend"][i] * item_dev
            error = weight * (value - score)
            self.loss += error * (value - score)
            left[place] = (error, x)
            self.step(P["b_u"][u : u + 1], "b_u", error)
            self.step(P["slope"][u : u + 1], "slope", error * user_dev)
            self.step(P["b_day"][d : d + 1], "b_day", error)
            self.step(P["p"][u], "p", error * q)
            if "drift" in P:
                self.step(P["drift"][u], "drift", error * user_dev * q)
            if "day factors" in P:
                self.step(P["day factors"][d], "drift", error * q)
            if Y is not None:
                for j in items:
                    self.step(Y[j], "y", error * q / np.sqrt(len(items)))
        return left, Y
