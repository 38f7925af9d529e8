-- Workers as people see them, and what people ask of them.

create or replace function absurd.kind_text(p_name text, p_version text)
  returns text
  language sql immutable
as $$
  select p_name || case when p_version <> '' then '@' || p_version else '' end;
$$;

-- Notes which kinds a worker can run: for people, and for absurd.explain_task. A worker that never
-- says so counts as one that can run any. Locks its row.
create or replace function absurd.announce_kinds(
  p_worker_id integer, p_epoch bigint, p_kinds integer[]
)
  returns void
  language sql
as $$
  update absurd.worker w set kinds = p_kinds
   where w.worker_id = p_worker_id and w.epoch = p_epoch and w.gone_at is null;
$$;

-- Asks a worker to drain (claim nothing, stay) or to stop (end, as on SIGTERM). It hears of it with
-- its next beat. Raises WF023 when no such worker is alive, 22023 for another request.
create or replace function absurd.ask_worker(
  p_worker_id integer, p_kind text, p_grace_seconds double precision default 30
)
  returns void
  language plpgsql
as $$
begin
  if p_kind not in ('drain', 'stop') then
    raise exception using
      errcode = '22023', message = format('request is "%s", expected drain or stop', p_kind);
  end if;
  perform absurd.assert_alive(p_worker_id);
  insert into absurd.worker_signal (worker_id, kind, grace_seconds)
  values (p_worker_id, p_kind, p_grace_seconds)
  on conflict do nothing;
end;
$$;

-- Takes a request to drain back. Raises WF023 when no such worker is alive.
create or replace function absurd.resume_worker(p_worker_id integer)
  returns void
  language plpgsql
as $$
begin
  perform absurd.assert_alive(p_worker_id);
  delete from absurd.worker_signal s where s.worker_id = p_worker_id and s.kind = 'drain';
end;
$$;

create or replace function absurd.assert_alive(p_worker_id integer)
  returns void
  language plpgsql
as $$
begin
  if not exists (
    select from absurd.worker w where w.worker_id = p_worker_id and w.gone_at is null
  ) then
    raise exception using
      errcode = 'WF023', message = format('no worker %s is registered and alive', p_worker_id);
  end if;
end;
$$;

-- Requests to workers that are gone. Called by the leader.
create or replace function absurd.forget_worker_signals()
  returns void
  language sql
as $$
  delete from absurd.worker_signal s
   where not exists (
           select from absurd.worker w where w.worker_id = s.worker_id and w.gone_at is null
         );
$$;

-- Every worker that is registered, with what it runs. beat_age_seconds past lease_seconds: it will be
-- declared dead.
create or replace function absurd.list_workers()
  returns table (
    worker_id integer, name text, host text, pid integer, version text, queues text[],
    concurrency integer, kinds text[], started_at timestamptz, beat_age_seconds double precision,
    lease_seconds double precision, asked text, tasks jsonb, memory_bytes bigint
  )
  language sql stable
as $$
  select w.worker_id, w.name, w.host, w.pid, w.version, w.queues, w.concurrency,
         array(
           select absurd.kind_text(k.name, k.version) from absurd.kind k
            where k.kind_id = any(w.kinds) order by 1
         ),
         w.started_at, extract(epoch from absurd.clock() - w.beat_at)::double precision,
         w.lease_ms / 1000.0::double precision,
         (select max(s.kind) from absurd.worker_signal s where s.worker_id = w.worker_id),
         coalesce(t.tasks, '[]'), w.memory_bytes
    from absurd.worker w
    left join lateral (
      select jsonb_agg(jsonb_build_object(
               'taskId', absurd.task_uuid(s.task_id),
               'taskName', absurd.kind_text(k.name, k.version),
               'attempt', s.claim_no, 'claimedAt', s.claimed_at
             ) order by s.claimed_at, s.task_id) as tasks
        from absurd.lease s
        join absurd.lane l on l.lane_id = s.lane_id
        join absurd.kind k on k.kind_id = l.kind_id
       where s.worker_id = w.worker_id
    ) t on true
   where w.gone_at is null and not w.buried
   order by w.worker_id;
$$;
