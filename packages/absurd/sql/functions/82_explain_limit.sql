-- Why a task does not start, as far as gates, resources and labels are the reason.

-- A number as people write it.
create or replace function absurd.plain_number(p_number numeric)
  returns text
  language sql immutable
as $$
  select trim_scale(p_number)::text;
$$;

-- One row for each gate that a parked task waits at.
-- code: lock, concurrency, rate (the gate is full) or line (others are before it).
-- detail: { name, limit, in_use, ahead, holders, next_at }.
create or replace function absurd.explain_gates(p_task bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  with at_gate as (
    select g, g.kind, g.name, g.slots, g.period_ms, absurd.is_open(g, w.mode) as is_open,
           (
             select count(*) from absurd.gate_wait e
              where e.gate_id = w.gate_id and e.seq < w.seq
           ) as ahead,
           case g.kind when 'rate' then absurd.rate_used(g) else (
             select count(*) from absurd.gate_grant h where h.gate_id = g.gate_id
           ) end as in_use,
           case g.kind when 'rate' then absurd.rate_due_at(g) end as next_at,
           array(
             select absurd.task_uuid(h.task_id)::text
               from absurd.gate_grant h where h.gate_id = g.gate_id order by h.seq limit 5
           ) as holders
      from absurd.gate_wait w join absurd.gate g on g.gate_id = w.gate_id
     where w.task_id = p_task
  )
  select case when a.is_open then 'line' when a.kind = 'key' then 'concurrency' else a.kind end,
         case
           when a.is_open then format(
             '%s %s is open; %s tasks are before it in line', initcap(a.kind), a.name, a.ahead)
           when a.kind = 'lock' then format(
             'It waits for lock %s, held by %s', a.name, array_to_string(a.holders, ', '))
           when a.kind = 'key' then format(
             'Concurrency key %s is at %s of %s, held by %s', a.name, a.in_use, a.slots,
             coalesce(nullif(array_to_string(a.holders, ', '), ''), 'nobody'))
           else format(
             'Rate %s is at %s of %s starts in %s s%s', a.name, a.in_use, a.slots,
             absurd.plain_number(a.period_ms / 1000.0),
             coalesce('; the next slot is free at ' || absurd.time_text(a.next_at), ''))
         end || case when not a.is_open and a.ahead > 0
                     then format('; %s tasks are before it.', a.ahead) else '.' end,
         jsonb_build_object(
           'name', a.name, 'limit', a.slots, 'in_use', a.in_use, 'ahead', a.ahead,
           'holders', a.holders, 'next_at', a.next_at
         )
    from at_gate a
   order by a.is_open, a.kind, a.name;
$$;

-- Rows for a task that is ready or parked and asks for resources or labels.
-- code: labels (no living worker has them), resources (no living worker has as much), busy (some
-- have, not free now), preferred (left to others until then), reserved (a worker keeps room for it).
create or replace function absurd.explain_demand(p_task bigint)
  returns table (code text, message text, detail jsonb)
  language sql stable
as $$
  with asked as (
    select l.lane_id, l.queue, c.resources, c.required, c.preferred, c.prefer_ms,
           coalesce(
             (select p.at from absurd.parked p where p.task_id = t.id),
             (select absurd.ready_at(r.at, r.task_id) from absurd.ready r where r.lane_id = t.lane_id and r.task_id = t.id)
           ) as at
      from absurd.task t
      join absurd.lane l on l.lane_id = t.lane_id and l.demanding
      join absurd.class c on c.class_id = l.class_id
     where t.id = p_task
  ),
  serving as (
    select w.worker_id, w.name, w.capacity, w.labels, absurd.free_resources(w.worker_id) as free,
           w.labels @> a.required as has_labels,
           absurd.fits(a.resources, w.capacity) as has_room
      from asked a
      join absurd.worker w on w.gone_at is null and not w.buried and a.queue = any(w.queues)
  ),
  able as (select * from serving s where s.has_labels and s.has_room),
  verdict as (
    select 'labels' as code,
           format('It requires the labels %s, which no living worker of queue %s has.',
                  a.required, a.queue) as message,
           jsonb_build_object('required', a.required) as detail
      from asked a
     where not exists (select from serving s where s.has_labels)
    union all
    select 'resources',
           format('It needs %s of %s; the most that one worker has is %s.',
                  absurd.plain_number(n.value::numeric), n.key, absurd.plain_number(m.most)),
           jsonb_build_object('resource', n.key, 'needed', n.value::numeric, 'most', m.most)
      from asked a
      cross join lateral jsonb_each_text(a.resources) n
      cross join lateral (
        select coalesce(max((s.capacity ->> n.key)::numeric), 0) as most
          from serving s where s.has_labels
      ) m
     where exists (select from serving s where s.has_labels) and m.most < n.value::numeric
    union all
    select 'resources', format('It needs %s together, which no living worker has.', a.resources),
           jsonb_build_object('needed', a.resources)
      from asked a
     where not exists (select from able)
       and exists (select from serving s where s.has_labels)
       and not exists (
         select from jsonb_each_text(a.resources) n
          where n.value::numeric > coalesce((
            select max((s.capacity ->> n.key)::numeric) from serving s where s.has_labels), 0)
       )
    union all
    select 'busy', format('It needs %s; %s workers have it, none has it free now.', a.resources,
                          (select count(*) from able)),
           jsonb_build_object(
             'needed', a.resources,
             'free', (select jsonb_object_agg(b.name, b.free) from able b)
           )
      from asked a
     where exists (select from able)
       and not exists (select from able b where absurd.fits(a.resources, b.free))
    union all
    select 'preferred',
           format('It is left to workers with the labels %s until %s.', a.preferred,
                  absurd.time_text(a.at + a.prefer_ms * interval '1 millisecond')),
           jsonb_build_object('preferred', a.preferred)
      from asked a
     where a.at + a.prefer_ms * interval '1 millisecond' > absurd.clock()
       and exists (select from serving s where s.labels @> a.preferred)
       and a.preferred <> '{}'
    union all
    select 'reserved', format('Worker %s keeps what it has free for it since %s.', w.name,
                              absurd.time_text(r.at)),
           jsonb_build_object('worker', w.name, 'since', r.at)
      from absurd.reservation r join absurd.worker w on w.worker_id = r.worker_id
     where r.task_id = p_task and w.gone_at is null
  )
  select v.code, v.message, v.detail from verdict v, asked a where a.at is not null;
$$;
