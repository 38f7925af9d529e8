-- Queues: their settings, and how they come to the lanes.
--
-- A queue's row is locked before its lanes: by whoever changes settings (exclusively) and by whoever
-- makes a lane (shared, until the end of its transaction). So a lane that is being made while its
-- queue is paused is paused too: one of the two waits for the other.

-- How much better than its age a lane's tasks rank. Strict: 317 years a step, beyond any age.
create or replace function absurd.lane_boost(
  p_priority smallint, p_mode text, p_aging_seconds double precision
)
  returns double precision
  language sql immutable
as $$
  select p_priority * case p_mode when 'aging' then p_aging_seconds * 1000 else 1e13 end;
$$;

-- Brings the lanes of a queue in step with its settings. The caller holds the queue's row. Locks
-- lane rows; writes only what differs. Returns how many it wrote.
create or replace function absurd.sync_lanes(p_queue text)
  returns integer
  language plpgsql
as $$
declare
  v_count integer;
begin
  update absurd.lane l
     set paused = q.paused, limited = q.running_max is not null,
         guarded = q.draining or q.pending_max is not null,
         boost_ms = absurd.lane_boost(l.priority, q.priority_mode, q.aging_seconds)
    from absurd.queue q
   where q.name = p_queue and l.queue = q.name
     and (l.paused, l.limited, l.guarded, l.boost_ms) is distinct from
         (q.paused, q.running_max is not null, q.draining or q.pending_max is not null,
          absurd.lane_boost(l.priority, q.priority_mode, q.aging_seconds));
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

-- Makes a queue known. Waits for a transaction that is making the same one.
create or replace function absurd.ensure_queue(p_queue text)
  returns void
  language plpgsql
as $$
begin
  if p_queue is null or p_queue !~ '^[^[:cntrl:]]{1,200}$' then
    raise exception using
      errcode = 'WF022',
      message = format('queue is "%s", expected a name of 1 to 200 characters', p_queue);
  end if;
  insert into absurd.queue (name) values (p_queue) on conflict do nothing;
end;
$$;

-- Makes lanes. The rows come in the order of queues, and each queue's row is locked (shared) first.
-- A lane of a fairness key makes its queue a fair one.
create or replace function absurd.make_lanes(
  p_queues text[], p_kinds integer[], p_classes integer[], p_priorities smallint[], p_fair text[]
)
  returns void
  language plpgsql
as $$
declare
  v_queue text;
begin
  for v_queue in select distinct q from unnest(p_queues) q order by q loop
    perform absurd.ensure_queue(v_queue);
    if exists (
      select from unnest(p_queues, p_fair) as w(queue, fair) where w.queue = v_queue and w.fair <> ''
    ) then
      update absurd.queue q set fair = true where q.name = v_queue and not q.fair;
    end if;
    perform from absurd.queue q where q.name = v_queue for share;
    insert into absurd.lane (queue, kind_id, class_id, priority, fair_key, gated, demanding)
    select distinct w.queue, w.kind_id, w.class_id, w.priority, w.fair, c.gated,
           (c.resources, c.required, c.preferred) <> ('{}', '{}', '{}')
      from unnest(p_queues, p_kinds, p_classes, p_priorities, p_fair)
             as w(queue, kind_id, class_id, priority, fair)
      join absurd.class c on c.class_id = w.class_id
     where w.queue = v_queue
     order by 1, 2, 3, 4, 5
    on conflict do nothing;
    perform absurd.sync_lanes(v_queue);
  end loop;
end;
$$;

-- The lane part of a fairness key: one of 64, so that a claim reads so many lanes at most for each
-- queue, task name and priority, whatever keys there are. Tenants whose keys meet share turns.
create or replace function absurd.fair_bucket(p_request jsonb)
  returns text
  language sql immutable
as $$
  select case when p_request ? 'fairness_key'
              then lpad((hashtext(p_request ->> 'fairness_key') & 63)::text, 2, '0') else '' end;
$$;

-- Changes settings of a queue; returns it. p_settings: any of { paused, draining, pending_max,
-- running_max, weight, priority_mode, aging_seconds }; null takes a limit or a weight away, and
-- what is not named stays. Locks the queue's row, then its lanes; waits for transactions that have
-- made lanes of it. Raises WF022 for an unknown setting or a value out of range.
create or replace function absurd.configure_queue(p_queue text, p_settings jsonb)
  returns absurd.queue
  language plpgsql
as $$
declare
  v_queue absurd.queue;
  v_stray text;
begin
  select k into v_stray from jsonb_object_keys(p_settings) k
   where k not in ('paused', 'draining', 'pending_max', 'running_max', 'weight', 'priority_mode',
                   'aging_seconds')
   limit 1;
  if found then
    raise exception using errcode = 'WF022', message = format('queues have no setting %s', v_stray);
  end if;
  perform absurd.ensure_queue(p_queue);
  begin
    update absurd.queue q
       set paused = coalesce((p_settings ->> 'paused')::boolean, q.paused),
           draining = coalesce((p_settings ->> 'draining')::boolean, q.draining),
           pending_max = case when p_settings ? 'pending_max'
                              then (p_settings ->> 'pending_max')::integer else q.pending_max end,
           running_max = case when p_settings ? 'running_max'
                              then (p_settings ->> 'running_max')::integer else q.running_max end,
           weight = case when p_settings ? 'weight'
                         then (p_settings ->> 'weight')::integer else q.weight end,
           priority_mode = coalesce(p_settings ->> 'priority_mode', q.priority_mode),
           aging_seconds = coalesce((p_settings ->> 'aging_seconds')::double precision,
                                    q.aging_seconds)
     where q.name = p_queue
    returning q.* into v_queue;
  exception
    when check_violation or invalid_text_representation or numeric_value_out_of_range then
      raise exception using
        errcode = 'WF022', message = format('settings of queue %s: %s', p_queue, sqlerrm);
  end;
  perform absurd.sync_lanes(p_queue);
  return v_queue;
end;
$$;

-- Takes nothing of a queue from now on; what runs goes on. False when it was paused already.
create or replace function absurd.pause_queue(p_queue text)
  returns boolean
  language plpgsql
as $$
declare
  v_was boolean;
begin
  perform absurd.ensure_queue(p_queue);
  select q.paused into v_was from absurd.queue q where q.name = p_queue for update;
  perform absurd.configure_queue(p_queue, '{"paused": true}');
  return not v_was;
end;
$$;

-- Takes tasks of a queue, and new ones into it, again. False when it was neither paused nor draining.
create or replace function absurd.resume_queue(p_queue text)
  returns boolean
  language plpgsql
as $$
declare
  v_was boolean;
begin
  perform absurd.ensure_queue(p_queue);
  select q.paused or q.draining into v_was from absurd.queue q where q.name = p_queue for update;
  perform absurd.configure_queue(p_queue, '{"paused": false, "draining": false}');
  return v_was;
end;
$$;

-- Says no to a batch that its queues do not take. Called for batches that touch a guarded lane, with
-- the rows whose task is new. What is delayed or waits for other tasks counts when it is ready, not
-- here. Takes advisory locks in the order of queues. Raises as absurd.admit_tasks.
create or replace function absurd.admit_spawns(p_rows absurd.spawn_row[])
  returns void
  language plpgsql
as $$
declare
  v_given record;
begin
  for v_given in
    select r.queue, count(*) filter (
             where r.depends_on is null and r.available_at <= absurd.clock()
           ) as ready
      from unnest(p_rows) r where r.number = r.final
     group by r.queue order by r.queue
  loop
    perform absurd.admit_tasks(v_given.queue, v_given.ready);
  end loop;
end;
$$;

-- Says no when a queue does not take so many more ready tasks.
--
-- Exact: spawns into a queue with pending_max are counted one transaction at a time, which holds its
-- turn (an advisory lock) until it ends. Counts at most pending_max ready rows.
-- Raises WF020 queue full, WF021 queue draining; the detail is JSON.
create or replace function absurd.admit_tasks(p_queue text, p_ready bigint)
  returns void
  language plpgsql
as $$
declare
  v_queue absurd.queue;
  v_count bigint;
begin
  select q.* into v_queue from absurd.queue q where q.name = p_queue;
  if v_queue.draining then
    raise exception using
      errcode = 'WF021',
      message = format('queue %s is draining and takes no new tasks', p_queue),
      detail = jsonb_build_object('queue', p_queue)::text;
  end if;
  if v_queue.pending_max is null or p_ready = 0 then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtext('absurd.queue.pending'), hashtext(p_queue));
  v_count := absurd.count_ready(p_queue, v_queue.pending_max);
  if v_count + p_ready > v_queue.pending_max then
    raise exception using
      errcode = 'WF020',
      message = format('queue %s has %s of at most %s ready tasks and was given %s more',
                       p_queue, v_count, v_queue.pending_max, p_ready),
      detail = jsonb_build_object(
        'queue', p_queue, 'pending_max', v_queue.pending_max,
        'retry_after_seconds', absurd.retry_after(
          p_queue, v_count, v_count + p_ready - v_queue.pending_max)
      )::text;
  end if;
end;
$$;

-- Ready tasks of a queue, counted up to p_max.
create or replace function absurd.count_ready(p_queue text, p_max bigint)
  returns bigint
  language sql stable
as $$
  select count(*)
    from (
      select 1
        from absurd.lane l
        cross join lateral (
          select 1 from absurd.ready r where r.lane_id = l.lane_id limit p_max
        ) r
       where l.queue = p_queue
       limit p_max
    ) found;
$$;

-- When to come again to a full queue: at the pace of late (as many left as stand in it while its
-- oldest task waited) this many places are free by then. 0.05 s to a minute.
create or replace function absurd.retry_after(p_queue text, p_ready bigint, p_places bigint)
  returns double precision
  language sql stable
as $$
  select greatest(0.05, least(60, coalesce(
           extract(epoch from absurd.clock() - min(f.at)) * p_places / nullif(p_ready, 0), 1
         )))::double precision
    from absurd.lane l
    cross join lateral (
      select absurd.ready_at(r.at, r.task_id) as at from absurd.ready r
       where r.lane_id = l.lane_id order by r.seq limit 1
    ) f
   where l.queue = p_queue;
$$;
