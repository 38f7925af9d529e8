-- Templates: workflows with typed parameters, kept in versions.
--
-- p_params: [{ name, type, default, required }], type one of string, number, integer, boolean,
-- array, object, any. In p_nodes {"$param": "name.path"} stands for a value.

-- Checks the values given for a template's parameters and fills the defaults. Raises WF018.
create or replace function absurd.bind_params(p_params jsonb, p_values jsonb)
  returns jsonb
  language plpgsql immutable
as $$
declare
  v_bound jsonb := '{}';
  v_param jsonb;
  v_name text;
  v_value jsonb;
begin
  select k into v_name from jsonb_object_keys(p_values) k
   where not exists (
           select from jsonb_array_elements(p_params) p where p.value ->> 'name' = k
         )
   limit 1;
  if found then
    raise exception using
      errcode = 'WF018',
      message = format('parameter "%s" is unknown, expected %s', v_name,
        coalesce((select string_agg(p.value ->> 'name', ', ' order by p.ordinality)
                    from jsonb_array_elements(p_params) with ordinality p), 'none'));
  end if;
  for v_param in select p.value from jsonb_array_elements(p_params) p loop
    v_name := v_param ->> 'name';
    v_value := coalesce(p_values -> v_name, v_param -> 'default');
    if v_value is null then
      if coalesce((v_param ->> 'required')::boolean, true) then
        raise exception using
          errcode = 'WF018', message = format('parameter "%s" is missing', v_name);
      end if;
      v_value := 'null';
    elsif not absurd.has_type(v_value, v_param ->> 'type') then
      raise exception using
        errcode = 'WF018',
        message = format('parameter "%s" is %s, expected %s', v_name, left(v_value::text, 100),
                         v_param ->> 'type');
    end if;
    v_bound := v_bound || jsonb_build_object(v_name, v_value);
  end loop;
  return v_bound;
end;
$$;

create or replace function absurd.has_type(p_value jsonb, p_type text)
  returns boolean
  language sql immutable
as $$
  select case p_type
    when 'any' then true
    when 'integer' then jsonb_typeof(p_value) = 'number' and (p_value #>> '{}')::numeric % 1 = 0
    else jsonb_typeof(p_value) = p_type
  end;
$$;

-- Stores a template and returns its version, which is new only when the content differs from the
-- newest. Waits for a transaction that is defining the same name.
-- Raises WF018 for parameters, names or references that are none, WF005 and WF017 for edges.
create or replace function absurd.define_template(p_name text, p_params jsonb, p_nodes jsonb)
  returns table (version integer, created boolean)
  language plpgsql
as $$
declare
  v_newest absurd.template;
begin
  perform absurd.check_template(p_params, p_nodes);
  perform pg_advisory_xact_lock(hashtext('absurd.template'), hashtext(p_name));
  select t.* into v_newest
    from absurd.template t where t.name = p_name order by t.version desc limit 1;
  if v_newest.params = p_params and v_newest.nodes = p_nodes then
    return query select v_newest.version, false;
    return;
  end if;
  return query
    insert into absurd.template as t (name, version, params, nodes, created_at)
    values (p_name, coalesce(v_newest.version, 0) + 1, p_params, p_nodes, absurd.clock())
    returning t.version, true;
end;
$$;

create or replace function absurd.check_template(p_params jsonb, p_nodes jsonb)
  returns void
  language plpgsql
as $$
declare
  v_bad record;
begin
  select p.value ->> 'name' as name, p.value ->> 'type' as type, p.value -> 'default' as preset
    into v_bad
    from jsonb_array_elements(p_params) p
   where coalesce(p.value ->> 'name', '') !~ '^[A-Za-z_][A-Za-z0-9_]*$'
      or coalesce(p.value ->> 'type', '') <> all (
           array['string', 'number', 'integer', 'boolean', 'array', 'object', 'any'])
      or p.value ? 'default' and not absurd.has_type(p.value -> 'default', p.value ->> 'type')
   limit 1;
  if found then
    raise exception using
      errcode = 'WF018',
      message = format(
        'parameter "%s" has the type "%s"%s, expected a name of letters, digits and _, one of '
        'string, number, integer, boolean, array, object, any, and a default of that type',
        v_bad.name, v_bad.type, coalesce(' and the default ' || v_bad.preset::text, ''));
  end if;
  perform absurd.order_nodes(p_nodes);
  select r #>> '{}' as path into v_bad
    from jsonb_path_query(p_nodes, 'strict $.**.\$param') r
   where not exists (
           select from jsonb_array_elements(p_params) p
            where p.value ->> 'name' = split_part(r #>> '{}', '.', 1)
         )
   limit 1;
  if found then
    raise exception using
      errcode = 'WF018',
      message = format('the nodes refer to a parameter "%s", which is not declared', v_bad.path);
  end if;
end;
$$;

-- The version of a template, the newest when p_version is null. Raises WF019 when there is none.
create or replace function absurd.find_template(p_name text, p_version integer default null)
  returns absurd.template
  language plpgsql stable
as $$
declare
  v_template absurd.template;
begin
  select t.* into v_template
    from absurd.template t
   where t.name = p_name and (p_version is null or t.version = p_version)
   order by t.version desc limit 1;
  if not found then
    raise exception using
      errcode = 'WF019',
      message = format('no template "%s"%s', p_name, coalesce(' of version ' || p_version, ''));
  end if;
  return v_template;
end;
$$;

-- What spawn_template would spawn: the version, the params with defaults, and the nodes in order.
-- Raises WF019 for an unknown template, WF018 for params that do not fit.
create or replace function absurd.plan_template(
  p_name text, p_params jsonb default '{}', p_version integer default null
)
  returns table (version integer, params jsonb, nodes jsonb)
  language plpgsql
as $$
declare
  v_template absurd.template := absurd.find_template(p_name, p_version);
  v_params jsonb := absurd.bind_params(v_template.params, p_params);
  v_nodes jsonb := absurd.fill(v_template.nodes, jsonb_build_object('param', v_params));
begin
  return query
    select v_template.version, v_params, (
             select coalesce(jsonb_agg(v_nodes -> (o.index - 1) order by o.ordinality), '[]')
               from unnest(absurd.order_nodes(v_nodes)) with ordinality as o(index, ordinality)
           );
end;
$$;

-- Spawns a workflow from a template. p_options: { name, idempotency_key, tags }; the name is the
-- template's when none is given. Raises what plan_template and spawn_workflow raise.
create or replace function absurd.spawn_template(
  p_name text, p_params jsonb default '{}', p_version integer default null,
  p_options jsonb default '{}'
)
  returns table (workflow_id uuid, created boolean)
  language sql
as $$
  select s.*
    from absurd.plan_template(p_name, p_params, p_version) p
    cross join lateral absurd.spawn_workflow(
      coalesce(p_options ->> 'name', p_name), p.nodes,
      p_options || jsonb_build_object(
        'template', p_name, 'version', p.version, 'params', p.params
      )
    ) s;
$$;

-- Removes all versions of a template; workflows that came from it stay. Waits for a transaction that
-- defines it. Raises WF019 when there is none, WF003 while a schedule uses it.
create or replace function absurd.delete_template(p_name text)
  returns void
  language plpgsql
as $$
declare
  v_schedule text;
begin
  perform absurd.find_template(p_name);
  perform pg_advisory_xact_lock(hashtext('absurd.template'), hashtext(p_name));
  select s.name into v_schedule
    from absurd.schedule s where s.spawn ->> 'template' = p_name order by s.name limit 1;
  if found then
    raise exception using
      errcode = 'WF003',
      message = format('template "%s" is used by the schedule "%s"; change or remove that first',
                       p_name, v_schedule);
  end if;
  delete from absurd.template t where t.name = p_name;
end;
$$;
