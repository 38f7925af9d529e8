-- Registers task names with what a spawn needs to know of them; known names are brought up to date.
--
-- p_kinds: [{ task_name, version, queue_name, max_retries, timeout_seconds, params_schema, demand }].
-- demand: what its tasks ask for, as in absurd.spawn_tasks, where they say nothing else.
-- (task_name, version) is a kind; without a version it is the empty one. A version that is new (the
-- last of several) becomes the one that spawns take; registering an older one again changes nothing
-- of that, so a rolling deploy may restart old workers.
-- Writes only what differs, in the order of names, so that workers starting together do not wait
-- for each other in a circle. Whoever brings a new kind waits for others that do. Locks kind rows.
create or replace function absurd.register_kinds(p_kinds jsonb)
  returns table (task_name text, kind_id integer, version text)
  language plpgsql
as $$
#variable_conflict use_column
begin
  if exists (
    select from absurd.given_kinds(p_kinds) g
     where not exists (
             select from absurd.kind k where k.name = g.task_name and k.version = g.version
           )
  ) then
    perform pg_advisory_xact_lock(hashtext('absurd.kind'));
    perform absurd.add_kinds(p_kinds);
  end if;
  update absurd.kind k
     set queue = g.queue, attempts_max = g.attempts_max, timeout_ms = g.timeout_ms,
         params_schema = g.params_schema, demand = g.demand, registered_at = absurd.clock()
    from (
      select d.kind_id, g.*
        from absurd.given_kinds(p_kinds) g
        join absurd.kind d on d.name = g.task_name and d.version = g.version
       where (d.queue, d.attempts_max, d.timeout_ms, d.params_schema, d.demand) is distinct from
             (g.queue, g.attempts_max, g.timeout_ms, g.params_schema, g.demand)
       order by d.name, d.version
         for update of d
    ) g
   where k.kind_id = g.kind_id;
  return query
    select k.name, k.kind_id, k.version
      from absurd.given_kinds(p_kinds) g
      join absurd.kind k on k.name = g.task_name and k.version = g.version;
end;
$$;

create or replace function absurd.given_kinds(p_kinds jsonb)
  returns table (
    task_name text, version text, queue text, attempts_max integer, timeout_ms bigint,
    params_schema jsonb, demand jsonb, place bigint
  )
  language sql stable
as $$
  select distinct on (g.task_name, coalesce(g.version, ''))
         g.task_name, coalesce(g.version, ''), coalesce(g.queue_name, 'default'),
         coalesce(g.max_retries, 3) + 1, (g.timeout_seconds * 1000)::bigint, g.params_schema,
         g.demand, g.place
    from rows from (
           jsonb_to_recordset(p_kinds) as (
             task_name text, version text, queue_name text, max_retries integer,
             timeout_seconds double precision, params_schema jsonb, demand jsonb
           )
         ) with ordinality as g(
           task_name, version, queue_name, max_retries, timeout_seconds, params_schema, demand, place
         )
   order by g.task_name, coalesce(g.version, ''), g.place desc;
$$;

-- Adds the kinds that are not there, each as the current version of its name. The caller holds the
-- lock of new kinds.
create or replace function absurd.add_kinds(p_kinds jsonb)
  returns void
  language plpgsql
as $$
declare
  v_given record;
  v_scope integer;
  v_id integer;
begin
  for v_given in
    select g.* from absurd.given_kinds(p_kinds) g
     where not exists (
             select from absurd.kind k where k.name = g.task_name and k.version = g.version
           )
     order by g.task_name, g.place
  loop
    select min(k.scope) into v_scope from absurd.kind k where k.name = v_given.task_name;
    v_id := nextval(pg_get_serial_sequence('absurd.kind', 'kind_id'));
    update absurd.kind k set current = false where k.name = v_given.task_name and k.current;
    insert into absurd.kind (
      kind_id, name, version, queue, attempts_max, timeout_ms, params_schema, demand, current, scope
    )
    overriding system value
    values (
      v_id, v_given.task_name, v_given.version, v_given.queue, v_given.attempts_max,
      v_given.timeout_ms, v_given.params_schema, v_given.demand, true, coalesce(v_scope, v_id)
    );
  end loop;
end;
$$;

-- Makes a registered version the one that spawns take: for a way back after a deploy.
-- Raises WF004 when there is no such version.
create or replace function absurd.use_version(p_task_name text, p_version text)
  returns void
  language plpgsql
as $$
begin
  perform pg_advisory_xact_lock(hashtext('absurd.kind'));
  if not exists (
    select from absurd.kind k where k.name = p_task_name and k.version = p_version
  ) then
    raise exception using
      errcode = 'WF004',
      message = format('task name %s is not registered',
                       to_jsonb(p_task_name || '@' || p_version));
  end if;
  update absurd.kind k set current = false
   where k.name = p_task_name and k.current and k.version <> p_version;
  update absurd.kind k set current = true
   where k.name = p_task_name and not k.current and k.version = p_version;
end;
$$;
