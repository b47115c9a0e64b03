/** Guard `login`: lets in an address from which somebody signed in on the web page of another service, and opened the door there. */

import { z } from 'zod';
import type { Admits, DoorTerms } from '../../contracts/address-doors.ts';
import { defineGuard } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { durationWords, parseDuration } from '../../core/duration.ts';
import { userName } from '../../core/policy/credentials.ts';
import { doorNetwork } from '../../core/policy/door-network.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Verdict } from '../../core/policy/verdict.ts';

const expected = 'the service where visitors sign in and for how long, like { service: web, for: 2h }';
const spanExpected = 'a time from 1m to 30d, like 2h';
const namesExpected = 'names in small letters, like [ana, ben]';
const bitsExpected = 'a number of bits from 48 to 128; 128 is the address alone';

const spanMs = { min: 60_000, max: 30 * 86_400_000 } as const;

const names = z
  .array(
    z.string({ error: namesExpected }).refine((text) => userName(text) === text, namesExpected),
    { error: namesExpected },
  )
  .min(1, namesExpected)
  .max(1_000, 'at most 1,000 names')
  .nullable()
  .prefault(null);

const options = z
  .strictObject(
    {
      service: z
        .string({ error: expected })
        .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'the name of a service of this file')
        .describe('The service on whose page, /.sallyport/door, visitors sign in and open it.'),
      for: z
        .string({ error: spanExpected })
        .transform((text, context): number => {
          const ms = parseDuration(text);
          if (typeof ms === 'number' && ms >= spanMs.min && ms <= spanMs.max) return ms;
          context.issues.push({ code: 'custom', message: spanExpected, input: text });
          return z.NEVER;
        })
        .describe('How long the address is let in. It ends before, with the session or user that opened it.'),
      ipv6: z
        .int({ error: bitsExpected })
        .min(48, bitsExpected)
        .max(128, bitsExpected)
        .prefault(128)
        .describe('How many leading bits of an IPv6 address are let in: 128 for the address alone, 64 for its whole network.'),
      cut: z
        .boolean({ error: 'true or false' })
        .prefault(false)
        .describe('Whether connections that run end with its time. Without it they go on; who is taken back is cut always.'),
      users: names.describe('Only these of those who can sign in there.'),
      roles: names.describe('Only those who have one of these roles. With users, either does.'),
    },
    { error: expected },
  )
  .transform(({ service: web, for: forMs, ipv6: prefix6, cut: cuts, users, roles }): DoorTerms => ({
    web,
    forMs,
    prefix6,
    cuts,
    users,
    roles,
  }));

/** Nothing is asked of whoever comes: what they could show cannot be read. So a closed door is closed without a byte. */
export const login = defineGuard({
  name: 'login',
  stage: 'identify',
  options,
  build: (terms, tools, service) => {
    const admits = admitsBy(terms);
    return {
      check: (exchange) => check(exchange, { terms, admits, tools, service: service.name }),
      words: `an address that signed in at ${terms.web} within ${durationWords(terms.forMs)}${whom(terms)}${
        service.behindRelay ? " (by the relay's word)" : ''
      }`,
      knows: (subject) => admits({ subject, roles: rolesOf(subject, tools) }),
      door: { terms, admits },
    };
  },
});

type Place = Readonly<{ terms: DoorTerms; admits: Admits; tools: Tools; service: string }>;

function check(exchange: Exchange, { terms, admits, tools, service }: Place): Verdict {
  if (exchange.http !== null) return { is: 'skip' };
  const network = doorNetwork(exchange.from.ip, terms.prefix6);
  const door = network === null ? null : tools.doors.find(service, network, admits);
  // One that was opened at another service than is said now was opened to others.
  if (door === null || door.web !== terms.web)
    return { is: 'challenge', code: 'credentials-missing', why: `nobody signed in at ${terms.web} from this address`, answer: null };
  const { id, subject, name, roles, session } = door;
  return {
    is: 'pass',
    identity: { guard: 'login', subject, name, by: 'session', roles, door: id, ...(session === null ? {} : { session }) },
  };
}

/** Whom a door is for, of those who can sign in. */
function admitsBy({ users, roles }: Pick<DoorTerms, 'users' | 'roles'>): Admits {
  if (users === null && roles === null) return () => true;
  return (who) =>
    (users !== null && who.subject.startsWith('user:') && users.includes(who.subject.slice('user:'.length))) ||
    (roles !== null && who.roles.some((role) => roles.includes(role)));
}

function rolesOf(subject: string, { users, keys }: Tools): readonly string[] {
  const name = subject.slice(subject.indexOf(':') + 1);
  if (subject.startsWith('user:')) return users.find(name)?.roles ?? [];
  return subject.startsWith('key:') ? (keys.byName(name)?.roles ?? []) : [];
}

function whom({ users, roles }: DoorTerms): string {
  const some = [...(users ?? []), ...(roles ?? []).map((role) => `role ${role}`)];
  return some.length === 0 ? '' : `, of ${some.slice(0, 3).join(', ')}${some.length > 3 ? ' and others' : ''}`;
}
