-- absurd.wait_reasons says it, for keys of several slots, too.
drop function if exists absurd.keepers_before(bigint, bigint);
