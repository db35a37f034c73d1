-- Headpond's own tables. They stand in the schema of the tables that they protect.

-- Which store writes which table. One row for each dataset.
CREATE TABLE IF NOT EXISTS headpond_dataset (
  dataset           text        NOT NULL PRIMARY KEY,
  table_name        text        NOT NULL UNIQUE,  -- schema.table
  store_id          uuid        NOT NULL,         -- the one hot store that may write it
  store_description text        NOT NULL,
  partitions        integer     NOT NULL,
  hash_version      integer     NOT NULL,         -- how keys are spread over the partitions
  created_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Who may write the rows of a partition, and how far it is.
CREATE TABLE IF NOT EXISTS headpond_lease (
  dataset      text        NOT NULL REFERENCES headpond_dataset ON DELETE CASCADE,
  partition    integer     NOT NULL,
  owner_token  uuid,                              -- of the process that holds it; null: nobody
  epoch        bigint      NOT NULL,              -- rises whenever it is taken
  expires_at   timestamptz NOT NULL,
  frontier     timestamptz,                       -- all acknowledged before is in the table, except what is parked
  high_version bigint      NOT NULL,              -- highest version ever applied
  last_batch   bigint      NOT NULL,              -- id of the batch committed last
  acquired_at  timestamptz,                       -- since when its owner has it
  PRIMARY KEY (dataset, partition)
) WITH (fillfactor = 20);

-- Tables of an earlier release.
ALTER TABLE headpond_lease ADD COLUMN IF NOT EXISTS acquired_at timestamptz;

-- The processes that bring entries to the database, where several share the hot store.
CREATE TABLE IF NOT EXISTS headpond_worker (
  dataset    text        NOT NULL REFERENCES headpond_dataset ON DELETE CASCADE,
  worker_id  uuid        NOT NULL,                -- the owner_token of its leases
  name       text        NOT NULL,
  started_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,                -- it lives until then, unless it says so again
  PRIMARY KEY (dataset, worker_id)
);

-- Removals of the last day, where several processes share the hot store: it may forget that it was told to remove something.
CREATE TABLE IF NOT EXISTS headpond_tombstone (
  dataset    text        NOT NULL,
  key        bytea       NOT NULL,                -- in its canonical form
  version    bigint      NOT NULL,                -- of the removal; nothing at or below it comes back
  removed_at timestamptz NOT NULL,
  PRIMARY KEY (dataset, key)
);
CREATE INDEX IF NOT EXISTS headpond_tombstone_removed_at ON headpond_tombstone (removed_at);
