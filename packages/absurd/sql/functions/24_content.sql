-- Content that is spawned once in a window.

-- JSON as text that is the same for equal values: keys sorted, numbers without trailing zeros.
create or replace function absurd.canonical_json(p jsonb)
  returns text
  language plpgsql immutable strict parallel safe
as $$
begin
  return case jsonb_typeof(p)
    when 'object' then '{' || coalesce((
      select string_agg(to_json(e.key)::text || ':' || absurd.canonical_json(e.value), ','
                        order by e.key collate "C")
        from jsonb_each(p) e), '') || '}'
    when 'array' then '[' || coalesce((
      select string_agg(absurd.canonical_json(e.value), ',' order by e.ordinality)
        from jsonb_array_elements(p) with ordinality e), '') || ']'
    when 'number' then trim_scale((p #>> '{}')::numeric)::text
    else p::text
  end;
end;
$$;

-- What names the content of a task within its kind: a hash over the window, what is compared, and
-- the canonical form of that. p_dedupe: { window_seconds, by: "params" or paths such as "tile.id" }.
create or replace function absurd.content_key(p_params jsonb, p_dedupe jsonb)
  returns text
  language sql immutable
as $$
  select 'sha256:' || encode(sha256(convert_to(absurd.canonical_json(jsonb_build_array(
           p_dedupe -> 'window_seconds',
           case when jsonb_typeof(p_dedupe -> 'by') = 'array'
                then (select jsonb_object_agg(b.path, p_params #> string_to_array(b.path, '.'))
                        from jsonb_array_elements_text(p_dedupe -> 'by') as b(path))
                else p_params end
         )), 'UTF8')), 'hex');
$$;

-- Gives each of the rows that ask for it, and whose content was spawned in the window before, the
-- number of that task. Others with the same content wait until this transaction is over: each takes
-- the advisory lock of its content, all in one order. The window slides; it is looked for in the
-- bucket of now and in the one before.
create or replace function absurd.match_contents(p_rows absurd.spawn_row[], p_now timestamptz)
  returns absurd.spawn_row[]
  language plpgsql
as $$
declare
  v_rows absurd.spawn_row[] := p_rows;
  v_row absurd.spawn_row;
  v_key text;
  v_seconds double precision;
  v_bucket bigint;
  v_known bigint;
begin
  perform pg_advisory_xact_lock(l.lock)
    from (
      select distinct hashtextextended(
               absurd.content_key(r.params::jsonb, r.request -> 'dedupe'), r.kind_id) as lock
        from unnest(p_rows) r where jsonb_typeof(r.request -> 'dedupe') = 'object'
       order by 1
    ) l;
  for v_at in 1..cardinality(v_rows) loop
    v_row := v_rows[v_at];
    continue when jsonb_typeof(v_row.request -> 'dedupe') is distinct from 'object';
    v_key := absurd.content_key(v_row.params::jsonb, v_row.request -> 'dedupe');
    v_seconds := (v_row.request #>> '{dedupe,window_seconds}')::double precision;
    -- Bucket 0 is of idempotency keys.
    v_bucket := floor(extract(epoch from p_now) / v_seconds) + 1;
    select d.task_id into v_known
      from absurd.dedup d
     where d.scope = v_row.kind_id and d.key = v_key and d.bucket in (v_bucket, v_bucket - 1)
       and d.expires_at > p_now + make_interval(secs => v_seconds)
     order by d.bucket desc limit 1;
    if found then
      v_row.final := v_known;
      v_rows[v_at] := v_row;
    else
      insert into absurd.dedup as d (scope, key, bucket, task_id, expires_at)
      values (v_row.kind_id, v_key, v_bucket, v_row.number,
              p_now + make_interval(secs => 2 * v_seconds))
      on conflict on constraint dedup_pkey do update
         set task_id = excluded.task_id, expires_at = excluded.expires_at;
    end if;
  end loop;
  return v_rows;
end;
$$;
