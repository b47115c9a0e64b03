/** Guard `key`: lets in programs that show an API key, in a field of its own, as Bearer, or as the password of Basic. */

import { z } from 'zod';
import type { Key, Keys } from '../../contracts/keys.ts';
import { defineGuard } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { contains, parseIp } from '../../core/address.ts';
import { SallyportError } from '../../core/errors.ts';
import { errorReply } from '../../core/pages/error.ts';
import { apiKeyPrefix, credentialsOf, onlyField, readBasic, twice, userName } from '../../core/policy/credentials.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { forgery } from '../../core/policy/origin.ts';
import { ShownToken } from '../../core/policy/shown-token.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const expected = 'names of keys, like [ci, backup], or all';
const fieldExpected = 'the name of a request field, like X-API-Key';

const name = z.string({ error: expected }).transform((text, context): string => {
  const canonical = userName(text);
  if (canonical !== null) return canonical;
  context.issues.push({ code: 'custom', message: expected, input: text });
  return z.NEVER;
});

/** Fields that mean something else already can be no key's (RFC 9110, 7; our own). */
const otherFields =
  /^(?:authorization|cookie|host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|forwarded|via|x-forwarded-.*|sallyport-.*|proxy-.*|sec-.*)$/;

export const key = defineGuard({
  name: 'key',
  stage: 'identify',
  options: z.strictObject(
    {
      keys: z
        .union([z.literal('all'), z.array(name).min(1, expected).max(1_000, 'at most 1,000 names')], { error: expected })
        .prefault('all')
        .describe('Whose keys open it: names of keys, or all.'),
      header: z
        .string({ error: fieldExpected })
        .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, fieldExpected)
        .transform((text) => text.toLowerCase())
        .refine((text) => !otherFields.test(text), 'a field that has no other meaning, like X-API-Key')
        .prefault('X-API-Key')
        .describe('The request field that may hold a key, beside Authorization.'),
    },
    { error: 'keys: a list of names or all, like { keys: [ci] }' },
  ),
  build({ keys: listed, header }, tools) {
    requireKeys(listed, tools.keys);
    const admits = listed === 'all' ? () => true : (text: string) => listed.includes(text);
    const door: Door = { tools, header, admits, digests: new ShownToken((token) => tools.keys.digest(token)) };
    return {
      check: (exchange) => check(exchange, door),
      words: `an API key${listed === 'all' ? '' : ` of ${shortened(listed)}`}`,
      knows: (subject) => subject.startsWith('key:') && standing(subject.slice('key:'.length), door),
    };
  },
});

type Door = Readonly<{ tools: Tools; header: string; admits: (name: string) => boolean; digests: ShownToken<string | null> }>;

/** Where a key was found in a request. `user` is who Basic says that it is. */
type Shown = Readonly<{ token: string; field: string; by: Identity['by']; user: string | null }>;

function check(exchange: Exchange, door: Door): Verdict {
  if (exchange.http === null) return { is: 'skip' };
  const shown = keyIn(exchange, door.header);
  if (shown === 'twice') return wrong('more than one key was sent');
  if (shown === null) return { is: 'challenge', code: 'credentials-missing', why: 'no API key was shown', answer: null };
  const { keys } = door.tools;
  const digest = door.digests.of(exchange, shown.token);
  const found = digest === null ? null : keys.find(digest);
  if (found === null || !door.admits(found.name)) return wrong('no key of this service has that text');
  if (shown.user !== null && userName(shown.user) !== found.name) return wrong('the key belongs to another name than Basic says');
  if (!isAllowed(found, exchange.from.ip)) return wrong('the key may not be used from this address');
  const fault = shown.by === 'basic' ? forgery(exchange, 'basic') : null;
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  keys.used(found, exchange.from.ip);
  return { is: 'pass', identity: identityOf(found, shown.by), spent: [shown.field] };
}

/**
 * The one key of a request. What does not begin as our keys do is somebody else's credential and is left alone: the service
 * may have API keys of its own, in the same field.
 */
function keyIn({ http }: Exchange, header: string): Shown | 'twice' | null {
  if (http === null) return null;
  const found: Shown[] = [];
  for (const field of [header, 'sallyport-authorization', 'authorization']) {
    const value = onlyField(http.fields, field);
    if (value === twice) return 'twice';
    const shown =
      value === null ? null : field === header ? { token: value, field, by: 'header' as const, user: null } : inAuthorization(value, field);
    if (shown?.token.startsWith(apiKeyPrefix) === true) found.push(shown);
    // Where Sallyport-Authorization speaks to us, Authorization speaks to the service.
    if (field === 'sallyport-authorization' && value !== null) break;
  }
  return found.length > 1 ? 'twice' : (found[0] ?? null);
}

function inAuthorization(value: string, field: string): Shown | null {
  const token = credentialsOf(value, 'bearer') ?? (field === 'authorization' ? null : credentialsOf(value, 'key'));
  if (token !== null) return { token, field, by: 'header', user: null };
  const basic = readBasic(credentialsOf(value, 'basic') ?? '');
  return basic === null ? null : { token: basic.password, field, by: 'basic', user: basic.user };
}

/** A key without networks may be used from everywhere. Behind a relay the address is the relay's word. */
function isAllowed({ networks }: Key, ip: string): boolean {
  if (networks.length === 0) return true;
  const address = parseIp(ip);
  return address !== null && networks.some((each) => contains(each, address));
}

function standing(text: string, { tools, admits }: Door): boolean {
  return admits(text) && tools.keys.byName(text) !== null;
}

/** Auth that is configured but empty is no auth: it refuses to start. */
function requireKeys(listed: readonly string[] | 'all', keys: Keys): void {
  if (listed === 'all' ? keys.list().length > 0 : listed.length > 0 && listed.every((each) => keys.byName(each) !== null)) return;
  const absent = listed === 'all' ? undefined : listed.find((each) => keys.byName(each) === null);
  throw new SallyportError(
    'key-missing',
    absent === undefined ? 'An API key is asked for, but there is no key.' : `There is no key ${absent}.`,
    {
      hint: `Make it: sallyport keys add ${absent ?? 'NAME'}`,
    },
  );
}

function identityOf({ name: text, roles }: Key, by: Identity['by']): Identity {
  return { guard: 'key', subject: `key:${text}`, name: text, by, roles };
}

function shortened(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(' or ');
  return names.length > 3 ? `${shown} or ${names.length - 3} more` : shown;
}

function wrong(why: string): Verdict {
  return { is: 'challenge', code: 'credentials-wrong', why, answer: null };
}
