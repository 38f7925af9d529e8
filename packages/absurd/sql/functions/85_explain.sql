-- Why a task is not running. One function a reason, each with the same columns: code for programs,
-- message for people (a plain sentence), detail with the numbers. A reason that does not hold gives
-- no row.

-- True while a worker's lease has not run out.
create or replace function absurd.is_alive(p_worker absurd.worker)
  returns boolean
  language sql stable
as $$
  select p_worker.gone_at is null
     and p_worker.beat_at + p_worker.lease_ms * interval '1 millisecond' >= absurd.clock();
$$;

-- It has ended.
create or replace function absurd.explain_end(p_task_number bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  select 'ended',
         case o.kind
           when 'c' then format('It completed at %s.', absurd.time_text(o.finished_at))
           when 'd' then format('It failed for good at %s: %s. A retry gives it a new start.',
                                absurd.time_text(o.finished_at), o.error ->> 'message')
           else format('It was cancelled at %s: %s.',
                       absurd.time_text(o.finished_at), o.error ->> 'message')
         end,
         jsonb_build_object('kind', o.kind, 'finished_at', o.finished_at)
    from absurd.outcome o where o.task_id = p_task_number;
$$;

-- A worker runs it.
create or replace function absurd.explain_lease(p_task_number bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  select 'running',
         format('It is running: worker %s (%s) has had it since %s, attempt %s.',
                s.worker_id, w.name, absurd.time_text(s.claimed_at), s.claim_no)
         || case when absurd.is_alive(w) then ''
                 else ' That worker has stopped beating; recovery will give the task back.' end,
         jsonb_build_object('worker_id', s.worker_id, 'worker', w.name, 'attempt', s.claim_no,
                            'claimed_at', s.claimed_at)
    from absurd.lease s join absurd.worker w on w.worker_id = s.worker_id
   where s.task_id = p_task_number;
$$;

-- It was spawned for later, or waits before its next attempt.
create or replace function absurd.explain_deferred(p_task_number bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  select case when a.claim_no is null then 'delayed' else 'back-off' end,
         case
           when d.run_at <= absurd.clock() then
             format('It fell due at %s; the leading worker moves it to its queue in its next round.',
                    absurd.time_text(d.run_at))
           when a.claim_no is null then
             format('It is delayed until %s.', absurd.time_text(d.run_at))
           else format('Attempt %s failed (%s); the next is due at %s.', a.claim_no,
                       a.error ->> 'message', absurd.time_text(d.run_at))
         end,
         jsonb_build_object('run_at', d.run_at, 'attempt', a.claim_no)
    from absurd.deferred d
    left join lateral (
      select x.claim_no, x.error from absurd.attempt x
       where x.task_id = d.task_id and x.claim_no = d.claim_no
    ) a on true
   where d.task_id = p_task_number;
$$;

-- It depends on tasks that have not completed; names ten of them.
create or replace function absurd.explain_waiting(p_task_number bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  select 'waiting',
         format('It waits for %s %s: %s%s.', w.need,
                case w.need when 1 then 'task' else 'tasks' end,
                (select string_agg(format('%s %s (%s)', x.name, x.task_id, x.status), ', ')
                   from jsonb_to_recordset(p.parents)
                          as x(name text, task_id uuid, status text)),
                case when w.need > jsonb_array_length(p.parents) then ', ...' else '' end),
         jsonb_build_object('unmet', w.need, 'parents', p.parents)
    from absurd.waiting w
    cross join lateral (
      select coalesce(jsonb_agg(jsonb_build_object(
               'task_id', v.task_id, 'name', v.task_name, 'status', v.status)), '[]') as parents
        from (
          select t.task_id, t.task_name, t.status
            from absurd.dep d join absurd.tasks t on t.task_number = d.parent
           where d.child = w.child and t.status <> 'completed'
           order by d.parent limit 10
        ) v
    ) p
   where w.child = p_task_number
     and not exists (
           select from absurd.wait_event e where e.task_id = w.child and e.claim_no = w.claim_no
         );
$$;

-- Its queue is paused, or draining (which keeps no task from running), or runs as many as it may.
create or replace function absurd.explain_queue(p_task_number bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  select r.code, r.message, jsonb_build_object('queue', q.name) || r.detail
    from absurd.task t
    join absurd.lane l on l.lane_id = t.lane_id
    join absurd.queue q on q.name = l.queue
    cross join lateral (
      select 'queue-paused' as code,
             format('Queue %s is paused; nothing of it is claimed until it is resumed.', q.name)
               as message, '{}'::jsonb as detail
       where q.paused
      union all
      select 'queue-draining',
             format('Queue %s is draining: it takes no new tasks, this one will still run.', q.name),
             '{}'
       where q.draining
      union all
      select 'queue-limit',
             format('Queue %s runs %s of at most %s tasks.', q.name, c.running, q.running_max),
             jsonb_build_object('running', c.running, 'running_max', q.running_max)
        from absurd.count_running(q.name, q.running_max) c(running)
       where c.running >= q.running_max
    ) r
   where t.id = p_task_number;
$$;

-- No worker that is alive can run it, or all that can are busy.
create or replace function absurd.explain_workers(p_task_number bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  with wanted as (
    select l.queue, l.kind_id, absurd.kind_text(k.name, k.version) as kind
      from absurd.task t
      join absurd.lane l on l.lane_id = t.lane_id
      join absurd.kind k on k.kind_id = l.kind_id
     where t.id = p_task_number
  ),
  serving as materialized (
    select w.worker_id, w.name, w.concurrency, s.kind as asked,
           x.kind_id = any(w.kinds) or w.kinds = '{}' as knows,
           (select count(*) from absurd.lease o where o.worker_id = w.worker_id) as running
      from wanted x
      join absurd.worker w on x.queue = any(w.queues)
      left join lateral (
        select max(g.kind) as kind from absurd.worker_signal g where g.worker_id = w.worker_id
      ) s on true
     where w.gone_at is null and absurd.is_alive(w)
  ),
  found as materialized (
    select count(*) as serving, count(*) filter (where s.knows) as knowing,
           count(*) filter (where s.knows and s.asked is null) as open,
           coalesce(sum(s.concurrency) filter (where s.knows and s.asked is null), 0) as places,
           coalesce(sum(s.running) filter (where s.knows and s.asked is null), 0) as running,
           count(*) filter (where s.knows and s.asked is null and s.running < s.concurrency)
             as idle,
           string_agg(s.name, ', ' order by s.name) as names
      from serving s
  )
  select r.code, r.message,
         jsonb_build_object('queue', x.queue, 'kind', x.kind, 'serving', f.serving,
                            'knowing', f.knowing, 'running', f.running, 'places', f.places)
    from wanted x
    cross join found f
    cross join lateral (
      select case when f.serving = 0 then 'no-worker' when f.knowing = 0 then 'unknown-kind'
                  when f.open = 0 then 'workers-draining' else 'workers-busy' end as code,
             case
               when f.serving = 0 then format('No live worker serves queue %s.', x.queue)
               when f.knowing = 0 then
                 format('No live worker of queue %s knows %s; it is served by %s.', x.queue, x.kind,
                        f.names)
               when f.open = 0 then
                 format('The workers that know %s have been asked to drain or stop.', x.kind)
               else format('The workers that know %s are busy: they run %s tasks in %s places.',
                           x.kind, f.running, f.places)
             end as message
    ) r
   where f.idle = 0;
$$;

-- How many ready tasks of its queue rank before it, counted up to 10,000.
create or replace function absurd.explain_line(p_task_number bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  with own as materialized (
    select l.queue, l.lane_id, r.seq, absurd.ready_ms(r.at, r.task_id) - l.boost_ms as rank
      from absurd.task t
      join absurd.lane l on l.lane_id = t.lane_id
      join absurd.ready r on r.lane_id = l.lane_id and r.task_id = t.id
     where t.id = p_task_number
  ),
  ahead as materialized (
    select count(*) as n, count(*) filter (where f.lane_id = f.own_lane) as in_lane
      from (
        select l.lane_id, o.lane_id as own_lane
          from own o
          join absurd.lane l on l.queue = o.queue and not l.paused
          join absurd.ready r on r.lane_id = l.lane_id
         where case when l.lane_id = o.lane_id then r.seq < o.seq
                    else absurd.ready_ms(r.at, r.task_id) - l.boost_ms < o.rank end
         limit 10000
      ) f
  )
  select 'in-line',
         case when a.n = 0 then format('It is next in line in queue %s.', o.queue)
              else format('%s%s %s ahead of it in queue %s, %s of them of the same task name and '
                          'priority.', case when a.n = 10000 then 'More than ' else '' end, a.n,
                          case a.n when 1 then 'task is' else 'tasks are' end, o.queue, a.in_lane)
         end,
         jsonb_build_object('queue', o.queue, 'ahead', a.n, 'ahead_in_lane', a.in_lane)
    from own o cross join ahead a;
$$;

-- The event that a suspended task waits for.
create or replace function absurd.explain_event(p_task bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  select 'event',
         format('It waits for event "%s"', e.name)
         || case when e.wake_at is null then '.'
                 else format(', at most until %s.', absurd.time_text(e.wake_at)) end,
         jsonb_build_object('event', e.name, 'until', e.wake_at)
    from absurd.wait_event e
    join absurd.waiting w on w.child = e.task_id and w.claim_no = e.claim_no
   where e.task_id = p_task;
$$;

-- The reasons, most telling first. None for a task that does not exist. Reads the task's lane when it
-- is ready; for people, not for loops. Asks only what can hold where the task is, each question a
-- statement of its own, whose plan is kept.
create or replace function absurd.explain_task(p_task_id uuid)
  returns table (code text, message text, detail jsonb)
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_task bigint := absurd.task_number(p_task_id);
  v_place text := (select p.place from absurd.locate_task(v_task) p);
begin
  case v_place
    when 'completed', 'failed', 'cancelled' then
      return query select * from absurd.explain_end(v_task);
    when 'lease' then
      return query select * from absurd.explain_lease(v_task);
    when 'deferred' then
      return query select * from absurd.explain_endless(v_task);
      return query select * from absurd.explain_deferred(v_task);
    when 'waiting' then
      return query select * from absurd.explain_endless(v_task);
      return query select * from absurd.explain_waiting(v_task);
      return query select * from absurd.explain_event(v_task);
    when 'parked' then
      return query select * from absurd.explain_endless(v_task);
      return query select * from absurd.explain_gates(v_task);
    when 'ready' then
      return query select * from absurd.explain_queue(v_task);
      return query select * from absurd.explain_demand(v_task);
    else
      return;
  end case;
  if v_place in ('ready', 'deferred', 'waiting', 'parked') then
    return query select * from absurd.explain_workers(v_task);
  end if;
  if v_place = 'ready' then
    return query select * from absurd.explain_line(v_task);
  end if;
end;
$$;
