-- Up Migration
-- A flow is one run of a named action. Its definition is kept with it: a changed configuration does not change what has begun.
CREATE TABLE flows (
  id uuid PRIMARY KEY,
  action text NOT NULL,
  definition jsonb NOT NULL,
  payload jsonb NOT NULL,
  status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'compensating', 'completed', 'compensated', 'cancelled')),
  -- Of the client that started it; the same key starts nothing again.
  idempotency_key text UNIQUE,
  -- Which process works on it, and until when it is believed to. The epoch grows with each claim: what a process writes
  -- that has lost the flow meanwhile is refused.
  owner uuid,
  epoch integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  run_after timestamptz NOT NULL DEFAULT now(),
  cancel_requested boolean NOT NULL DEFAULT false,
  -- Claimed by id when the message of the queue comes.
  queued boolean NOT NULL DEFAULT false,
  compensation_rounds integer NOT NULL DEFAULT 0,
  error jsonb,
  result jsonb,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX flows_open ON flows (run_after) WHERE status IN ('pending', 'running', 'compensating');
CREATE INDEX flows_created ON flows (created_at DESC, id);

CREATE TABLE flow_steps (
  flow_id uuid NOT NULL REFERENCES flows ON DELETE CASCADE,
  step text NOT NULL,
  -- The order in which the steps began: they are undone in reverse.
  seq integer NOT NULL,
  status text NOT NULL
    CHECK (status IN ('running', 'done', 'skipped', 'refused', 'unknown', 'compensating', 'compensated')),
  -- The request, as it was sent first: a repetition sends the same.
  request jsonb,
  result jsonb,
  error text,
  attempts integer NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  PRIMARY KEY (flow_id, step)
);

-- Messages that are sent after what they tell of is certain.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  exchange text NOT NULL,
  routing_key text NOT NULL,
  body jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration
DROP TABLE outbox;
DROP TABLE flow_steps;
DROP TABLE flows;
