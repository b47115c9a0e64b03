/** A connection to the embedded store's file: opened safely, brought to our schema. */

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { storeUnavailable } from './sqlite-fault.ts';
import { applicationId, migrations, statements, type StatementName } from './sqlite-schema.ts';

/** Opens, checks and migrates the file at `path`. Throws SQLite's own errors, and `store-unavailable` for a file that is not ours. */
export function openDatabase(path: string, pagesMax: number): DatabaseSync {
  // A blocking timeout would stop the event loop with every stream on it: we wait ourselves.
  const db = new DatabaseSync(path, { timeout: 0, allowExtension: false, enableDoubleQuotedStringLiterals: false });
  try {
    db.enableDefensive(true);
    db.exec(`PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL; PRAGMA max_page_count = ${pagesMax};`);
    const done = db.prepare('PRAGMA user_version').get()?.['user_version'];
    const owner = db.prepare('PRAGMA application_id').get()?.['application_id'];
    const empty = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'] === 0;
    if (owner !== applicationId && (owner !== 0 || done !== 0 || !empty))
      throw storeUnavailable(path, 'it is the database of another program');
    if (typeof done !== 'number' || done > migrations.length) throw storeUnavailable(path, 'a newer Sallyport made it');
    // Readers never wait for a writer; a file system that cannot share memory cannot do it.
    if (db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'] !== 'wal')
      throw storeUnavailable(path, 'its file system has no shared memory');
    if (done < migrations.length) migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** All missing steps in one transaction, looked at again inside it: another process may have been faster. */
function migrate(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    const done = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    for (const step of migrations.slice(done)) db.exec(step);
    db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Each statement once for a connection. */
export function prepareAll(db: DatabaseSync): Readonly<Record<StatementName, StatementSync>> {
  // Object.entries forgets that these are the statements' names, all of them.
  return Object.fromEntries(Object.entries(statements).map(([name, sql]) => [name, db.prepare(sql)])) as Record<
    StatementName,
    StatementSync
  >;
}
