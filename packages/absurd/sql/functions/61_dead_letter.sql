-- Dead letters: tasks that failed for good, what people do with them, and the groups they form.

-- Raises WF036 for a filter with a key that is not allowed, and for one without any.
create or replace function absurd.check_filter(p_filter jsonb, p_allowed text[])
  returns void
  language plpgsql immutable
as $$
declare
  v_key text;
begin
  if p_filter is null or jsonb_typeof(p_filter) <> 'object' then
    raise exception using
      errcode = 'WF036',
      message = format('filter is %s, expected an object', coalesce(p_filter::text, 'null'));
  end if;
  select k into v_key from jsonb_object_keys(p_filter) k where k <> all (p_allowed) limit 1;
  if found then
    raise exception using
      errcode = 'WF036',
      message = format('filter has %s, expected only %s', v_key, array_to_string(p_allowed, ', '));
  end if;
end;
$$;

-- Dead tasks that a filter is about, oldest death first. Empty: all of them.
--
-- p_filter: { task_ids, queue_name, task_name, tag, class, fingerprint, correlation_id, failed_from,
-- failed_to }; tag is the error's. Raises WF036 for another key, 22P02 or 22007 for a bad value.
--
-- p_after, p_after_id: go on after the task that died then. Deaths are read in the order of an index
-- until there are p_limit, and of named tasks those alone: what is not asked for costs nothing.
create or replace function absurd.find_dead(
  p_filter jsonb, p_limit integer default null, p_after timestamptz default null,
  p_after_id bigint default null
)
  returns table (task_id bigint, finished_at timestamptz, fingerprint text)
  language plpgsql stable
  set enable_sort = off
  set jit = off
as $$
declare
  v_from text := $from$
    select d.task_id, d.finished_at, d.error, d.fingerprint
      from absurd.outcome d
     where d.kind = 'd' and (d.finished_at, d.task_id) > ($2, $3)
       and d.finished_at >= $4 and d.finished_at < $5$from$;
begin
  perform absurd.check_filter(p_filter, array[
    'task_ids', 'queue_name', 'task_name', 'tag', 'class', 'fingerprint', 'correlation_id',
    'failed_from', 'failed_to'
  ]);
  v_from := v_from || case
    when p_filter ->> 'task_ids' is not null then ' and d.task_id = any($6)'
    when p_filter ->> 'fingerprint' is not null then
      ' and d.fingerprint = $7 order by d.finished_at, d.task_id'
    else ' order by d.finished_at, d.task_id'
  end;
  return query execute format($statement$
    select o.task_id, o.finished_at, o.fingerprint
      from (%s offset 0) o
      cross join lateral (
        select b.correlation_id, l.queue, k.name
          from absurd.task b
          join absurd.lane l on l.lane_id = b.lane_id
          join absurd.kind k on k.kind_id = l.kind_id
         where b.id = o.task_id offset 0
      ) t
     where ($1 ->> 'queue_name' is null or t.queue = $1 ->> 'queue_name')
       and ($1 ->> 'task_name' is null or t.name = $1 ->> 'task_name')
       and ($1 ->> 'tag' is null or o.error ->> 'tag' = $1 ->> 'tag')
       and ($1 ->> 'class' is null or o.error ->> 'class' = $1 ->> 'class')
       and ($7 is null or o.fingerprint = $7)
       and ($1 ->> 'correlation_id' is null or t.correlation_id = $1 ->> 'correlation_id')
     order by o.finished_at, o.task_id
     limit $8$statement$, v_from)
    using p_filter, coalesce(p_after, '-infinity'), coalesce(p_after_id, 0),
          coalesce((p_filter ->> 'failed_from')::timestamptz, '-infinity'),
          coalesce((p_filter ->> 'failed_to')::timestamptz, 'infinity'),
          array(select absurd.task_number(i::uuid)
                  from jsonb_array_elements_text(nullif(p_filter -> 'task_ids', 'null')) i),
          p_filter ->> 'fingerprint', p_limit;
end;
$$;

-- Gives dead tasks a new start; returns those it found, all of which started unless p_dry_run.
--
-- p_reset_attempts: with all attempts; else with those left, at least one. p_params_patch: members
-- that replace those of the same name in the params (null removes one). Checkpoints stay, and so does
-- the log of attempts. Tasks that were cancelled because of these start, too, and are not counted.
-- Of two calls at once each task starts once. Locks outcome, waiting rows.
create or replace function absurd.replay_dead(
  p_filter jsonb, p_limit integer default 1000, p_dry_run boolean default false,
  p_reset_attempts boolean default true, p_params_patch jsonb default null
)
  returns table (task_id uuid)
  language plpgsql
as $$
declare
  v_ids bigint[] := array(select d.task_id from absurd.find_dead(p_filter, p_limit) d);
begin
  if p_params_patch is not null and jsonb_typeof(p_params_patch) <> 'object' then
    raise exception using
      errcode = 'WF036',
      message = format('params patch is %s, expected an object', left(p_params_patch::text, 100));
  end if;
  if not p_dry_run then
    -- Whom another call gives its start meanwhile is not ours.
    v_ids := array(
      select o.task_id from absurd.outcome o
       where o.task_id = any(v_ids) and o.kind = 'd' order by o.task_id
         for update
    );
    if p_params_patch is not null then
      update absurd.task t
         set params = absurd.patched_params(t.params::jsonb, p_params_patch)
       where t.id = any(v_ids);
    end if;
    perform absurd.revive(v_ids, p_reset_attempts);
  end if;
  return query select absurd.task_uuid(i) from unnest(v_ids) i;
end;
$$;

-- Raises WF036 for params that are no object.
create or replace function absurd.patched_params(p_params jsonb, p_patch jsonb)
  returns jsonb
  language plpgsql immutable
as $$
begin
  if jsonb_typeof(p_params) <> 'object' then
    raise exception using
      errcode = 'WF036',
      message = format('params are %s, expected an object to patch', left(p_params::text, 100));
  end if;
  return (p_params || p_patch)
         - array(select e.key from jsonb_each(p_patch) e where e.value = 'null');
end;
$$;

-- Takes dead tasks off the dead letters: they count as cancelled with the tag Discarded, whose fields
-- hold the error of which they died. Returns those it found. A retry by id brings one back. That is
-- a new end: it is told and counted as such. Raises WF034 when the history of a day is being removed.
-- Locks outcome rows.
create or replace function absurd.discard_dead(
  p_filter jsonb, p_limit integer default 1000, p_dry_run boolean default false,
  p_reason text default 'discarded by request'
)
  returns table (task_id uuid)
  language plpgsql
as $$
declare
  v_ids bigint[] := array(select d.task_id from absurd.find_dead(p_filter, p_limit) d);
begin
  if not p_dry_run then
    -- Whom another call takes off meanwhile is not ours.
    v_ids := array(
      select o.task_id from absurd.outcome o
       where o.task_id = any(v_ids) and o.kind = 'd' order by o.task_id
         for update
    );
    perform absurd.discard_ids(v_ids, p_reason);
  end if;
  return query select absurd.task_uuid(i) from unnest(v_ids) i;
end;
$$;

-- See discard_dead, whose part it is: the caller has locked the outcomes, which are of dead tasks.
create or replace function absurd.discard_ids(p_ids bigint[], p_reason text)
  returns void
  language plpgsql
as $$
begin
  perform absurd.uncount_outcomes(p_ids);
  update absurd.outcome o
     set kind = 'x', fingerprint = null, xid = txid_current(),
         error = absurd.error_json('Discarded', 'cancelled', p_reason)
                 || jsonb_build_object('fields', jsonb_build_object('died_of', o.error))
   where o.task_id = any(p_ids);
end;
$$;

-- Dead tasks by fingerprint, with what people said of each group. A group stays, without tasks, once
-- people said something of it, and keeps its name. state: open, acknowledged, resolved; one whose
-- error comes back after it was resolved is open again. A fingerprint stands for one task name and
-- tag (see absurd.fingerprint), so the newest task says these for its group.
create or replace view absurd.error_groups as
with dead as (
  select g.*, e.*
    from (
      select o.fingerprint, count(*) as tasks, min(o.finished_at) as first_at,
             max(o.finished_at) as last_at, max(o.task_id) as example
        from absurd.outcome o
       where o.kind = 'd' and o.fingerprint is not null
       group by o.fingerprint
    ) g
    cross join lateral (
      select k.name as task_name, o.error ->> 'tag' as tag, o.error ->> 'class' as class,
             o.error ->> 'message' as message
        from absurd.outcome o
        join absurd.task t on t.id = o.task_id
        join absurd.lane l on l.lane_id = t.lane_id
        join absurd.kind k on k.kind_id = l.kind_id
       where o.task_id = g.example offset 0
    ) e
)
select coalesce(d.fingerprint, g.fingerprint) as fingerprint,
       coalesce(d.task_name, g.task_name) as task_name, coalesce(d.tag, g.tag) as tag,
       coalesce(d.tasks, 0) as tasks, d.first_at, d.last_at,
       absurd.task_uuid(d.example) as example_task_id,
       coalesce(d.message, g.message) as example_message,
       case when g.state is null or g.state = 'resolved' and d.last_at > g.at then 'open'
            else g.state end as state,
       g.assignee, g.note, g.at as state_at, coalesce(d.class, g.class) as class
  from dead d
  full join absurd.error_group g on g.fingerprint = d.fingerprint;

-- Says something of a group of errors; null leaves a value as it is, '' empties assignee or note.
-- Raises WF038 for a state that is none.
create or replace function absurd.set_error_group(
  p_fingerprint text, p_state text default null, p_assignee text default null,
  p_note text default null
)
  returns void
  language plpgsql
as $$
declare
  v_group absurd.error_groups;
begin
  if p_state not in ('open', 'acknowledged', 'resolved') then
    raise exception using
      errcode = 'WF038',
      message = format('state is "%s", expected open, acknowledged or resolved', p_state);
  end if;
  select * into v_group from absurd.error_groups g where g.fingerprint = p_fingerprint;
  if not found then
    raise exception using
      errcode = 'WF038',
      message = format('no group of errors has the fingerprint "%s"', p_fingerprint);
  end if;
  insert into absurd.error_group as g (
    fingerprint, state, assignee, note, at, task_name, tag, class, message
  )
  values (p_fingerprint, coalesce(p_state, 'open'), nullif(p_assignee, ''), nullif(p_note, ''),
          absurd.clock(), v_group.task_name, v_group.tag, v_group.class, v_group.example_message)
  on conflict (fingerprint) do update
     set state = coalesce(p_state, g.state), at = absurd.clock(), task_name = excluded.task_name,
         tag = excluded.tag, class = excluded.class, message = excluded.message,
         assignee = nullif(coalesce(p_assignee, g.assignee), ''),
         note = nullif(coalesce(p_note, g.note), '');
end;
$$;

-- Resolves the groups whose every task, with that error in any attempt, has ended otherwise since.
create or replace function absurd.resolve_error_groups()
  returns void
  language sql
as $$
  update absurd.error_group g set state = 'resolved', at = absurd.clock()
   where g.state <> 'resolved'
     and not exists (
           select from absurd.outcome o where o.kind = 'd' and o.fingerprint = g.fingerprint
         )
     and not exists (
           select from absurd.attempt a
            where a.fingerprint = g.fingerprint
              and not exists (select from absurd.outcome o where o.task_id = a.task_id)
         );
$$;

-- Names the queue that hears of each task that dies; null: none.
create or replace function absurd.set_dead_letter_queue(p_queue text)
  returns void
  language sql
as $$
  delete from absurd.dead_letter_queue q where p_queue is null;
  insert into absurd.dead_letter_queue as q (queue)
  select p_queue where p_queue is not null
  on conflict (is_only) do update set queue = excluded.queue where q.queue <> excluded.queue;
$$;

-- For each of the tasks that is dead spawns a task "absurd.dead-letter" in the dead-letter queue,
-- when there is one and that name is registered. Its own deaths are not announced.
create or replace function absurd.announce_dead(p_over bigint[])
  returns void
  language plpgsql
as $$
declare
  v_queue text := (select q.queue from absurd.dead_letter_queue q);
  v_task jsonb;
begin
  if v_queue is null
     or not exists (select from absurd.kind k where k.name = 'absurd.dead-letter') then
    return;
  end if;
  for v_task in
    select jsonb_strip_nulls(jsonb_build_object(
             'task_name', 'absurd.dead-letter', 'queue_name', v_queue,
             'correlation_id', t.correlation_id, 'trace_context', t.trace_context
           )) || jsonb_build_object('params', jsonb_build_object(
             'taskId', absurd.task_uuid(o.task_id), 'taskName', k.name, 'queue', l.queue,
             'attempt', o.claim_no, 'tag', o.error ->> 'tag', 'class', o.error ->> 'class',
             'message', left(o.error ->> 'message', 10000), 'fingerprint', o.fingerprint
           ))
      from absurd.outcome o
      join absurd.task t on t.id = o.task_id
      join absurd.lane l on l.lane_id = t.lane_id
      join absurd.kind k on k.kind_id = l.kind_id
     where o.task_id = any(p_over) and o.kind = 'd' and k.name <> 'absurd.dead-letter'
     order by o.task_id
  loop
    -- A refusal must not keep the task from dying.
    perform absurd.spawn_or_refuse(v_task);
  end loop;
end;
$$;
