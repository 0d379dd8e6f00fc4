#!/usr/bin/python3
"""Several urls: no line is lost when receivers come and go."""


from teslacoil import Case, destination, main, rng, source, wait_for


class Several(Case):
    """Two receivers, one destination."""

    def begin(self, policy, files):
        self.one = self.receiver(name="one").start()
        self.two = self.receiver(name="two").start()
        self.w = [self.writer("%02d.log" % i) for i in range(files)]
        self.d = self.daemon(
            destination("d", [self.one.url, self.two.url], policy=policy) +
            source("s", self.path("*.log"))).start()

    def missing(self):
        """Lines that neither of them has."""
        missing = 0
        for r in (self.one, self.two):
            r.update()
        for w in self.w:
            both = (self.one.ledger.seen[w.name] |
                    self.two.ledger.seen[w.name])
            missing += len(set(range(1, w.count + 1)) - both)
        return missing

    def wait_none_missing(self):
        wait_for(lambda: self.missing() == 0, "all lines at one or the other")

    def write(self, n):
        for w in self.w:
            w.write(n)

    def die(self, r):
        r.do("die")
        r.reap()

    def endpoints(self):
        return self.d.state()["destinations"][0]["endpoints"]


class Failover(Several):
    def test_the_second_takes_over_and_the_first_gets_it_back(self):
        self.begin("failover", 3)
        self.write(500)
        self.one.wait_all(*self.w)
        self.assertEqual(self.two.arrived(), 0)
        self.die(self.one)
        self.write(500)
        self.wait_none_missing()
        self.assertGreater(self.two.arrived(), 0)
        self.one.start()
        wait_for(lambda: self.endpoints()[1]["state"] == "idle",
                 "the first to be well again")
        before = self.two.arrived()
        self.write(500)
        self.wait_none_missing()
        self.assertEqual(self.two.arrived(), before)
        self.finish(self.d, self.one, self.two)

    def test_the_first_is_absent_at_start(self):
        self.begin("failover", 2)
        self.finish(self.d)
        self.die(self.one)
        self.d.start()
        self.write(500)
        self.wait_none_missing()
        self.one.start()
        self.finish(self.d, self.one, self.two)

    def test_both_die_in_turns_under_load(self):
        self.begin("failover", 3)
        for w in self.w:
            w.start(2000)
        for _ in range(3):
            for r in (self.one, self.two):
                self.w[0].wait_written(rng.randint(100, 1500))
                self.die(r)
                self.w[0].wait_written(rng.randint(100, 1500))
                r.start()
        for w in self.w:
            w.stop()
        self.wait_none_missing()
        self.finish(self.d, self.one, self.two)


class Balance(Several):
    def spread(self):
        return [sum(1 for w in self.w if r.ledger.seen[w.name])
                for r in (self.one, self.two)]

    def test_files_are_spread_and_stay_in_order(self):
        self.begin("balance", 20)
        wait_for(lambda: all(e["state"] == "connected"
                             for e in self.endpoints()), "both")
        self.write(200)
        self.wait_none_missing()
        self.assertTrue(all(n > 2 for n in self.spread()), self.spread())
        self.finish(self.d, self.one, self.two)

    def test_one_dies_and_comes_back(self):
        self.begin("balance", 20)
        self.write(100)
        self.wait_none_missing()
        self.die(self.two)
        self.write(100)
        self.wait_none_missing()
        self.two.start()
        before = self.two.arrived()
        wait_for(lambda: all(e["state"] == "connected"
                             for e in self.endpoints()), "both again")

        def evened_out():
            self.write(1)
            self.wait_none_missing()
            return self.two.arrived() > before
        wait_for(evened_out, "files to even out")
        self.finish(self.d, self.one, self.two)


if __name__ == "__main__":
    main()
