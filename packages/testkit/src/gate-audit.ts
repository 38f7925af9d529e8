/** What must hold of gates after every transaction, read with one snapshot. */
import assert from "node:assert/strict";

import type pg from "pg";

const BROKEN = `
  with wanted as (
    select t.id as task_id, (e.value ->> 'gate')::integer as gate_id, e.value ->> 'mode' as mode,
           t.policy @> '{"gates": [{"hold": true}]}' as is_held
      from absurd.task t cross join lateral jsonb_array_elements(t.policy -> 'gates') e
  ),
  inside as (
    select r.task_id from absurd.ready r union all select l.task_id from absurd.lease l
  ),
  suspended as (
    select d.task_id from absurd.deferred d union all select w.child from absurd.waiting w
  )
  select 'key over its limit: ' || g.name as broken
    from absurd.gate g join absurd.gate_grant h on h.gate_id = g.gate_id
   where g.kind = 'key' group by g.gate_id having count(*) > g.slots
  union all
  select 'lock held alone by one of many: ' || g.name
    from absurd.gate g join absurd.gate_grant h on h.gate_id = g.gate_id
   where g.kind = 'lock' group by g.gate_id
  having count(*) > 1 and bool_or(h.mode = 'x')
  union all
  select 'grant of a task that is not inside: ' || h.task_id
    from absurd.gate_grant h
   where h.task_id not in (select i.task_id from inside i)
     and not (absurd.is_kept(h) and h.task_id in (select s.task_id from suspended s))
  union all
  select 'inside without a grant: ' || w.task_id
    from wanted w join inside i on i.task_id = w.task_id
    join absurd.gate g on g.gate_id = w.gate_id
   -- A rate is not passed again by who comes back with what it kept.
   where not (w.is_held and g.kind = 'rate') and not exists (
     select from absurd.gate_grant h
      where h.task_id = w.task_id and h.gate_id = w.gate_id and h.mode::text = w.mode
   )
  union all
  select 'parked and not in line: ' || p.task_id
    from absurd.parked p join wanted w on w.task_id = p.task_id
   where not exists (
     select from absurd.gate_wait q where q.task_id = w.task_id and q.gate_id = w.gate_id
   )
  union all
  select 'in line and not parked: ' || q.task_id
    from absurd.gate_wait q
   where not exists (select from absurd.parked p where p.task_id = q.task_id)`;

/** Fails with what is wrong; limits that were lowered while more were in count as wrong, too. */
export async function auditGates(db: pg.ClientBase): Promise<void> {
  const { rows } = await db.query<{ broken: string }>(BROKEN);
  assert.deepEqual(
    rows.map((row) => row.broken),
    [],
  );
}
