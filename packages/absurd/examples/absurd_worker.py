#!/usr/bin/python3
"""A worker in Python: claims tasks, keeps their lease, reports how they ended.

Needs psycopg 3 (Debian: python3-psycopg) and nothing else. Import it and call run_worker with
handlers of your own, or run it: DATABASE_URL=postgres://... absurd_worker.py

What must hold, and where: a task's lease outlives any handler (Lease beats on a thread and a
connection of its own); a killed worker's tasks go to others one lease later; what a worker that lost
its lease reports is refused (WF001), and one that was declared dead begins anew (WF002); a task is
never lost because an answer was (Session.again).
"""

import json
import os
import secrets
import signal
import socket
import sys
import threading
import time

import psycopg

CANCEL_GRACE_MS = 30_000


class TaskError(Exception):
    """Fails the task for a reason of its own: retryable, recoverable, fatal or validation."""

    def __init__(self, message, error_class="retryable", **fields):
        super().__init__(message)
        self.error_class = error_class
        self.fields = fields


class Stopped(Exception):
    """What Context.check raises: the task was cancelled, or its lease is lost."""


def state_of(error):
    """The SQLSTATE; psycopg knows no class for the engine's own (WFxxx)."""
    return error.diag.sqlstate if error.diag else None


class Session:
    """One connection, in autocommit: each call is a transaction."""

    def __init__(self, url):
        self.url = url
        self.connection = None

    def call(self, sql, values=()):
        if self.connection is None or self.connection.broken or self.connection.closed:
            self.connection = psycopg.connect(self.url, autocommit=True, connect_timeout=10)
            # Behind a transaction pooler the next statement may be on another session.
            self.connection.prepare_threshold = None
        cursor = self.connection.execute(sql, values)
        return cursor.fetchall() if cursor.description else []

    def again(self, sql, values=()):
        """Sends a statement until it is answered. Reporting twice is harmless: the second is WF001."""
        while True:
            try:
                return self.call(sql, values)
            except psycopg.OperationalError as error:
                if (state_of(error) or "08").startswith("WF"):
                    raise
                print(f"database away: {error}", file=sys.stderr)
                self.close()
                time.sleep(0.5)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Lease:
    """A registration, and the thread that keeps it. Handlers that hold the GIL for longer than a
    lease, as some extensions do, belong into a process of their own."""

    def __init__(self, url, name, queues, lease_seconds):
        self.lease_seconds = lease_seconds
        self.epoch = secrets.randbits(63)
        self.session = Session(url)
        ((self.worker_id,),) = self.session.again(
            "select absurd.register_worker(%s, %s::bigint, %s::int, %s::text[], 1, %s, %s)",
            (name, self.epoch, int(lease_seconds * 1000), queues, socket.gethostname(), os.getpid()),
        )
        self.acknowledged = time.monotonic()
        self.is_dead = False
        self.cancelled = {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.keep, daemon=True)
        self.thread.start()

    def keep(self):
        while not self.over.wait(self.lease_seconds / 6):
            sent = time.monotonic()
            try:
                rows = self.session.call(
                    "select absurd.fence_text(b.task_id, b.claim_no, %s::int, %s::bigint), b.reason"
                    " from absurd.beat(%s::int, %s::bigint) b",
                    (self.worker_id, self.epoch) * 2,
                )
                self.acknowledged = sent
                self.cancelled = dict(rows)
                # Recovers and promotes when no other worker does; 0: never keeps that from others.
                self.session.call(
                    "select from absurd.maintain(%s::int, %s::bigint, 0, %s::int)",
                    (self.worker_id, self.epoch, CANCEL_GRACE_MS),
                )
            except psycopg.Error as error:
                if state_of(error) == "WF002":
                    self.is_dead = True
                    return
                print(f"a heartbeat failed: {error}", file=sys.stderr)
                self.session.close()

    def is_fresh(self):
        """False when others may soon own our tasks."""
        age = time.monotonic() - self.acknowledged
        return not self.is_dead and age < self.lease_seconds * 2 / 3

    def stop(self):
        self.over.set()
        self.thread.join()
        self.session.close()


class Context:
    """What a handler may ask and say."""

    def __init__(self, session, lease, task_id, attempt, fence):
        self.session = session
        self.lease = lease
        self.task_id = task_id
        self.attempt = attempt
        self.fence = fence

    def progress(self, fraction, note):
        stale = self.session.again(
            "select * from absurd.report_progress(%s::int, %s::bigint,"
            " array[absurd.task_number(%s)], array[%s::int], array[%s::real], array[%s])",
            (self.lease.worker_id, self.lease.epoch, self.task_id, self.attempt, fraction, note),
        )
        if stale:
            raise Stopped("the lease is lost")

    def check(self):
        """Call it now and then in a long task, and let what it raises pass."""
        if self.fence in self.lease.cancelled:
            raise Stopped(self.lease.cancelled[self.fence])
        if self.lease.is_dead:
            raise Stopped("the lease is lost")


def run_task(session, lease, handlers, row):
    task_id, name, params, attempt, fence = row
    try:
        try:
            result = handlers[name](params, Context(session, lease, task_id, attempt, fence))
            report = ("select absurd.complete_task(%s, %s::jsonb)", (fence, json.dumps(result)))
        except Exception as error:  # whatever a handler raises is the task's failure
            # A task that was asked to stop ends as cancelled, whatever the class.
            error_class = getattr(error, "error_class", "retryable")
            fields = json.dumps(getattr(error, "fields", {}))
            report = (
                "select absurd.fail_task(%s, %s, %s, %s::jsonb)",
                (fence, f"{type(error).__name__}: {error}", error_class, fields),
            )
        session.again(*report)
    except psycopg.Error as error:
        if state_of(error) != "WF001":
            raise
        # Another worker has the task, or an earlier try of this report came through.
        print(f"task {task_id}: {error}", file=sys.stderr)


def claim(session, lease, queues, handlers):
    try:
        return session.call(
            "select task_id, task_name, params, attempt, fence"
            " from absurd.claim_tasks(%s::int, %s::bigint, %s::text[], %s::text[], 1)",
            (lease.worker_id, lease.epoch, queues, list(handlers)),
        )
    except psycopg.OperationalError:
        # It may have claimed a task and only its answer is lost: give back what we do not know of.
        session.close()
        session.again(
            "select from absurd.revalidate(%s::int, %s::bigint, '{}', '{}')",
            (lease.worker_id, lease.epoch),
        )
        return []


def run_worker(url, handlers, queues=("default",), name=None, lease_seconds=30, poll_seconds=1):
    """Runs tasks, one at a time, until SIGTERM or SIGINT; then finishes the one it has and leaves."""
    name = name or f"{socket.gethostname()}-{os.getpid()}"
    queues = list(queues)
    signals = []  # Not an Event: its lock may be held by what the signal interrupts.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, _: signals.append(number))
    session = Session(url)
    kinds = json.dumps([{"task_name": each, "queue_name": queues[0]} for each in handlers])
    session.again("select from absurd.register_kinds(%s::jsonb)", (kinds,))
    lease = Lease(url, name, queues, lease_seconds)
    while not signals:
        try:
            if lease.is_dead:
                lease.stop()
                lease = Lease(url, name, queues, lease_seconds)
            rows = claim(session, lease, queues, handlers)
        except psycopg.Error as error:
            if state_of(error) != "WF002":
                raise
            lease.is_dead = True
            continue
        for row in rows:
            run_task(session, lease, handlers, row)
        if not rows:
            time.sleep(poll_seconds)
    lease.stop()
    session.again(
        "select absurd.leave_worker(%s::int, %s::bigint)", (lease.worker_id, lease.epoch)
    )
    session.close()


def word_count(params, context):
    """An example: {"text": "..."} to {"words": n}."""
    if not isinstance(params.get("text"), str):
        raise TaskError(f"text is {params.get('text')!r}, expected a string", "validation")
    words = params["text"].split()
    for index, _ in enumerate(words):
        if index % 1000 == 999:
            context.check()
            context.progress(index / len(words), "counting")
    return {"words": len(words)}


if __name__ == "__main__":
    run_worker(os.environ["DATABASE_URL"], {"word-count": word_count})
