-- The ends of an attempt. Each removes the lease under its fence; what finds no lease is stale.

-- Completes attempts and returns the tasks whose fence held. The caller releases dependents in a
-- statement of its own: only a newer snapshot sees edges committed while this one waited.
create or replace function absurd.complete_attempts(
  p_worker_id integer, p_epoch bigint, p_ids bigint[], p_claims integer[], p_results text[]
)
  returns bigint[]
  language sql
as $$
  with ended as (
    delete from absurd.lease l
     using unnest(p_ids, p_claims, p_results) as g(task_id, claim_no, result)
     where l.task_id = g.task_id and l.claim_no = g.claim_no
       and l.worker_id = p_worker_id and l.epoch = p_epoch
    returning l.task_id, l.claim_no, l.claimed_at, g.result
  ),
  kept as (
    insert into absurd.outcome (
      task_id, claim_no, kind, worker_id, claimed_at, finished_at, result
    )
    select e.task_id, e.claim_no, 'c', p_worker_id, e.claimed_at, absurd.clock(), e.result::jsonb
      from ended e
    returning task_id
  )
  select coalesce(array_agg(k.task_id), '{}') from kept k;
$$;

-- Ends attempts that did not complete and returns the tasks whose fence held.
--
-- p_classes: retryable, recoverable, timeout (tried again while attempts are left, recoverable after
-- its repair when a rule names one), fatal, validation (dead at once), cancelled, released (given
-- back, not counted), lost (its worker died: tried again without back-off).
-- p_jitters: 0 to 1 each, spreads the back-off.
create or replace function absurd.fail_attempts(
  p_worker_id integer, p_epoch bigint, p_ids bigint[], p_claims integer[], p_classes text[],
  p_errors text[], p_jitters double precision[]
)
  returns bigint[]
  language plpgsql
as $$
declare
  v_ended absurd.ended_attempt[];
begin
  with given as materialized (
    select * from unnest(p_ids, p_claims, p_classes, p_errors, p_jitters)
      as g(task_id, claim_no, class, error, jitter)
  ),
  ended as (
    delete from absurd.lease l using given g
     where l.task_id = g.task_id and l.claim_no = g.claim_no
       and l.worker_id = p_worker_id and l.epoch = p_epoch
    returning l.task_id, l.claim_no, l.worker_id, l.lane_id, l.claimed_at, g.class,
              g.error::jsonb, g.jitter
  )
  select array_agg(row(e.*)::absurd.ended_attempt) into v_ended from ended e;
  perform absurd.settle(v_ended);
  return array(select e.task_id from unnest(v_ended) e);
end;
$$;

-- Puts attempts that just lost their lease where absurd.judge says: deferred (another try), ready
-- (given back), waiting (for its repair) or outcome (dead, cancelled), and resolves what depended on
-- the ended ones. What is given back to a gated lane goes in line at its gates; the caller settles
-- or notes the gates.
create or replace function absurd.settle(p_ended absurd.ended_attempt[])
  returns void
  language plpgsql
as $$
declare
  v_judged absurd.judged_attempt[] := absurd.judge(p_ended);
  v_over bigint[];
begin
  with judged as materialized (
    select * from unnest(v_judged)
  ),
  logged as (
    insert into absurd.attempt (
      task_id, claim_no, worker_id, claimed_at, finished_at, class, error, rule, fingerprint
    )
    select j.task_id, j.claim_no, j.worker_id, j.claimed_at, absurd.clock(), j.class, j.error,
           j.rule, j.fingerprint
      from judged j where j.verdict not in ('cancelled', 'released')
  ),
  credited as (
    insert into absurd.credit (task_id, claim_no, attempts, worker_id, claimed_at, finished_at)
    select j.task_id, j.claim_no, 1, j.worker_id, j.claimed_at, absurd.clock()
      from judged j where j.verdict = 'released'
  ),
  again as (
    insert into absurd.deferred (run_at, task_id, claim_no, lane_id)
    select j.run_at, j.task_id, j.claim_no, j.lane_id from judged j where j.verdict = 'again'
  ),
  given_back as (
    insert into absurd.ready (lane_id, task_id, claim_no, at)
    select j.lane_id, j.task_id, j.claim_no, absurd.clock()
      from judged j
     where j.verdict in ('released', 'at once')
       and not exists (select from absurd.lane l where l.lane_id = j.lane_id and l.gated)
  ),
  over as (
    insert into absurd.outcome (
      task_id, claim_no, kind, worker_id, claimed_at, finished_at, error, fingerprint
    )
    select j.task_id, j.claim_no, case j.verdict when 'cancelled' then 'x' else 'd' end::"char",
           j.worker_id, j.claimed_at, absurd.clock(), j.error, j.fingerprint
      from judged j where j.verdict in ('dead', 'late', 'cancelled')
    returning task_id
  )
  select coalesce(array_agg(o.task_id), '{}') into v_over from over o;
  if exists (select from unnest(v_judged) j where j.verdict = 'repair') then
    v_over := v_over || absurd.begin_repairs(v_judged);
  end if;
  if cardinality(v_over) > 0 then
    perform absurd.after_end(v_over);
  end if;
  if absurd.has_gates() then
    perform absurd.leave_gates(p_ended);
  end if;
end;
$$;

-- Completes one attempt in the caller's transaction: the caller's other writes commit with it or
-- not at all. Raises WF001 when the fence is stale.
create or replace function absurd.complete_task(p_fence text, p_result jsonb default null)
  returns void
  language plpgsql
as $$
declare
  v_lease absurd.lease := absurd.hold_fence(p_fence);
begin
  perform absurd.resolve_dependents(absurd.complete_attempts(
    v_lease.worker_id, v_lease.epoch, array[v_lease.task_id], array[v_lease.claim_no],
    array[p_result::text]
  ));
  if absurd.has_gates() then
    perform absurd.free_gates(array[v_lease.task_id]);
    perform absurd.note_gates();
  end if;
end;
$$;

-- Fails one attempt. p_class: retryable, recoverable, fatal or validation, as in
-- absurd.fail_attempts; p_tag is what retry rules by tag look at; p_retry_after_seconds stands in for
-- the back-off. Raises WF001 when the fence is stale, 22023 for another class.
create or replace function absurd.fail_task(
  p_fence text, p_message text, p_class text default 'retryable', p_fields jsonb default '{}',
  p_tag text default 'Error', p_retry_after_seconds double precision default null
)
  returns void
  language plpgsql
as $$
declare
  v_lease absurd.lease := absurd.hold_fence(p_fence);
begin
  if p_class is null or p_class not in ('retryable', 'recoverable', 'fatal', 'validation') then
    raise exception using
      errcode = '22023',
      message = format('class is "%s", expected retryable, recoverable, fatal or validation',
                       p_class);
  end if;
  perform absurd.fail_attempts(
    v_lease.worker_id, v_lease.epoch, array[v_lease.task_id], array[v_lease.claim_no],
    array[p_class],
    array[(jsonb_build_object('tag', p_tag, 'class', p_class, 'message', p_message,
                              'fields', p_fields)
           || jsonb_strip_nulls(jsonb_build_object('retry_after_seconds', p_retry_after_seconds))
          )::text],
    array[random()]
  );
  perform absurd.note_gates();
end;
$$;

-- Records how far attempts are; returns those whose fence did not hold. Rows are unlogged: lost in
-- a crash of the server, which loses nothing that counts.
create or replace function absurd.report_progress(
  p_worker_id integer, p_epoch bigint, p_ids bigint[], p_claims integer[],
  p_fractions real[], p_notes text[]
)
  returns table (task_id bigint, claim_no integer)
  language sql
as $$
  with given as materialized (
    select * from unnest(p_ids, p_claims, p_fractions, p_notes)
      as g(task_id, claim_no, fraction, note)
  ),
  held as materialized (
    select g.*
      from given g
      join absurd.lease l
        on l.task_id = g.task_id and l.claim_no = g.claim_no
       and l.worker_id = p_worker_id and l.epoch = p_epoch
  ),
  written as (
    insert into absurd.progress as p (task_id, claim_no, fraction, note, at)
    select h.task_id, h.claim_no, h.fraction, h.note, absurd.clock() from held h order by 1
    on conflict on constraint progress_pkey do update
       set claim_no = excluded.claim_no, fraction = excluded.fraction, note = excluded.note,
           at = excluded.at
  )
  select g.task_id, g.claim_no from given g
   where not exists (select from held h where h.task_id = g.task_id);
$$;
