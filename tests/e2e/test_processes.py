#!/usr/bin/python3
"""Goal: monitor and worker notice each other's failure, and neither takes what
the other is told twice for more than it is."""

import os
import re
import signal


from teslacoil import Case, destination, kill, main, running, source, wait_for
from test_service import Manager


class Hangs(Case):
    """With a watchdog of a second, so that it is noticed in seconds."""

    def begin(self):
        path = os.path.join(self.dir, "notify")
        manager = Manager(path)
        self.addCleanup(manager.socket.close)
        # Nobody listens: what is said there is lost.
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.w.path))
        self.d.env = dict(os.environ, NOTIFY_SOCKET=path,
                          WATCHDOG_USEC="400000")
        self.d.start()
        self.w.write(10)
        self.r.wait_all(self.w)
        self.d.wait_log("worker: sandbox: ")

    def test_a_worker_that_hangs_is_replaced(self):
        self.begin()
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        self.w.write(100)
        wait_for(lambda: not running(worker), "the end of it")
        self.d.wait_log(r"worker: has said nothing for \d+ s: killed")
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=None)

    def test_a_monitor_that_hangs_is_noticed_and_lines_go_on(self):
        self.begin()
        kill(self.d.pid, signal.SIGSTOP)
        try:
            self.d.wait_log("the monitor does not answer")
            self.w.write(100)
            self.r.wait_all(self.w)
        finally:
            kill(self.d.pid, signal.SIGCONT)
        self.d.reload(destination("d", self.r.url) +
                      source("s", self.w.path))
        self.w.write(100)
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w)


class Signals(Case):

    def begin(self, **options):
        self.w = self.writer()
        self.r = self.receiver().start()
        self.conf = destination("d", self.r.url) + source("s", self.w.path)
        self.d = self.daemon(self.conf, **options).start()
        self.w.write(10)
        self.r.wait_all(self.w)

    def begin_in_flight(self):
        self.begin(shutdown_timeout="1h")
        self.r.do("pause")
        self.w.write(20000)
        wait_for(lambda: self.d.state()["destinations"][0]["in_flight_bytes"],
                 "lines in flight")

    def test_one_stop_that_comes_to_both_processes(self):
        """As timeout(1) and a terminal send it: it comes to each, and from one
        to the other."""
        self.begin_in_flight()
        worker = self.d.worker()
        for pid in (self.d.pid, worker, self.d.pid, worker):
            kill(pid, signal.SIGTERM)
        self.d.wait_log("stopping")
        kill(self.d.pid, signal.SIGTERM)
        self.r.do("resume")
        self.assertEqual(self.d.wait(), 0)
        self.d.process = None
        self.assertNotIn("once more", self.d.log())
        self.assertNotIn("error:", self.d.log())

    def test_a_second_stop_does_not_wait(self):
        self.begin_in_flight()
        kill(self.d.pid, signal.SIGTERM)
        self.d.wait_log("stopping")

        def again():
            kill(self.d.pid, signal.SIGTERM)
            return "once more: not waiting" in self.d.log()
        wait_for(again, "the second one to count")
        self.assertEqual(self.d.wait(), 0)
        self.d.process = None
        self.assertNotIn("error:", self.d.log())

    def test_a_dump_that_is_asked_for_while_no_worker_is_there(self):
        self.begin()
        worker = self.d.worker()
        kill(self.d.pid, signal.SIGSTOP)
        kill(worker, signal.SIGKILL)
        wait_for(lambda: not running(worker), "the end of it")
        kill(self.d.pid, signal.SIGUSR1)
        kill(self.d.pid, signal.SIGCONT)
        self.d.wait_log("state written to ")
        self.finish(self.d, self.r)

    def test_a_dump_that_is_asked_for_as_the_worker_stops(self):
        self.begin()
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        kill(worker, signal.SIGUSR1)
        kill(worker, signal.SIGTERM)
        kill(worker, signal.SIGCONT)
        self.assertEqual(self.d.wait(), 0)
        self.d.process = None
        self.assertIn("state written to ", self.d.log())

    def test_a_worker_is_not_reloaded_as_often_as_it_asks(self):
        self.begin()
        asked = 0

        def ask():
            nonlocal asked
            for pid in self.d.workers():
                kill(pid, signal.SIGHUP)
            asked += 1
            return asked >= 120
        wait_for(ask, "so many requests")
        done = len(re.findall("reloading", self.d.log()))
        self.assertLess(done, asked / 2)
        self.w.write(10)
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w)


if __name__ == "__main__":
    main()
