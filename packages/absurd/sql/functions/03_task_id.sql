-- What a task's number says.

-- A new task number, of the wall clock: see the first migration. Cut, not rounded, so that no task is
-- born in the future.
create or replace function absurd.next_task_number()
  returns bigint
  language sql volatile
as $$
  select (trunc(date_part('epoch', clock_timestamp()) * 1000)::bigint << 20)
       | (nextval('absurd.task_seq') & 1048575);
$$;

-- When a task's number was made, to the millisecond.
create or replace function absurd.number_at(p_number bigint)
  returns timestamptz
  language sql immutable strict parallel safe
as $$
  select to_timestamp((p_number >> 20) / 1000.0::double precision);
$$;

-- Since when a task is ready, from its row's at; also in milliseconds of 1970, as claims rank it.
-- As volatile as what they call, or they would not be inlined.
create or replace function absurd.ready_at(p_at timestamptz, p_number bigint)
  returns timestamptz
  language sql immutable parallel safe
as $$
  select coalesce(p_at, absurd.number_at(p_number));
$$;

create or replace function absurd.ready_ms(p_at timestamptz, p_number bigint)
  returns double precision
  language sql stable parallel safe
as $$
  select coalesce(date_part('epoch', p_at) * 1000, p_number >> 20);
$$;

-- The instant to store beside a number made in the same statement: null when the number says it,
-- which is when nobody moved the clock.
create or replace function absurd.unless_now(p_at timestamptz)
  returns timestamptz
  language sql stable
as $$
  select nullif(p_at, statement_timestamp());
$$;

-- The UUID of a task: version 7, its time and its sequence from the number.
--
-- Returns what the function of the first migration returned, in a third of its time: it is computed
-- for each task that is written, by an index. Both halves are put together as numbers.
create or replace function absurd.task_uuid(p_number bigint)
  returns uuid
  language sql immutable strict parallel safe
as $$
  select encode(
    int8send(((p_number >> 20) << 16) | 28672 | ((p_number >> 8) & 4095))
    || int8send(((p_number & 255) << 54) | (1::bigint << 63)),
    'hex'
  )::uuid;
$$;
