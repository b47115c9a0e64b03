/** The real curl, as a visitor has it: names below `localhost` and certificates are its own business. */

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

export type Curled = Readonly<{
  /** curl's own exit code: 0 when an answer came, 7 when nobody listens, 60 for a certificate that it does not trust. */
  exit: number | null;
  /** Of the last answer; 0 when there was none. */
  status: number;
  /** Of the last answer, names in small letters. */
  fields: ReadonlyMap<string, string>;
  bytes: number;
  sha256: string;
  /** The first 64 KiB of the body. */
  body: string;
  said: string;
}>;

const keptBytes = 65_536;
/** Written behind the answer: its status and its fields. */
const mark = '\n--answer--';
const report = `%{stderr}${mark}{"status":"%{http_code}","fields":%{header_json}}`;

/** A reason to leave a test out, or false. */
export const withoutCurl: string | false =
  spawnSync('curl', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'not run: no curl on this machine';

/**
 * Never rejects for what a server does. Settings of the user (`~/.curlrc`, proxies) are left out.
 * @param under a command that becomes curl, with its own words
 */
export function curl(words: readonly string[], input: Readable | null = null, under: readonly string[] = []): Promise<Curled> {
  const [first, ...rest] = under.length === 0 ? ['curl'] : [...under, 'curl'];
  const child = spawn(first, [...rest, '-q', '-sS', '--noproxy', '*', '--max-time', '30', '-w', report, ...words], {
    stdio: [input === null ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let bytes = 0;
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    if (bytes < keptBytes) kept.push(chunk);
    bytes += chunk.length;
  });
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
  if (input !== null && child.stdin !== null) {
    child.stdin.on('error', () => undefined);
    input.pipe(child.stdin);
  }
  return new Promise((resolve) => {
    child.once('error', (error) => {
      said += error.message;
    });
    child.once('close', (exit) => {
      const at = said.lastIndexOf(mark);
      const told = (at === -1 ? { status: '0', fields: {} } : JSON.parse(said.slice(at + mark.length))) as Report;
      resolve({
        exit,
        status: Number(told.status),
        fields: new Map(Object.entries(told.fields).map(([name, values]) => [name.toLowerCase(), valueOf(name.toLowerCase(), values)])),
        bytes,
        sha256: hash.digest('hex'),
        body: Buffer.concat(kept).toString('utf8'),
        said: at === -1 ? said : said.slice(0, at),
      });
    });
  });
}

/** The last one, as curl itself counts; of cookies the first, which is the session's. */
function valueOf(name: string, values: readonly string[]): string {
  return (name === 'set-cookie' ? values[0] : values.at(-1)) ?? '';
}

type Report = Readonly<{ status: string; fields: Readonly<Record<string, readonly string[]>> }>;
