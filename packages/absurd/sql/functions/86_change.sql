-- Changes of tasks, for those who follow them. See packages/absurd/src/changes.ts.
--
-- A reader remembers a snapshot: the transactions below p_xmax but for those in p_open
-- were seen.
-- What it has not seen is what other transactions wrote: nothing is lost when one commits late.

-- The transaction that wrote a row, from its xmin and a later transaction's number: xmin has 32 bits.
create or replace function absurd.full_xid(p_xmin xid, p_later bigint)
  returns bigint
  language sql immutable
as $$
  select p_later - ((p_later & 4294967295) - p_xmin::text::bigint & 4294967295);
$$;

-- Ends, attempts that failed and new starts that were written by transactions from p_xmax to before
-- p_to or by those in p_open, in the order of transaction and task, at most p_limit. p_part: of that
-- transaction only what comes after that task. status: completed, failed, cancelled, retrying,
-- pending. Takes no locks.
create or replace function absurd.ends_since(
  p_xmax bigint, p_open bigint[], p_to bigint, p_part absurd.change_place, p_limit integer
)
  returns table (
    xid bigint, task_id bigint, claim_no integer, status text, worker_id integer, error text,
    at timestamptz
  )
  language sql stable
as $$
  with ended as (
    select o.xid, o.task_id, o.claim_no, absurd.end_text(o.kind) as status, o.worker_id,
           o.error ->> 'message' as error, o.finished_at as at
      from absurd.outcome o
     where o.xid >= p_xmax and o.xid < p_to or o.xid = any(p_open)
    union all
    select a.xid, a.task_id, a.claim_no, 'retrying', a.worker_id, a.error ->> 'message',
           a.finished_at
      from (
        select r.* from absurd.attempt r
         where (r.xid >= p_xmax and r.xid < p_to or r.xid = any(p_open)) and r.class <> 'completed'
        offset 0
      ) a
      -- Looked up one by one: a join would read all of history.
      left join lateral (
        select true as is_last from absurd.outcome o
         where o.task_id = a.task_id and o.claim_no = a.claim_no offset 0
      ) e on true
     where e.is_last is null
    union all
    select n.xid, n.task_id, n.claim_no, 'pending', null, null, n.at
      from absurd.new_start n
     where n.xid >= p_xmax and n.xid < p_to or n.xid = any(p_open)
  )
  select e.* from ended e
   where (p_part).xid is null or e.xid <> (p_part).xid
      or (e.task_id, e.claim_no, e.status)
         > ((p_part).task_id, (p_part).claim_no, (p_part).status)
   order by e.xid, e.task_id, e.claim_no, e.status limit p_limit;
$$;

-- What a reader of changes asks for, in one snapshot. Rows of kind 'horizon' (one, always): xid is
-- the snapshot's end, open the transactions below it that go on, at the database's real clock. 'end':
-- see absurd.ends_since, of at most p_window transactions. 'spawn': tasks from number p_from on that
-- transactions from p_xmin on spawned. 'lease': the leases, when there are at most p_leases. Each at
-- most p_limit. p_xmax null: the horizon and the leases only. lane_id and workflow_id are of spawns,
-- which come by the hundred: the others' are looked up, see absurd.change_bodies. Takes no locks.
-- Without jit: before PostgreSQL 18 a plan kind that is off costs so much where no other is left that
-- the statement is compiled, for a second and more.
create or replace function absurd.read_changes(
  p_xmax bigint, p_open bigint[], p_part absurd.change_place, p_window bigint, p_from bigint,
  p_xmin bigint, p_limit integer, p_leases integer
)
  returns table (
    kind text, xid bigint, open bigint[], task_id bigint, claim_no integer, status text,
    worker_id integer, error text, at timestamptz, started_at timestamptz, lane_id integer,
    workflow_id uuid
  )
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set jit = off
as $$
begin
  return query
  with snapshot as materialized (
    select txid_snapshot_xmax(s.snapshot) as xmax,
           array(select x from txid_snapshot_xip(s.snapshot) x order by x) as open
      from (select txid_current_snapshot() as snapshot) s
  )
  select 'horizon', s.xmax, s.open, null::bigint, null::integer, null, null::integer, null,
         clock_timestamp(), pg_postmaster_start_time(), null::integer, null::uuid
    from snapshot s
  union all
  select 'end', e.xid, null, e.task_id, e.claim_no, e.status, e.worker_id, e.error, e.at,
         null, null, null
    from snapshot s
    cross join lateral absurd.ends_since(
      p_xmax, p_open, least(s.xmax, p_xmax + p_window), p_part, p_limit) e
   where p_xmax is not null
  union all
  (select 'spawn', null, null, t.id, 0, 'pending', null, null,
          coalesce(t.created_at, absurd.number_at(t.id)), null, t.lane_id, t.workflow_id
     from absurd.task t
    where p_xmax is not null and t.id >= p_from
      -- No number is of a later time: days to come need not be looked at.
      and t.id < absurd.first_task_number(statement_timestamp() + interval '1 hour')
      and absurd.full_xid(t.xmin, (select s.xmax from snapshot s)) >= p_xmin
    order by t.id limit p_limit)
  union all
  (select 'lease', null, null, l.task_id, l.claim_no, 'claimed', l.worker_id, null, l.claimed_at,
          null, null, null
     from absurd.lease l limit p_leases + 1);
end;
$$;

-- What a change says of its task.
create or replace function absurd.change_bodies(p_ids bigint[])
  returns table (task_id bigint, queue text, task_name text, workflow_id uuid)
  language sql stable
as $$
  select t.id, l.queue, k.name, t.workflow_id
    from unnest(p_ids) i
    cross join lateral (
      select b.id, b.lane_id, b.workflow_id from absurd.task b where b.id = i offset 0
    ) t
    join absurd.lane l on l.lane_id = t.lane_id
    join absurd.kind k on k.kind_id = l.kind_id;
$$;

-- What running tasks reported after a time, oldest first. By way of the leases, which are few.
create or replace function absurd.read_progress(p_after timestamptz, p_limit integer)
  returns table (task_id uuid, fraction real, note text, at timestamptz)
  language sql stable
as $$
  select absurd.task_uuid(l.task_id), p.fraction, p.note, p.at
    from absurd.lease l
    cross join lateral (
      select n.fraction, n.note, n.at from absurd.progress n
       where n.task_id = l.task_id and n.claim_no = l.claim_no offset 0
    ) p
   where p.at > p_after
   order by p.at limit p_limit;
$$;

-- Forgets new starts that every reader has had time to read. Called by the leader.
create or replace function absurd.forget_new_starts(p_limit integer)
  returns void
  language sql
as $$
  delete from absurd.new_start n
   where n.start_id = any(array(
           select o.start_id from absurd.new_start o
            where o.at < absurd.clock() - interval '1 hour' order by o.at limit p_limit));
$$;
