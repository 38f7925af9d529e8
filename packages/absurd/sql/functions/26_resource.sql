-- Resources and labels. What a worker has free is its capacity less what the leases it holds ask
-- for, so it is right for workers in any language, after a crash and after a lost connection. A
-- claim takes no more of any resource than is free, and only tasks whose labels the worker has.

-- Says what a worker has. Raises WF002 when it was declared dead, WF025 for what is no capacity.
create or replace function absurd.describe_worker(
  p_worker_id integer, p_epoch bigint, p_capacity jsonb, p_labels jsonb
)
  returns void
  language plpgsql
as $$
begin
  perform absurd.check_demand(jsonb_build_object(
    'resources', p_capacity, 'labels', jsonb_build_object('required', p_labels)
  ));
  update absurd.worker w set capacity = p_capacity, labels = p_labels
   where w.worker_id = p_worker_id and w.epoch = p_epoch;
  perform absurd.assert_worker(p_worker_id, p_epoch);
end;
$$;

-- Says of which lanes a worker runs attempts that were told to stop, one entry an attempt. What they
-- ask for is not free until the worker says so: a lease may go before its handler does, and a worker
-- that comes back under another number brings its handlers with it. While such an attempt has its
-- lease, too, it counts twice: little is claimed for the moment, never too much.
-- Raises WF002 when it was declared dead.
create or replace function absurd.occupy_worker(
  p_worker_id integer, p_epoch bigint, p_lanes integer[]
)
  returns void
  language plpgsql
as $$
begin
  update absurd.worker w
     set occupied = (
           select jsonb_object_agg(u.key, u.amount)
             from (
               select r.key, sum(r.value::numeric) as amount
                 from unnest(p_lanes) o(lane_id)
                 join absurd.lane n on n.lane_id = o.lane_id
                 join absurd.class c on c.class_id = n.class_id
                 cross join lateral jsonb_each_text(c.resources) r
                group by r.key
             ) u
         )
   where w.worker_id = p_worker_id and w.epoch = p_epoch;
  perform absurd.assert_worker(p_worker_id, p_epoch);
end;
$$;

-- True when p_free holds what p_need asks for; what it does not name it has none of.
create or replace function absurd.fits(p_need jsonb, p_free jsonb)
  returns boolean
  language sql immutable
as $$
  select not exists (
    select from jsonb_each_text(p_need) n
     where n.value::numeric > coalesce((p_free ->> n.key)::numeric, 0)
  );
$$;

-- What is left of p_free when p_need is set aside, never below nothing.
create or replace function absurd.less(p_free jsonb, p_need jsonb)
  returns jsonb
  language sql immutable
as $$
  select coalesce(jsonb_object_agg(
           f.key, greatest(0, f.value::numeric - coalesce((p_need ->> f.key)::numeric, 0))
         ), '{}')
    from jsonb_each_text(p_free) f;
$$;

-- What a worker has free: its capacity less what it holds, and what handlers without a lease use.
create or replace function absurd.free_resources(p_worker_id integer)
  returns jsonb
  language sql stable
as $$
  with used as (
    select r.key, sum(r.value::numeric) as amount
      from absurd.lease l
      join absurd.lane n on n.lane_id = l.lane_id and n.demanding
      join absurd.class c on c.class_id = n.class_id
      cross join lateral jsonb_each_text(c.resources) r
     where l.worker_id = p_worker_id
     group by r.key
  )
  select absurd.less(
           absurd.less(w.capacity, w.occupied),
           (select jsonb_object_agg(u.key, u.amount) from used u)
         )
    from absurd.worker w where w.worker_id = p_worker_id;
$$;

-- True when some lane of these asks for resources or labels: the others pay this look and no more.
create or replace function absurd.has_demanding_lanes(p_queues text[], p_kinds integer[])
  returns boolean
  language sql stable
as $$
  select exists (
    select from absurd.lane l
     where l.demanding and l.queue = any(p_queues) and l.kind_id = any(p_kinds)
  );
$$;

-- The heads of the demanding lanes that a worker could run when it is empty. A task that prefers
-- other workers is left to them for its prefer_ms, as long as one of them lives.
create or replace function absurd.demanding_heads(
  p_worker_id integer, p_queues text[], p_kinds integer[], p_hint_lanes integer[], p_hints bigint[]
)
  returns setof absurd.demanding_head
  language sql stable
as $$
  select l.lane_id, h.task_id, c.resources, h.at,
         date_part('epoch', h.at) * 1000 - l.boost_ms, not (w.labels @> c.preferred)
    from absurd.lane l
    join absurd.class c on c.class_id = l.class_id
    join absurd.worker w on w.worker_id = p_worker_id
    cross join lateral (
      select r.task_id, absurd.ready_at(r.at, r.task_id) as at from absurd.ready r
       where r.lane_id = l.lane_id and r.seq >= coalesce(p_hints[array_position(p_hint_lanes, l.lane_id)], 0)
       order by r.seq limit 1
    ) h
   where l.demanding and not l.paused and l.queue = any(p_queues) and l.kind_id = any(p_kinds)
     and w.labels @> c.required
     and absurd.fits(c.resources, w.capacity)
     and (
       w.labels @> c.preferred
       or h.at + c.prefer_ms * interval '1 millisecond' <= absurd.clock()
       or not exists (
         select from absurd.worker o
          where not o.buried and o.gone_at is null and o.labels @> c.preferred
       )
     );
$$;

-- How long the head of a lane waits for room before a worker keeps what it has free for it.
create or replace function absurd.reserve_after()
  returns interval
  language sql immutable
as $$
  select interval '10 seconds';
$$;

-- Keeps, makes or drops this worker's reservation: one worker for the head of a lane that waited
-- long and does not fit what is free, when tasks that come after it would take that. Returns the head it is for, null when there is none. Waits for
-- a worker that is reserving for the same lane. One of a worker that is gone holds nothing.
create or replace function absurd.hold_reservation(
  p_worker_id integer, p_heads absurd.demanding_head[], p_free jsonb
)
  returns absurd.demanding_head
  language plpgsql
as $$
declare
  v_kept absurd.demanding_head;
begin
  select h.* into v_kept
    from absurd.reservation r
    join unnest(p_heads) h on h.lane_id = r.lane_id and h.task_id = r.task_id
   where r.worker_id = p_worker_id;
  if found then
    return v_kept;
  end if;
  delete from absurd.reservation r where r.worker_id = p_worker_id;
  select h.* into v_kept
    from unnest(p_heads) h
   where not absurd.fits(h.resources, p_free) and h.at + absurd.reserve_after() < absurd.clock()
     and not exists (
       select from absurd.reservation r
         join absurd.worker w on w.worker_id = r.worker_id and w.gone_at is null
        where r.lane_id = h.lane_id and r.task_id = h.task_id
     )
     -- As long as nobody would take its room, there is none to keep.
     and exists (
       select from unnest(p_heads) o
        where o.rank > h.rank and absurd.fits(o.resources, p_free)
          and not absurd.fits(o.resources, absurd.less(p_free, h.resources))
     )
   order by h.rank limit 1;
  if not found then
    return null;
  end if;
  delete from absurd.reservation r
   where r.lane_id = v_kept.lane_id
     and (
       r.task_id <> v_kept.task_id
       or not exists (
         select from absurd.worker w where w.worker_id = r.worker_id and w.gone_at is null
       )
     );
  insert into absurd.reservation (lane_id, worker_id, task_id, at)
  values (v_kept.lane_id, p_worker_id, v_kept.task_id, absurd.clock())
  on conflict do nothing;
  if not found then
    return null;
  end if;
  return v_kept;
end;
$$;

-- Claims as absurd.claim does, from demanding lanes, too, as long as their tasks fit.
--
-- What is reserved is not free for tasks that come after the one it is for; with nothing reserved it
-- takes as many at once as fit whichever they are, looks again, and goes on until full.
-- Locks the worker's room (advisory), reservation rows, ready rows.
create or replace function absurd.claim_fitting(
  p_worker_id integer, p_epoch bigint, p_queues text[], p_kinds integer[],
  p_hint_lanes integer[], p_hints bigint[], p_limit integer
)
  returns table (
    task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer,
    attempts_max integer, timeout_ms bigint, params text, trace_context text
  )
  language plpgsql
as $$
declare
  v_left integer := p_limit;
  v_free jsonb;
  v_heads absurd.demanding_head[];
  v_kept absurd.demanding_head;
  v_count integer;
  v_got integer;
  v_shared boolean := absurd.shares_claims(p_queues);
begin
  -- One claim of a worker at a time: each must see what the one before it took.
  perform pg_advisory_xact_lock(hashtext('absurd.room'), p_worker_id);
  while v_left > 0 loop
    v_free := absurd.free_resources(p_worker_id);
    v_heads := array(
      select h from absurd.demanding_heads(
        p_worker_id, p_queues, p_kinds, p_hint_lanes, p_hints) h
    );
    v_kept := absurd.hold_reservation(p_worker_id, v_heads, v_free);
    v_heads := array(
      select h from unnest(v_heads) h
       where absurd.fits(
               h.resources,
               case when v_kept.lane_id is null or h.rank <= v_kept.rank then v_free
                    else absurd.less(v_free, v_kept.resources) end
             )
    );
    v_count := least(v_left, case
      when v_kept.lane_id is not null then 1 else absurd.room_for(v_heads, v_free) end);
    return query
      select c.*
        from absurd.claim(
          p_worker_id, p_epoch, p_queues, p_kinds, p_hint_lanes, p_hints, v_count, v_shared,
          array(select h.lane_id from unnest(v_heads) h)
        ) c;
    get diagnostics v_got = row_count;
    exit when v_got < v_count;
    v_left := v_left - v_got;
  end loop;
end;
$$;

-- How many tasks fit for sure when each may be of any of these lanes.
create or replace function absurd.room_for(p_heads absurd.demanding_head[], p_free jsonb)
  returns integer
  language sql immutable
as $$
  select case when bool_or(h.is_reluctant) then 1 else coalesce(
           (
             select least(1000000, min(floor((p_free ->> n.key)::numeric / n.amount)))::integer
               from (
                 select r.key, max(r.value::numeric) as amount
                   from unnest(p_heads) e cross join lateral jsonb_each_text(e.resources) r
                  group by r.key
               ) n
           ), 1000000) end
    from unnest(p_heads) h;
$$;
