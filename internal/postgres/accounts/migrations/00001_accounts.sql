-- Who is signed in. No secret is here as it is: secrets are SHA-256 hashes of
-- random values, signing keys are sealed.

-- +goose Up

-- Sign-ins under way: a row lives for minutes.
CREATE TABLE logins (
    state      bytea PRIMARY KEY,
    browser    bytea NOT NULL,
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    return_to  text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX logins_expires_at ON logins (expires_at);

CREATE TABLE sessions (
    id               text COLLATE "C" PRIMARY KEY,
    secret           bytea NOT NULL UNIQUE,
    subject          text COLLATE "C" NOT NULL,
    name             text NOT NULL,
    email            text NOT NULL,
    roles            text[] NOT NULL,
    provider_session text COLLATE "C" NOT NULL,
    id_token         text NOT NULL,
    user_agent       text NOT NULL,
    created_at       timestamptz NOT NULL,
    used_at          timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL
);
CREATE INDEX sessions_subject ON sessions (subject);
CREATE INDEX sessions_provider_session ON sessions (provider_session) WHERE provider_session <> '';
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Secrets that were replaced: one that turns up again was stolen.
CREATE TABLE spent_secrets (
    secret     bytea PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions ON DELETE CASCADE,
    spent_at   timestamptz NOT NULL
);
CREATE INDEX spent_secrets_session ON spent_secrets (session_id);

CREATE TABLE signing_keys (
    id         text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL,
    sealed     bytea NOT NULL
);
