-- The time of this very call, or the one that was set: for what must not be dated before the locks
-- that its statement waited for. absurd.clock() is the time at which the statement began.
create or replace function absurd.moment()
  returns timestamptz
  language sql volatile
as $$
  select coalesce(
    nullif(current_setting('absurd.fake_now', true), '')::timestamptz, clock_timestamp()
  );
$$;
