-- Up Migration

-- One row: scheduled times before it were never promised, so they are not caught up.
CREATE TABLE schedule (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  since timestamptz NOT NULL
);

CREATE TABLE runs (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  trigger text NOT NULL CHECK (trigger IN ('schedule', 'catch-up', 'manual', 'step')),
  -- Unique: however many daemons there are, a scheduled time is run once.
  scheduled_for timestamptz UNIQUE,
  state text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'abandoned')),
  -- The process that works on it. Whoever takes a run over writes its own name here, which fences off the previous owner.
  owner text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  error text
);

CREATE TABLE run_steps (
  run_id integer NOT NULL REFERENCES runs ON DELETE CASCADE,
  step text NOT NULL,
  position smallint NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'skipped')),
  started_at timestamptz,
  ended_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  -- Time in which a process worked on it: a host that was off for a night does not use up the limit.
  worked_ms bigint NOT NULL DEFAULT 0,
  items integer NOT NULL DEFAULT 0,
  error text,
  PRIMARY KEY (run_id, step)
);

-- What a run put into a queue, and what became of it. A message that is delivered twice is recognized here.
CREATE TABLE work_items (
  run_id integer NOT NULL REFERENCES runs ON DELETE CASCADE,
  queue text NOT NULL,
  item_id bigint NOT NULL,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done', 'dead')),
  reason text,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, queue, item_id)
);
CREATE INDEX work_items_queued ON work_items (run_id, queue) WHERE state = 'queued';

CREATE TABLE alliances (
  id bigint PRIMARY KEY,
  name text,
  ticker text,
  creator_id bigint,
  creator_corporation_id bigint,
  executor_corporation_id bigint,
  faction_id bigint,
  founded_at timestamptz,
  checked_at timestamptz,
  -- No longer in ESI's list.
  closed_at timestamptz
);

CREATE TABLE corporations (
  id bigint PRIMARY KEY,
  alliance_id bigint,
  name text,
  ticker text,
  ceo_id bigint,
  members integer,
  tax_rate double precision,
  founded_at timestamptz,
  discovered_at timestamptz NOT NULL DEFAULT now(),
  checked_at timestamptz
);
CREATE INDEX corporations_alliance ON corporations (alliance_id);

CREATE TABLE alliance_snapshots (
  run_id integer NOT NULL REFERENCES runs ON DELETE CASCADE,
  alliance_id bigint NOT NULL,
  corporations integer NOT NULL,
  members bigint NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, alliance_id)
);

CREATE TABLE corporation_snapshots (
  run_id integer NOT NULL REFERENCES runs ON DELETE CASCADE,
  corporation_id bigint NOT NULL,
  alliance_id bigint,
  members integer,
  taken_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, corporation_id)
);

-- ETag, Expires and body of the last answer for each path.
CREATE TABLE esi_answers (
  path text PRIMARY KEY,
  etag text,
  expires_at timestamptz NOT NULL,
  body jsonb NOT NULL
);

-- What a process committed last and has to count: see src/metrics/ledger.ts.
CREATE TABLE ledger (
  slot text PRIMARY KEY,
  sequence bigint NOT NULL,
  counts jsonb NOT NULL
);
