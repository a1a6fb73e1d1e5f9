-- Up Migration
CREATE TABLE users (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  username      text NOT NULL,
  email         text NOT NULL,
  password_hash text NOT NULL,
  role          text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
  version       integer NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  deleted_at    timestamptz
);
CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE UNIQUE INDEX users_email ON users (lower(email));

-- Only hashes are kept: who reads this table cannot use a key.
CREATE TABLE api_keys (
  hash       bytea PRIMARY KEY,
  user_id    bigint NOT NULL REFERENCES users,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX api_keys_user ON api_keys (user_id);

-- Each user has a wallet, and an external account that stands for their bank: a deposit moves money from the external
-- account to the wallet. So every transaction has two sides, and no account is shared by all.
CREATE TABLE accounts (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id    bigint NOT NULL REFERENCES users,
  kind       text NOT NULL CHECK (kind IN ('wallet', 'external')),
  currency   char(3) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, kind)
);

CREATE TABLE transactions (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  type         text NOT NULL CHECK (type IN ('deposit', 'withdraw', 'transfer')),
  status       text NOT NULL CHECK (status IN ('completed', 'refused')),
  reason       text CHECK ((reason IS NULL) = (status = 'completed')),
  amount       bigint NOT NULL CHECK (amount > 0),
  currency     char(3) NOT NULL,
  from_user_id bigint REFERENCES users,
  to_user_id   bigint REFERENCES users,
  actor_id     bigint NOT NULL REFERENCES users,
  description  text,
  created_at   timestamptz NOT NULL DEFAULT now()
);

-- The truth. The primary key is the optimistic lock: two writers cannot both add version n + 1.
CREATE TABLE events (
  account_id     bigint NOT NULL REFERENCES accounts,
  version        bigint NOT NULL CHECK (version > 0),
  type           text NOT NULL,
  transaction_id uuid REFERENCES transactions,
  amount         bigint NOT NULL,
  data           jsonb NOT NULL DEFAULT '{}',
  recorded_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, version)
);
CREATE INDEX events_transaction ON events (transaction_id);

-- The projection of the events.
CREATE TABLE balances (
  account_id bigint PRIMARY KEY REFERENCES accounts,
  kind       text NOT NULL,
  version    bigint NOT NULL,
  balance    bigint NOT NULL CHECK (abs(balance) <= 999999999999999),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT wallet_is_not_negative CHECK (kind = 'external' OR balance >= 0)
);

CREATE TABLE snapshots (
  account_id bigint NOT NULL REFERENCES accounts,
  version    bigint NOT NULL,
  balance    bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, version)
);

CREATE TABLE idempotency_keys (
  user_id      bigint NOT NULL REFERENCES users,
  key          text NOT NULL,
  request_hash bytea NOT NULL,
  status       integer,
  body         text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE outbox (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic      text NOT NULL,
  payload    jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transactions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Double entry, checked at the commit: whatever the program does, no money is made or lost.
CREATE FUNCTION check_double_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT sum(amount) FROM events WHERE transaction_id = NEW.transaction_id) <> 0 THEN
    RAISE EXCEPTION 'the entries of transaction % do not sum to 0', NEW.transaction_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER events_double_entry AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.transaction_id IS NOT NULL) EXECUTE FUNCTION check_double_entry();
CREATE FUNCTION check_own_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.transaction_id IS NULL AND NEW.amount <> 0 THEN
    RAISE EXCEPTION 'an entry needs a transaction' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER events_have_transaction BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION check_own_transaction();

-- Down Migration
DROP TABLE outbox, idempotency_keys, snapshots, balances, events, transactions, accounts, api_keys, users;
DROP FUNCTION check_double_entry, check_own_transaction, refuse_change;
