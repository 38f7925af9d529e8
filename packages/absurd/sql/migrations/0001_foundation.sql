-- The clock, and the two faces of a task's identity.

-- The only clock the engine reads for what it decides. Tests move it, for one session, with
--   select set_config('absurd.fake_now', '2026-03-01T12:00:00Z', false)
-- Stable, and built on statement_timestamp(), on purpose: a volatile clock cannot be an index
-- condition, and now() stands still in a long transaction.
create function absurd.clock()
  returns timestamptz
  language sql stable
as $$
  select coalesce(
    nullif(current_setting('absurd.fake_now', true), '')::timestamptz,
    statement_timestamp()
  );
$$;

create sequence absurd.task_seq cache 64;

-- The first task number of an instant: milliseconds since 1970, shifted left by 20 bits.
create function absurd.first_task_number(p_at timestamptz)
  returns bigint
  language sql immutable strict parallel safe
as $$
  select floor(extract(epoch from p_at) * 1000)::bigint << 20;
$$;

-- A new task number. It takes the wall clock and not absurd.clock(): the number picks the partition,
-- and a test that moves the clock must not fall off the partitions' end.
create function absurd.next_task_number()
  returns bigint
  language sql volatile
as $$
  select ((date_part('epoch', clock_timestamp()) * 1000)::bigint << 20)
       | (nextval('absurd.task_seq') & 1048575);
$$;

-- What people see of a task number: a UUID of version 7 whose random part is the 20 sequence bits
-- and zeros. absurd.task_number is its inverse.
create function absurd.task_uuid(p_number bigint)
  returns uuid
  language sql immutable strict parallel safe
as $$
  select (
    lpad(to_hex(p_number >> 20), 12, '0')
    || '7' || lpad(to_hex((p_number >> 8) & 4095), 3, '0')
    || to_hex(32768 | ((p_number & 255) << 6)::integer)
    || '000000000000'
  )::uuid;
$$;

-- The task number of a UUID; null when no task can have that UUID.
create function absurd.task_number(p_task_id uuid)
  returns bigint
  language sql immutable strict parallel safe
as $$
  select case
    when substr(h.hex, 13, 1) = '7'
     and substr(h.hex, 21) = '000000000000'
     and (('x' || substr(h.hex, 17, 4))::bit(16)::integer & 49215) = 32768
    then (('x' || substr(h.hex, 1, 12))::bit(48)::bigint << 20)
       | (('x' || substr(h.hex, 14, 3))::bit(12)::bigint << 8)
       | ((('x' || substr(h.hex, 17, 4))::bit(16)::bigint >> 6) & 255)
  end
  from (select replace(p_task_id::text, '-', '') as hex) h;
$$;
