/** The embedded store's tables and every statement that is ever run on them. */

import { countersMax } from '../../core/store/record.ts';

/** "SaPo": so that file(1) and we know our own from any other database. */
export const applicationId = 0x5361506f;

/** 1 GiB of 4 KiB pages: a store that is larger is being filled by somebody. */
export const pagesMax = 262_144;
/** Rows taken at a time where there may be many. */
export const batchMax = 500;

/** One step a schema version, never edited once released: `PRAGMA user_version` counts those that were done. */
export const migrations: readonly string[] = [
  // A record without a value is one that was deleted: kept for a while, so that others see it go.
  `CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL) STRICT;
   INSERT INTO clock VALUES (1, 0);
   CREATE TABLE records (key TEXT PRIMARY KEY, value TEXT, version INTEGER NOT NULL UNIQUE, expires REAL) STRICT;
   CREATE INDEX records_expires ON records (expires) WHERE expires IS NOT NULL;
   CREATE TABLE counters (key TEXT PRIMARY KEY, sum REAL NOT NULL, until REAL NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX counters_until ON counters (until);
   CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, body TEXT NOT NULL, at REAL NOT NULL) STRICT;`,
];

const row = 'SELECT key, value, version, expires FROM records';

/** Each is prepared once a connection. */
export const statements = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  dataVersion: 'PRAGMA data_version',
  tick: 'UPDATE clock SET version = version + 1 RETURNING version',
  version: 'SELECT version FROM clock',
  get: `${row} WHERE key = ? AND value IS NOT NULL AND (expires IS NULL OR expires > ?)`,
  list: `${row} WHERE key >= ? AND key < ? AND value IS NOT NULL AND (expires IS NULL OR expires > ?) ORDER BY key`,
  put: `INSERT INTO records (key, value, version, expires) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, expires = excluded.expires`,
  since: `${row} WHERE version > ? ORDER BY version LIMIT ${batchMax}`,
  expired: `${row} WHERE expires <= ? AND value IS NOT NULL LIMIT ${batchMax}`,
  bury: 'DELETE FROM records WHERE expires <= ? AND value IS NULL',
  count: `INSERT INTO counters (key, sum, until) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET
    sum = CASE WHEN until <= ?4 THEN ?2 ELSE sum + ?2 END,
    until = CASE WHEN until <= ?4 THEN ?3 ELSE until END RETURNING sum`,
  forget: `DELETE FROM counters WHERE until <= ?
    OR key IN (SELECT key FROM counters ORDER BY until DESC LIMIT -1 OFFSET ${countersMax})`,
  publish: 'INSERT INTO messages (subject, body, at) VALUES (?, ?, ?) RETURNING id',
  unpublish: 'DELETE FROM messages WHERE at <= ?',
  newest: "SELECT coalesce(max(seq), 0) AS id FROM sqlite_sequence WHERE name = 'messages'",
  messages: `SELECT id, subject, body FROM messages WHERE id > ? ORDER BY id LIMIT ${batchMax}`,
} as const;

export type StatementName = keyof typeof statements;
