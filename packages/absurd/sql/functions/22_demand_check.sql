-- What a task may ask for: the demand in a request, and what is wrong with it.

-- The demand in a spawn's request or a kind's registration, other keys left out.
create or replace function absurd.demand_in(p_request jsonb)
  returns jsonb
  language sql immutable
as $$
  select coalesce(jsonb_object_agg(e.key, e.value), '{}')
    from jsonb_each(p_request) e
   where e.key in ('concurrency', 'locks', 'rate', 'hold', 'resources', 'labels')
     and e.value <> 'null';
$$;

-- Raises WF025, naming field, value and expectation.
create or replace function absurd.refuse_demand(p_field text, p_value jsonb, p_expected text)
  returns void
  language plpgsql
as $$
begin
  raise exception using
    errcode = 'WF025',
    message = format('%s is %s, expected %s', p_field, coalesce(p_value::text, 'missing'), p_expected);
end;
$$;

-- Raises WF025 for a demand that cannot be understood.
create or replace function absurd.check_demand(p_demand jsonb)
  returns void
  language plpgsql
as $$
declare
  v_field text;
  v_value jsonb;
  v_expected text;
begin
  for v_field, v_value in select * from jsonb_each(p_demand) loop
    if v_field in ('concurrency', 'locks', 'rate') and jsonb_typeof(v_value) <> 'array' then
      perform absurd.refuse_demand(v_field, v_value, 'a list');
    elsif v_field in ('resources', 'labels') and jsonb_typeof(v_value) <> 'object' then
      perform absurd.refuse_demand(v_field, v_value, 'an object');
    elsif v_field = 'hold' and jsonb_typeof(v_value) <> 'boolean' then
      perform absurd.refuse_demand(v_field, v_value, 'true or false');
    end if;
  end loop;
  if p_demand -> 'hold' = 'true' and not p_demand ?| array['concurrency', 'locks'] then
    perform absurd.refuse_demand('hold', 'true', 'concurrency or locks beside it');
  end if;
  select c.field, c.value, c.expected into v_field, v_value, v_expected
    from absurd.demand_checks(p_demand) c where not coalesce(c.fine, false) limit 1;
  if found then
    perform absurd.refuse_demand(v_field, v_value, v_expected);
  end if;
end;
$$;

-- Every value of a demand whose parts have the right JSON types, and whether it is fine.
create or replace function absurd.demand_checks(p_demand jsonb)
  returns table (field text, value jsonb, expected text, fine boolean)
  language sql immutable
as $$
  with item as (
    select f.name as list, e.ordinality - 1 as place, e.value as item
      from (values ('concurrency'), ('locks'), ('rate')) f(name)
      cross join lateral jsonb_array_elements(coalesce(p_demand -> f.name, '[]'))
        with ordinality e
  )
  select format('%s[%s].%s', i.list, i.place, n.key), i.item -> n.key, 'text of 1 to 500 characters',
         jsonb_typeof(i.item -> n.key) = 'string' and length(i.item ->> n.key) between 1 and 500
    from item i
    cross join lateral (select case i.list when 'locks' then 'name' else 'key' end as key) n
  union all
  select format('%s[%s].%s', i.list, i.place, n.key), i.item -> n.key, 'a whole number from 1',
         case jsonb_typeof(i.item -> n.key)
           when 'number' then (i.item -> n.key)::numeric between 1 and 1000000000
                              and (i.item -> n.key)::numeric % 1 = 0
         end
    from item i
    cross join lateral (select case i.list when 'rate' then 'count' else 'limit' end as key) n
   where i.list <> 'locks'
  union all
  select format('rate[%s].period_seconds', i.place), i.item -> 'period_seconds',
         'seconds from 0.001 to 31622400',
         case jsonb_typeof(i.item -> 'period_seconds')
           when 'number' then (i.item -> 'period_seconds')::numeric between 0.001 and 31622400
         end
    from item i where i.list = 'rate'
  union all
  select format('locks[%s].mode', i.place), i.item -> 'mode', '"shared" or "exclusive"',
         i.item ->> 'mode' in ('shared', 'exclusive')
    from item i where i.list = 'locks' and i.item ? 'mode'
  union all
  select 'resources.' || r.key, r.value, 'a number from 0',
         case jsonb_typeof(r.value) when 'number' then r.value::numeric >= 0 end
    from jsonb_each(coalesce(p_demand -> 'resources', '{}')) r
  union all
  select 'labels.' || f.name, p_demand -> 'labels' -> f.name, 'an object of texts',
         case jsonb_typeof(p_demand -> 'labels' -> f.name)
           when 'object' then not jsonb_path_exists(
             p_demand -> 'labels' -> f.name, '$.* ? (@.type() != "string")')
         end
    from (values ('required'), ('preferred')) f(name) where p_demand -> 'labels' ? f.name
  union all
  select 'labels.prefer_seconds', p_demand -> 'labels' -> 'prefer_seconds', 'seconds from 0',
         case jsonb_typeof(p_demand -> 'labels' -> 'prefer_seconds')
           when 'number'
           then (p_demand -> 'labels' -> 'prefer_seconds')::numeric between 0 and 1000000
         end
    from (select 1) one where p_demand -> 'labels' ? 'prefer_seconds';
$$;
