/** A long history for the reading benchmark: 30 days, 20 task names, two queues, some failures. */
import type pg from "pg";

export interface FillSize {
  readonly ended: number;
  readonly pending: number;
}

const DAYS = 30;

/** Ended tasks over the last 30 days, and tasks that wait since a minute ago. */
export async function fillHistory(db: pg.Client, size: FillSize): Promise<void> {
  await addPastDays(db);
  await db.query(
    `select absurd.register_kinds((
       select jsonb_agg(jsonb_build_object('task_name', 'task-' || lpad(i::text, 2, '0'),
                                           'queue', case i % 4 when 0 then 'night' else 'day' end))
         from generate_series(1, 20) i))`,
  );
  await db.query(
    `select absurd.spawn_tasks((
       select jsonb_agg(jsonb_build_object('task_name', k.name)) from absurd.kind k
        where k.name like 'task-%'))`,
  );
  await db.query(`
    create temp table lanes as
      select l.lane_id, row_number() over (order by k.name) - 1 as place
        from absurd.lane l join absurd.kind k on k.kind_id = l.kind_id where k.name like 'task-%';
    insert into absurd.worker (
        name, epoch, beat_at, lease_ms, queues, concurrency, gone_at, buried)
      select 'worker-' || i, i, now(), 30000, '{day,night}', 10, now(), true
        from generate_series(1, 20) i`);
  await insertTasks(db, size.ended);
  await insertEnds(db);
  await db.query("analyze");
  await db.query("select absurd.roll_up()");
  await db.query(
    `select absurd.spawn_tasks((
       select jsonb_agg(jsonb_build_object(
                'task_name', 'task-' || lpad((1 + i % 20)::text, 2, '0'),
                'params', jsonb_build_object('group', 'waiting-' || i), 'priority', i % 3))
         from generate_series(b, b + 9999) i)) from generate_series(1, $1, 10000) b`,
    [size.pending],
  );
  await db.query("vacuum analyze");
}

/** Partitions for days before today, of every table that has partitions. */
async function addPastDays(db: pg.Client): Promise<void> {
  await db.query(`do $$
    declare v_day date; v_table text; v_name text;
    begin
      for v_day in select current_date - i from generate_series(1, ${DAYS}) i loop
        for v_table in select p.name from absurd.partitioned_tables() p(name) loop
          v_name := v_table || '_' || to_char(v_day, 'YYYYMMDD');
          execute format('create table absurd.%I partition of absurd.%I
            for values from (%s) to (%s)',
            v_name, v_table, absurd.first_of_day(v_day), absurd.first_of_day(v_day + 1));
        end loop;
      end loop;
    end $$`);
}

async function insertTasks(db: pg.Client, count: number): Promise<void> {
  await db.query(
    `insert into absurd.task (id, lane_id, attempts_max, created_at, params, correlation_id, tags,
                              parent_id)
     select absurd.first_task_number(w.at) + (i & 1048575), l.lane_id, 4, null,
            json_build_object('group', to_char(w.at, 'YYYY-MM-DD"T"HH24:MI'), 'index', i,
                              'cell_arcsec', 3.5, 'files', array['a' || i, 'b' || i]),
            'night-' || i / 200,
            case when i % 50 = 0 then array['test', 'n' || i % 7]
                 when i % 5 = 0 then array['auto'] end,
            case when i % 100 = 7 then absurd.first_task_number(w.at) end
       from generate_series(1, $1) i
       cross join lateral (select now() - interval '1 hour'
                                  - ($1 - i) * (interval '${DAYS - 1} days' / $1) as at) w
       join lanes l on l.place = case when i % 5000 = 0 then 19 else i % 19 end`,
    [count],
  );
}

/** 1 of 100 failed after two attempts, 1 of 500 was cancelled, the rest completed. */
async function insertEnds(db: pg.Client): Promise<void> {
  await db.query(
    `insert into absurd.outcome (task_id, claim_no, worker_id, claimed_at, finished_at, kind,
                                 result,
                                 error, fingerprint)
     select t.id, case e.kind when 'c' then 1 when 'd' then 2 else 0 end,
            case when e.kind <> 'x' then 1 + t.id % 20 end,
            case when e.kind <> 'x' then e.at + interval '1 second' * (t.id % 60) end,
            e.at + interval '1 second' * (60 + t.id % 300), e.kind::"char",
            case when e.kind = 'c' then '{"rms_jy": 0.0012, "product": "image"}'::jsonb end,
            case when e.kind <> 'c' then jsonb_build_object(
              'tag', 'OutOfMemory', 'class', 'retryable',
              'message', 'needed ' || t.id % 1000 || ' MB', 'fields', '{}'::jsonb) end,
            case when e.kind = 'd' then 'print-' || t.id % 40 end
       from absurd.task t
       cross join lateral (select absurd.number_at(t.id) as at,
              case when (t.id & 1048575) % 100 = 3 then 'd'
                   when (t.id & 1048575) % 500 = 4 then 'x' else 'c' end as kind) e
      where not exists (select from absurd.ready r where r.task_id = t.id)`,
  );
  await db.query(
    `insert into absurd.attempt (task_id, claim_no, worker_id, claimed_at, finished_at, class,
                                 error,
                                 fingerprint)
     select o.task_id, n, o.worker_id, o.claimed_at, o.finished_at, 'retryable', o.error,
            o.fingerprint
       from absurd.outcome o cross join generate_series(1, 2) n where o.kind = 'd'`,
  );
}
