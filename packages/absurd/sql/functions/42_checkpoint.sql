-- Checkpoints: what the steps of a task gave, and the log lines of its attempts.

-- Keeps the values of steps, all in one commit, and returns those it did not keep: stale ones (the
-- fence does not hold), and ones whose step has a value already, with that value.
--
-- The first value that is committed is the step's value, for whoever asks. So it does no harm that
-- the lease is looked at and not locked: an attempt that is losing it may still be first, and its
-- heir replays that value. Waits for the recovery of this worker, and for a transaction that writes
-- the same step. p_values: JSON as text. Raises WF002 when the worker was declared dead.
create or replace function absurd.write_checkpoints(
  p_worker_id integer, p_epoch bigint, p_ids bigint[], p_claims integer[], p_names text[],
  p_ordinals integer[], p_values text[]
)
  returns setof absurd.refused_checkpoint
  language plpgsql
as $$
declare
  v_count integer;
begin
  perform absurd.assert_worker(p_worker_id, p_epoch);
  begin
    -- Without "on conflict", which costs each row a second look at the index.
    insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
    select g.task_id, g.name, g.ordinal, g.claim_no, g.value::jsonb, absurd.clock()
      from unnest(p_ids, p_claims, p_names, p_ordinals, p_values)
        as g(task_id, claim_no, name, ordinal, value)
      cross join lateral (
        select from absurd.lease l
         where l.task_id = g.task_id and l.claim_no = g.claim_no
           and l.worker_id + 0 = p_worker_id and l.epoch = p_epoch
        offset 0
      ) held;
    get diagnostics v_count = row_count;
    if v_count = cardinality(p_ids) then
      return;
    end if;
  exception when unique_violation then
    insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
    select g.task_id, g.name, g.ordinal, g.claim_no, g.value::jsonb, absurd.clock()
      from unnest(p_ids, p_claims, p_names, p_ordinals, p_values)
        as g(task_id, claim_no, name, ordinal, value)
      join absurd.lease l
        on l.task_id = g.task_id and l.claim_no = g.claim_no
       and l.worker_id + 0 = p_worker_id and l.epoch = p_epoch
     order by g.task_id, g.name, g.ordinal
    on conflict do nothing;
  end;
  return query
    select (g.place - 1)::integer, c.task_id is null or l.task_id is null, c.value::text
      from unnest(p_ids, p_claims, p_names, p_ordinals, p_values) with ordinality
        as g(task_id, claim_no, name, ordinal, value, place)
      left join absurd.checkpoint c
        on c.task_id = g.task_id and c.name = g.name and c.ordinal = g.ordinal
      left join absurd.lease l
        on l.task_id = g.task_id and l.claim_no = g.claim_no
       and l.worker_id + 0 = p_worker_id and l.epoch = p_epoch
     where l.task_id is null or c.claim_no <> g.claim_no
        or c.value is distinct from g.value::jsonb;
end;
$$;

-- All that tasks have kept, for their next attempts. value: JSON as text. clock_ms: what time it is
-- here, for those that slept.
create or replace function absurd.read_checkpoints(p_ids bigint[])
  returns table (
    task_id bigint, name text, ordinal integer, value text, clock_ms double precision
  )
  language sql stable
as $$
  select c.task_id, c.name, c.ordinal, c.value::text,
         date_part('epoch', absurd.clock()) * 1000
    from unnest(p_ids) i
    cross join lateral (
      select k.* from absurd.checkpoint k where k.task_id = i offset 0
    ) c;
$$;

-- How people write a step: its name, from its second call on with #2, #3, …
create or replace function absurd.step_label(p_name text, p_ordinal integer)
  returns text
  language sql immutable
as $$
  select p_name || case when p_ordinal > 1 then '#' || p_ordinal else '' end;
$$;

-- The checkpoints of a task in the order of writing.
create or replace function absurd.list_steps(p_task_id uuid)
  returns table (step text, attempt integer, value jsonb, at timestamptz)
  language sql stable
as $$
  select absurd.step_label(c.name, c.ordinal), c.claim_no, c.value, c.at
    from absurd.checkpoint c
   where c.task_id = absurd.task_number(p_task_id)
   order by c.at, c.name, c.ordinal;
$$;

-- Keeps the value of one step, for shells and other languages, in the caller's transaction. Returns
-- the step's value: p_value, or what was kept before. Locks the lease. Raises WF001 stale fence.
create or replace function absurd.complete_step(
  p_fence text, p_name text, p_value jsonb default null, p_ordinal integer default 1
)
  returns jsonb
  language plpgsql
as $$
declare
  v_lease absurd.lease := absurd.hold_fence(p_fence);
begin
  insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
  values (v_lease.task_id, p_name, p_ordinal, v_lease.claim_no, p_value, absurd.clock())
  on conflict do nothing;
  return (
    select c.value from absurd.checkpoint c
     where c.task_id = v_lease.task_id and c.name = p_name and c.ordinal = p_ordinal
  );
end;
$$;

-- Gives a task that failed or was cancelled a new start from a step on: what that step and the later
-- ones kept is dropped, what came before is replayed. p_step: a name, or name#2 for its second call.
-- Locks the outcome, then as absurd.retry_task.
-- Raises WF006 no such task, WF003 neither failed nor cancelled, WF013 no such step.
create or replace function absurd.rerun_from_step(p_task_id uuid, p_step text)
  returns void
  language plpgsql
as $$
declare
  v_id bigint := absurd.task_number(p_task_id);
  v_from timestamptz;
begin
  perform from absurd.outcome o where o.task_id = v_id and o.kind in ('d', 'x') for update;
  if not found then
    if not exists (select from absurd.task t where t.id = v_id) then
      raise exception using errcode = 'WF006', message = format('no task %s', p_task_id);
    end if;
    raise exception using
      errcode = 'WF003',
      message = format('task %s has neither failed nor been cancelled; '
                       'only then does it start anew from a step', p_task_id);
  end if;
  select c.at into v_from
    from absurd.checkpoint c
   where c.task_id = v_id and absurd.step_label(c.name, c.ordinal) = p_step;
  if v_from is null then
    raise exception using
      errcode = 'WF013',
      message = format('task %s has kept no step "%s"', p_task_id, p_step);
  end if;
  delete from absurd.checkpoint c where c.task_id = v_id and c.at >= v_from;
  perform absurd.retry_task(p_task_id);
end;
$$;

-- Stores log lines and returns how many it refused: an attempt may speak while it holds its lease,
-- and after it completed its task.
create or replace function absurd.write_log(
  p_worker_id integer, p_epoch bigint, p_ids bigint[], p_claims integer[], p_times timestamptz[],
  p_levels text[], p_messages text[], p_fields text[]
)
  returns integer
  language plpgsql
as $$
declare
  v_count integer;
begin
  insert into absurd.task_log (task_id, claim_no, at, level, message, fields)
  select g.task_id, g.claim_no, g.at, g.level, g.message, g.fields::json
    from unnest(p_ids, p_claims, p_times, p_levels, p_messages, p_fields) with ordinality
      as g(task_id, claim_no, at, level, message, fields, place)
   where exists (
           select from absurd.lease l
            where l.task_id = g.task_id and l.claim_no = g.claim_no
              and l.worker_id + 0 = p_worker_id and l.epoch = p_epoch
         )
      or exists (
           select from absurd.outcome o
            where o.task_id = g.task_id and o.claim_no = g.claim_no and o.kind = 'c'
              and o.worker_id = p_worker_id
         )
   order by g.place;
  get diagnostics v_count = row_count;
  return cardinality(p_ids) - v_count;
end;
$$;

-- The log lines of a task after p_after, first to last.
create or replace function absurd.read_log(
  p_task_id uuid, p_after bigint default 0, p_limit integer default 1000
)
  returns table (
    line bigint, attempt integer, at timestamptz, level text, message text, fields json
  )
  language sql stable
as $$
  select g.line, g.claim_no, g.at, g.level, g.message, g.fields
    from absurd.task_log g
   where g.task_id = absurd.task_number(p_task_id) and g.line > p_after
   order by g.line limit p_limit;
$$;
