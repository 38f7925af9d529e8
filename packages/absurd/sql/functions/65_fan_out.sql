-- Fan-outs: a node that becomes one task for each element of another node's result.
--
-- for_each: { of: node, path: jsonpath (default "$"), when, otherwise }. The result of `of` at `path`
-- is the list; each element is a task named node[0], node[1], ..., whose params are the node's with
-- {"$element": "a.b"} and {"$index": true} filled in. when and otherwise (as in depends_on) say what
-- the node makes of an element's end. It completes with { count } after all of its elements.

-- Values with references replaced: {"$<key>": "a.b"} by what p_values has under <key> at that path.
-- References to keys that p_values does not have stay. Raises WF018 for a path that is not there.
create or replace function absurd.fill(p_value jsonb, p_values jsonb)
  returns jsonb
  language plpgsql immutable
as $$
declare
  v_key text;
  v_path text;
  v_found jsonb;
begin
  if jsonb_typeof(p_value) = 'array' then
    return (select coalesce(jsonb_agg(absurd.fill(e.value, p_values) order by e.ordinality), '[]')
              from jsonb_array_elements(p_value) with ordinality e);
  end if;
  if jsonb_typeof(p_value) <> 'object' then
    return p_value;
  end if;
  select substr(k, 2) into v_key from jsonb_object_keys(p_value) k where k like '$%' limit 1;
  if v_key is null or not p_values ? v_key then
    return (select coalesce(jsonb_object_agg(e.key, absurd.fill(e.value, p_values)), '{}')
              from jsonb_each(p_value) e);
  end if;
  v_path := case jsonb_typeof(p_value -> ('$' || v_key))
              when 'string' then p_value ->> ('$' || v_key) else '' end;
  v_found := p_values #> (v_key || string_to_array(nullif(v_path, ''), '.'));
  if v_found is null then
    raise exception using
      errcode = 'WF018', message = format('nothing is at "%s" of %s', v_path, v_key);
  end if;
  return v_found;
end;
$$;

-- Takes fan-outs (p_ids null: any) that are in line a step on: spawns their elements, or completes
-- those whose elements are done. Returns how many tasks became ready. Each is done once: whoever
-- removes its ready row does all of it, in the same transaction.
-- One that cannot be expanded fails, with the reason. Locks ready rows, skipping locked ones, then
-- waiting rows.
create or replace function absurd.run_fan_outs(p_ids bigint[], p_limit integer default 1000)
  returns integer
  language plpgsql
as $$
declare
  v_fan record;
  v_count integer;
  v_ready integer := 0;
begin
  for v_fan in
    with due as materialized (
      select r.lane_id, r.seq
        from absurd.lane l
        join absurd.kind k on k.kind_id = l.kind_id and k.name = 'absurd.fan-out'
        join absurd.ready r on r.lane_id = l.lane_id
       where p_ids is null or r.task_id = any(p_ids)
       order by r.seq limit p_limit
         for update of r skip locked
    ),
    taken as (
      delete from absurd.ready r using due d where r.lane_id = d.lane_id and r.seq = d.seq
      returning r.task_id, r.claim_no, r.lane_id
    )
    select t.*, f.element_count from taken t join absurd.fan_out f on f.task_id = t.task_id
     order by t.task_id
  loop
    v_count := v_fan.element_count;
    begin
      if v_count is null then
        v_count := absurd.expand_fan_out(v_fan.task_id, v_fan.claim_no, v_fan.lane_id);
        v_ready := v_ready + v_count;
        continue when v_count > 0;
      end if;
      insert into absurd.outcome (task_id, claim_no, kind, finished_at, result)
      values (v_fan.task_id, v_fan.claim_no, 'c', absurd.clock(),
              jsonb_build_object('count', v_count));
    exception when data_exception or raise_exception or syntax_error_or_access_rule_violation
                or sqlstate 'WF004' or sqlstate 'WF008' or sqlstate 'WF018' then
      insert into absurd.outcome (task_id, claim_no, kind, finished_at, error)
      values (v_fan.task_id, v_fan.claim_no, 'd', absurd.clock(),
              absurd.error_json('FanOutFailed', 'fatal', sqlerrm));
    end;
    v_ready := v_ready + absurd.resolve_dependents(array[v_fan.task_id]);
  end loop;
  return v_ready;
end;
$$;

-- Spawns the elements of a fan-out and makes it wait for them. Returns how many there are.
-- Raises 22023 when its source has no list there or one of more than 10,000 elements.
create or replace function absurd.expand_fan_out(
  p_task_id bigint, p_claim_no integer, p_lane_id integer
)
  returns integer
  language plpgsql
as $$
declare
  v_fan absurd.fan_out;
  v_list jsonb;
  v_tasks jsonb;
begin
  select f.* into v_fan from absurd.fan_out f where f.task_id = p_task_id;
  select jsonb_path_query_first(
           o.result, coalesce(v_fan.spec #>> '{for_each,path}', '$')::jsonpath
         )
    into v_list from absurd.outcome o where o.task_id = v_fan.source;
  if jsonb_typeof(v_list) is distinct from 'array' or jsonb_array_length(v_list) > 10000 then
    raise exception using
      errcode = '22023',
      message = format(
        'the result of %s has %s at %s, expected a list of at most 10000 elements',
        v_fan.spec #>> '{for_each,of}',
        case when jsonb_typeof(v_list) = 'array' then jsonb_array_length(v_list) || ' elements'
             else coalesce(jsonb_typeof(v_list), 'nothing') end,
        coalesce(v_fan.spec #>> '{for_each,path}', '$'));
  end if;
  update absurd.fan_out f set element_count = jsonb_array_length(v_list)
   where f.task_id = p_task_id;
  if v_list = '[]' then
    return 0;
  end if;

  select jsonb_agg(
           (v_fan.spec - 'node' - 'for_each')
           || jsonb_build_object('workflow_id', v_fan.workflow_id, 'params', absurd.fill(
                coalesce(v_fan.spec -> 'params', '{}'),
                jsonb_build_object('element', e.value, 'index', e.ordinality - 1)
              )) order by e.ordinality)
    into v_tasks from jsonb_array_elements(v_list) with ordinality e;
  with spawned as materialized (
    select s.task_index, absurd.task_number(s.task_id) as id from absurd.spawn_tasks(v_tasks) s
  ),
  named as (
    insert into absurd.workflow_node (workflow_id, name, task_id)
    select v_fan.workflow_id, format('%s[%s]', v_fan.node, s.task_index), s.id from spawned s
  )
  insert into absurd.dep (parent, child, cond, otherwise)
  select s.id, p_task_id,
         case v_fan.spec #>> '{for_each,when}' when 'always' then 'a' else 's' end::"char",
         case v_fan.spec #>> '{for_each,otherwise}'
           when 'skip' then 's' when 'continue' then 'c' else 'x' end::"char"
    from spawned s order by s.id
  on conflict do nothing;
  insert into absurd.waiting (child, need, claim_no, lane_id, run_at)
  values (p_task_id, absurd.unmet_count(p_task_id), p_claim_no, p_lane_id, absurd.clock());
  perform absurd.leave_waiting(array[p_task_id]);
  return jsonb_array_length(v_list);
end;
$$;

-- The elements of fan-outs, each with its place.
create or replace function absurd.elements_of(p_fan_outs bigint[])
  returns table (fan_out bigint, element bigint, name text, place integer)
  language sql stable
as $$
  select f.task_id, n.task_id, n.name, (regexp_match(n.name, '\[(\d+)\]$'))[1]::integer
    from absurd.fan_out f
    join absurd.dep d on d.child = f.task_id
    join absurd.workflow_node n on n.task_id = d.parent and n.workflow_id = f.workflow_id
   where f.task_id = any(p_fan_outs) and starts_with(n.name, f.node || '[');
$$;

-- Takes the elements of fan-outs off the workflow, so that these expand again. Returns the elements.
create or replace function absurd.drop_elements(p_fan_outs bigint[])
  returns setof bigint
  language sql
as $$
  with old as materialized (
    select e.fan_out, e.element from absurd.elements_of(p_fan_outs) e
  ),
  again as (
    update absurd.fan_out f set element_count = null where f.task_id = any(p_fan_outs)
  ),
  nameless as (
    delete from absurd.workflow_node n using old o, absurd.fan_out f
     where f.task_id = o.fan_out and n.workflow_id = f.workflow_id and n.task_id = o.element
  ),
  cut as (
    delete from absurd.dep d using old o where d.parent = o.element and d.child = o.fan_out
  )
  select o.element from old o;
$$;
