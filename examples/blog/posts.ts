/** Posts and comments, kept in SQLite. */

import { DatabaseSync } from 'node:sqlite';

export type Post = Readonly<{ id: number; title: string; text: string; at: number }>;
export type Comment = Readonly<{ id: number; post: number; name: string; text: string; at: number }>;

const textCharsMax = 4_000;

export class Posts {
  readonly #database: DatabaseSync;

  /** Opens the file, or memory for `:memory:`, and writes the first posts when there are none. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS post (id INTEGER PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS comment (id INTEGER PRIMARY KEY, post INTEGER NOT NULL REFERENCES post, name TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
    `);
    if (this.all().length === 0) for (const [title, text] of firstPosts) this.write(title, text);
  }

  all(): readonly Post[] {
    return this.#database.prepare('SELECT * FROM post ORDER BY id DESC').all() as Post[];
  }

  find(id: number): Post | null {
    return (this.#database.prepare('SELECT * FROM post WHERE id = ?').get(id) as Post | undefined) ?? null;
  }

  write(title: string, text: string): number {
    const { lastInsertRowid } = this.#database
      .prepare('INSERT INTO post (title, text, at) VALUES (?, ?, ?)')
      .run(title.slice(0, 200), text.slice(0, textCharsMax), Date.now());
    return Number(lastInsertRowid);
  }

  comments(post: number): readonly Comment[] {
    return this.#database.prepare('SELECT * FROM comment WHERE post = ? ORDER BY id').all(post) as Comment[];
  }

  comment(post: number, name: string, text: string): Comment {
    const row = { post, name: name.slice(0, 60), text: text.slice(0, textCharsMax), at: Date.now() };
    const { lastInsertRowid } = this.#database
      .prepare('INSERT INTO comment (post, name, text, at) VALUES (?, ?, ?, ?)')
      .run(row.post, row.name, row.text, row.at);
    return { id: Number(lastInsertRowid), ...row };
  }

  close(): void {
    this.#database.close();
  }
}

const firstPosts: readonly (readonly [title: string, text: string])[] = [
  [
    'Why this blog has no password',
    'It never needed one. It listens on 127.0.0.1, and only I sit at this keyboard.\n\nThen my sister wanted to read it, from the other side of the country. A program that trusts everyone who reaches it should not be reached by everyone. So I did not teach it passwords; I put a guarded door in front of it.',
  ],
  [
    'On small doors',
    'A castle has a great gate for parades, and a sally port for everything else: a short dark passage with a door at each end, never both open at once. You step in, the first door shuts, somebody looks at you, and only then the second one opens.\n\nI like that the passage does not make the castle stronger. It makes the going in and out less foolish.',
  ],
  [
    'Who are you, then?',
    'Scroll down: the last lines of each page say how this blog sees you. When I read it at my desk, I come from 127.0.0.1 and am offered a pen.\n\nA visitor through the door comes from 127.83.something, with the true address in a header. That is the whole trick: local no longer means trusted. If the last lines call a stranger local, something is wrong.',
  ],
];
