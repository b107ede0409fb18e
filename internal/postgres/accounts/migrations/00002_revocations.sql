-- Sessions that ended early and are to be told to those who verify their tokens:
-- a row lives until Kafka has it, and no longer than such a token.

-- +goose Up

CREATE TABLE revocations (
    session_id text COLLATE "C" PRIMARY KEY,
    revoked_at timestamptz NOT NULL
);
CREATE INDEX revocations_revoked_at ON revocations (revoked_at);
