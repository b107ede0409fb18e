-- What asks the provider whether a person may still come in: its refresh token,
-- sealed by the auth service; empty where the provider gave none.

-- +goose Up

ALTER TABLE sessions
    ADD COLUMN provider_refresh bytea NOT NULL DEFAULT '',
    ADD COLUMN confirmed_at timestamptz NOT NULL DEFAULT now();
