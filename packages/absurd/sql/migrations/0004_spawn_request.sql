-- A task that is being spawned carries its whole request along: what only a few tasks ask for is
-- read from there by the part that knows it, and costs the others nothing.
alter type absurd.spawn_row add attribute request jsonb;
