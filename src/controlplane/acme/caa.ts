/** CAA records (RFC 8659) that let only our account issue, and only in our way (RFC 8657): what they are to say, and what they say. */

import type { CaaRecord } from 'node:dns';
import type { ChallengeKind } from './replies.ts';

export type CaaWanted = Readonly<{
  name: string;
  /** What the CA calls itself in such records; its first name. */
  authority: string;
  /** Null before there is an account. */
  account: string | null;
  /** The ways that we may use; empty says nothing of ways. */
  methods: readonly ChallengeKind[];
}>;

export type CaaVerdict = Readonly<{ state: 'ok' | 'warning' | 'failed'; why: string }>;

/** Tags of a name with a star. */
function tagOf(name: string): 'issue' | 'issuewild' {
  return name.startsWith('*.') ? 'issuewild' : 'issue';
}

/** As it stands in a zone file. */
export function caaLine({ name, authority, account, methods }: CaaWanted): string {
  const value = [
    authority,
    ...(account === null ? [] : [`accounturi=${account}`]),
    ...(methods.length === 0 ? [] : [`validationmethods=${methods.join(',')}`]),
  ].join('; ');
  return `${name.replace(/^\*\./, '')}. IN CAA 0 ${tagOf(name)} "${value}"`;
}

/** Judges the records that hold for the name: the first set on the way up (RFC 8659, 3). */
export function judgeCaa(records: readonly CaaRecord[], wanted: CaaWanted): CaaVerdict {
  const tag = tagOf(wanted.name);
  const wild = records.flatMap(({ issuewild }) => issuewild ?? []);
  // RFC 8659, 4.3: without issuewild, issue counts for a star as well.
  const values = tag === 'issuewild' && wild.length > 0 ? wild : records.flatMap(({ issue }) => issue ?? []);
  if (values.length === 0) return { state: 'warning', why: 'no CAA record: any authority may issue to whoever answers for the name' };
  const read = values.map(readValue);
  const ours = read.filter(({ authority }) => authority === wanted.authority);
  if (ours.length === 0)
    return {
      state: 'failed',
      why: `CAA lets only ${read.map(({ authority }) => authority || 'nobody').join(', ')} issue, and not ${wanted.authority}`,
    };
  if (wanted.account === null) return { state: 'warning', why: `CAA lets ${wanted.authority} issue; there is no account yet to pin it to` };
  const own = ours.filter(({ parameters }) => (parameters.get('accounturi') ?? wanted.account) === wanted.account);
  if (own.length === 0) return { state: 'failed', why: 'CAA lets only another account issue' };
  const able = own.filter(({ parameters }) => permits(parameters.get('validationmethods'), wanted.methods));
  if (able.length === 0) return { state: 'failed', why: `CAA forbids the ways that this gateway uses (${wanted.methods.join(', ')})` };
  const open = read.filter(({ authority, parameters }) => authority !== '' && parameters.get('accounturi') !== wanted.account);
  if (open.length > 0)
    return { state: 'warning', why: 'CAA lets other accounts issue as well: it names no accounturi, or other authorities' };
  if (own.some(({ parameters }) => parameters.get('validationmethods') === undefined))
    return { state: 'warning', why: 'CAA lets only this account issue, in any way: validationmethods is not said' };
  return { state: 'ok', why: 'CAA lets only this account issue, and only in its ways' };
}

function permits(said: string | undefined, methods: readonly ChallengeKind[]): boolean {
  if (said === undefined || methods.length === 0) return true;
  const allowed = new Set(said.split(',').map((each) => each.trim()));
  return methods.some((each) => allowed.has(each));
}

function readValue(text: string): Readonly<{ authority: string; parameters: ReadonlyMap<string, string> }> {
  const [authority = '', ...rest] = text.split(';').map((each) => each.trim());
  const parameters = rest
    .filter((each) => each.includes('='))
    .map((each): [string, string] => {
      const at = each.indexOf('=');
      return [each.slice(0, at).trim().toLowerCase(), each.slice(at + 1).trim()];
    });
  return { authority: authority.toLowerCase(), parameters: new Map(parameters) };
}
