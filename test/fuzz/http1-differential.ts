/** Differential fuzz: what we accept, llhttp must read the same. `node test/fuzz/http1-differential.ts --cases 1000000 --seed 7` */

import { METHODS } from 'node:http';
import { parseArgs } from 'node:util';
import { type Reading, type ReadRequest, readRequests } from '../conformance/http1-conversation.ts';
import { Chance } from './chance.ts';
import { makeCase } from './http1-cases.ts';
import { Llhttp, type OracleReading, type OracleRequest } from './llhttp.ts';

export type Disagreement = Readonly<{ number: number; why: string; bytes: string; ours: string; theirs: string }>;

export type Report = {
  cases: number;
  /** Requests that both read, to the last byte of content. */
  agreed: number;
  /** What we refuse while llhttp reads on, by our reason: allowed, and worth a look. */
  readonly stricter: Map<string, number>;
  /** What llhttp refuses on principle while we read it: each class with its reason in `explained`. */
  readonly explained: Map<string, number>;
  readonly disagreements: Disagreement[];
};

/** Cases that llhttp reads at once; a turn of the event loop is shared by them. */
const batch = 256;
const known = new Set(METHODS);

export async function run(cases: number, seed: number, onProgress: (done: number) => void = () => undefined): Promise<Report> {
  const chance = new Chance(seed);
  const oracle = new Llhttp();
  const report: Report = { cases: 0, agreed: 0, stricter: new Map(), explained: new Map(), disagreements: [] };
  while (report.cases < cases) {
    const inputs = Array.from({ length: Math.min(batch, cases - report.cases) }, () => makeCase(chance));
    const theirs = await oracle.read(inputs);
    for (const [index, bytes] of inputs.entries()) {
      const reading = readRequests([bytes]);
      const split = readRequests(pieces(chance, bytes));
      report.cases += 1;
      if (JSON.stringify(split) !== JSON.stringify(reading)) disagree(report, 'another reading at another split', bytes, reading, split);
      compare(report, bytes, reading, theirs[index] ?? { requests: [], error: 'none' });
    }
    onProgress(report.cases);
  }
  oracle.close();
  return report;
}

function pieces(chance: Chance, bytes: Buffer): readonly Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const to = Math.min(bytes.length, at + 1 + chance.number(chance.once(2) ? 3 : 60));
    cut.push(bytes.subarray(at, to));
    at = to;
  }
  return cut;
}

/** Holds what we read against what llhttp read: in number, and in each part. */
function compare(report: Report, bytes: Buffer, ours: Reading, theirs: OracleReading): void {
  for (const [index, request] of ours.requests.entries()) {
    const other = theirs.requests[index];
    const why = other === undefined ? 'a request that llhttp does not read' : difference(request, other, true);
    if (why !== null) {
      const reason = explain(request, other, theirs, bytes);
      if (reason === null) return disagree(report, why, bytes, ours, theirs);
      return count(report.explained, reason);
    }
    report.agreed += 1;
  }
  const rest = theirs.requests.slice(ours.requests.length);
  const beyond = rest.filter(({ complete }) => complete).length;
  if (ours.end === 'refused') {
    if (theirs.error === null || beyond > 0) count(report.stricter, `${ours.fault?.code}: ${ours.fault?.why}`);
    return;
  }
  // After `close` and `upgrade` we stop reading; what llhttp makes of the rest is never looked at.
  if (ours.end === 'last') return;
  if (beyond > 0) return disagree(report, 'a request that only llhttp reads', bytes, ours, theirs);
  if (ours.end === 'clean' && theirs.error !== null) return disagree(report, 'an error that only llhttp sees', bytes, ours, theirs);
  const [half] = rest;
  if (ours.unfinished !== null && half !== undefined) {
    const why = difference(ours.unfinished, half, false);
    const reason = why === null ? null : explain(ours.unfinished, half, theirs, bytes);
    if (reason !== null) count(report.explained, reason);
    else if (why !== null) disagree(report, `unfinished: ${why}`, bytes, ours, theirs);
  }
}

function difference(ours: ReadRequest, theirs: OracleRequest, complete: boolean): string | null {
  const { head } = ours;
  if (head.method !== theirs.method) return 'another method';
  if (head.target !== originForm(theirs.url, head.method)) return 'another target';
  const fields = head.fields.flatMap(({ name, value }) => [name, value]);
  if (JSON.stringify(fields) !== JSON.stringify(theirs.fields)) return 'other fields';
  if (ours.body !== theirs.body) return 'another body';
  if (complete !== theirs.complete) return 'another end';
  return complete && !ours.trailers.every((text) => theirs.trailers.includes(text)) ? 'other trailers' : null;
}

/** Written anew, so that our own cut of absolute targets is tested and not repeated. */
function originForm(url: string, method: string): string {
  if (!/^https?:\/\//i.test(url)) return url;
  const { length } = /^https?:\/\/[^/?]*/i.exec(url)?.[0] ?? '';
  const rest = url.slice(length);
  if (rest === '' && method === 'OPTIONS') return '*';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Why llhttp refuses what we read, where that is a matter of principle and not of bytes. */
function explain(request: ReadRequest, other: OracleRequest | undefined, theirs: OracleReading, bytes: Buffer): string | null {
  if (other === undefined && !known.has(request.head.method) && theirs.error === 'HPE_INVALID_METHOD') return 'llhttp knows no such method';
  // Optional whitespace is SP and HTAB alike (RFC 9110, 5.6.3); llhttp refuses the tab here. We send the field anew, without it.
  const tabbed = /chunked[ \t]*\t[ \t]*\r\n/i.test(bytes.toString('latin1'));
  if (tabbed && theirs.error === 'HPE_INVALID_TRANSFER_ENCODING') return 'llhttp takes no tab behind chunked';
  // A field that no RFC knows: llhttp ends the connection for it, we remove it and read on, since only Connection decides (RFC 9112, 9.3).
  const closed = /proxy-connection:[^\r\n]*close/i.test(bytes.toString('latin1'));
  if (other === undefined && closed && theirs.error === 'HPE_CLOSED_CONNECTION') return 'llhttp takes Proxy-Connection for Connection';
  // An Upgrade that is ignored leaves the connection as it was (RFC 9110, 7.8); llhttp stops at every one, whatever the server says.
  if (other === undefined && /\r\nupgrade:/i.test(bytes.toString('latin1')) && theirs.error === null)
    return 'llhttp stops at an Upgrade that is ignored';
  return null;
}

function count(classes: Map<string, number>, name: string): void {
  classes.set(name, (classes.get(name) ?? 0) + 1);
}

function disagree(report: Report, why: string, bytes: Buffer, ours: Reading, theirs: unknown): void {
  if (report.disagreements.length >= 100) return;
  report.disagreements.push({
    number: report.cases,
    why,
    bytes: JSON.stringify(bytes.toString('latin1')),
    ours: JSON.stringify(ours),
    theirs: JSON.stringify(theirs),
  });
}

/** The report in words. */
export function words(report: Report, seed: number): string {
  const lines = [`${report.cases} cases, seed ${seed}: ${report.agreed} requests read alike, ${report.disagreements.length} disagreements`];
  for (const [title, classes] of [
    ['stricter than llhttp', report.stricter],
    ['explained', report.explained],
  ] as const) {
    for (const [name, times] of [...classes].toSorted(([, a], [, b]) => b - a)) lines.push(`  ${title}: ${name}: ${times}`);
  }
  for (const { number, why, bytes, ours, theirs } of report.disagreements.slice(0, 10)) {
    lines.push(`  DISAGREEMENT in case ${number}: ${why}`, `    bytes  ${bytes}`, `    ours   ${ours}`, `    theirs ${theirs}`);
  }
  return lines.join('\n');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { cases: { type: 'string', default: '100000' }, seed: { type: 'string', default: String(Date.now() % 1e9) } },
  });
  const seed = Number(values.seed);
  const report = await run(Number(values.cases), seed, (done) => {
    if (done % (batch * 200) === 0) process.stderr.write(`${done} cases\n`);
  });
  process.stdout.write(`${words(report, seed)}\n`);
  process.exitCode = report.disagreements.length === 0 ? 0 : 1;
}
