/** `proxy:` and `destinations:` of a service that leads its visitors out. */

import { z } from 'zod';
import { hostPort, parseIp } from '../../core/address.ts';
import { entryExpected, parseEntry } from '../../core/egress/entry.ts';
import { listenExpected, readHostName, readListen, readPort } from './forms.ts';
import { formed, oneOf } from './pieces.ts';
import { contentKey } from './content-keys.ts';
import type { Behind } from './plan.ts';
import type { EgressBehind, EntryPlan } from './proxy-plan.ts';
import { proxyViaKey } from './proxy-via-key.ts';

const flag = z.boolean({ error: 'true or false' });

/** `proxy: v1` is the header of that name; a map makes a proxy of the service. */
export function proxyKey() {
  const header = oneOf(['v1', 'v2']);
  const listen = formed(readListen, listenExpected);
  const proxy = z.strictObject(
    {
      http: flag.prefault(true).describe('Whether it speaks HTTP: requests in absolute form, and CONNECT.'),
      socks5: flag.prefault(false).describe('Whether it speaks SOCKS 5, with a name and a password, on the same ports.'),
      udp: flag
        .prefault(false)
        .describe(
          'Whether clients may send datagrams: those of sallyport connect inside of TLS, also through a relay, and SOCKS clients (UDP ASSOCIATE) to addresses of its own, where they pass any TLS by.',
        ),
      listen: z
        .union([listen, z.array(listen, { error: listenExpected }).min(1, listenExpected).max(16, 'at most 16 URLs')])
        .optional()
        .describe('Addresses of its own, like https://0.0.0.0:8443 or http://127.0.0.1:3128. Left out: by its name, where TLS is.'),
      clear: oneOf(['allow', 'refuse'])
        .prefault('refuse')
        .describe(
          'allow: names and passwords may come over plain HTTP and SOCKS from beyond this machine, where anybody on the way reads them.',
        ),
      hide: flag.prefault(false).describe('Whether it looks like an ordinary web server to who shows no credentials.'),
    },
    { error: 'one of v1, v2, or the settings of a proxy, like { http: true, socks5: true }' },
  );
  return z
    .union([header, proxy], { error: 'one of v1, v2, or the settings of a proxy, like { http: true, socks5: true }' })
    .optional()
    .describe(
      'v1 or v2: the PROXY header that begins each connection to the service, so that it sees the address of its visitor. A map: the service is a proxy itself, and leads its visitors to `destinations`.',
    );
}

const whoExpected = 'user:NAME, key:NAME, certificate:NAME or role:NAME';

/** One entry, or several in one. */
function entrySchema() {
  const method = z.string({ error: 'a method in capitals, like GET' }).regex(/^[A-Z]{1,20}$/, 'a method in capitals, like GET');
  const who = z
    .string({ error: whoExpected })
    .regex(/^(?:(?:user|key|role):[a-z0-9_][a-z0-9._-]{0,63}|certificate:[\x21-\x7e](?:[\x20-\x7e]{0,252}[\x21-\x7e])?)$/, whoExpected);
  const place = formed(readEntry, entryExpected);
  return z.union(
    [
      place.transform((text): readonly EntryPlan[] => [{ text }]),
      z
        .strictObject(
          {
            to: z
              .union([place, z.array(place, { error: entryExpected }).min(1, entryExpected).max(1_000, 'at most 1,000 entries')])
              .describe('One destination, or several.'),
            methods: z
              .array(method, { error: 'a list of methods' })
              .min(1)
              .max(20)
              .optional()
              .describe('Only for these. CONNECT is one of them, and SOCKS counts as it.'),
            for: z
              .array(who, { error: 'a list like [key:ci, role:partners]' })
              .min(1)
              .max(1_000)
              .optional()
              .describe('Only for these users, keys, holders of client certificates and roles.'),
          },
          { error: entryExpected },
        )
        .transform((keys): readonly EntryPlan[] =>
          [keys.to].flat().map((text) => ({
            text,
            ...(keys.methods === undefined ? {} : { methods: keys.methods }),
            ...(keys.for === undefined ? {} : { who: keys.for }),
          })),
        ),
    ],
    { error: entryExpected },
  );
}

export function destinationsKey() {
  const list = z.array(entrySchema(), { error: `a list of: ${entryExpected}` }).max(10_000, 'at most 10,000 entries');
  const server = formed(readServer, 'an address of a name server, like 192.0.2.53 or 192.0.2.53:5353');
  return z
    .strictObject(
      {
        allow: list
          .transform((all) => all.flat())
          .refine((all) => all.every(({ text }) => !text.startsWith('private')), 'networks by their addresses: private is too much')
          .prefault([])
          .describe('Where it leads. Left out: everything public, at ports 80 and 443. Inner addresses only by a network that holds them.'),
        deny: list
          .transform((all) => all.flat())
          .prefault(['private'])
          .describe('Where it never leads, whatever is allowed. What is private is denied always.'),
        mode: oneOf(['enforce', 'watch'])
          .prefault('enforce')
          .describe('watch: the lists refuse nobody, and the records say whom they would refuse. What is private stays denied.'),
        sni: oneOf(['match', 'any'])
          .prefault('any')
          .describe('match: a tunnel must begin with TLS that names the host that was asked for.'),
        resolver: z
          .array(server, { error: 'a list of name servers' })
          .min(1, 'at least one name server')
          .max(8, 'at most 8 name servers')
          .optional()
          .describe("Name servers to ask. Left out: the system's."),
        via: proxyViaKey(),
        requests: contentKey('requests'),
        answers: contentKey('answers'),
      },
      { error: 'where it leads, like { allow: ["*.example.org"] }' },
    )
    .optional()
    .describe('Where a proxy leads: lists of names, networks and ports.');
}

/** Names as people write them become what is compared. */
function readEntry(text: string): string | null {
  if (/^[\x21-\x7e]+$/.test(text)) return parseEntry(text) === null ? null : text;
  const [, star = '', host = '', ports = ''] = /^(\*\.)?([^:]+)(:.*)?$/.exec(text) ?? [];
  const ascii = readHostName(host);
  return ascii === null ? null : readEntry(`${star}${ascii}${ports}`);
}

function readServer(text: string): string | null {
  const [, host = text, port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text.includes('::') && !text.startsWith('[') ? '' : text) ?? [];
  const ip = parseIp(host);
  if (ip === null) return null;
  const number = port === undefined ? 53 : readPort(port);
  return number === null ? null : hostPort(ip.text, number);
}

type Keys = Readonly<{
  proxy?: z.output<ReturnType<typeof proxyKey>>;
  destinations?: z.output<ReturnType<typeof destinationsKey>>;
  to?: Behind | undefined;
  dir?: string | undefined;
}>;

/** A service that is a proxy has no other place behind it: from here on `to` is the way out, and `proxy` the header again. */
export function asProxy<Service extends Keys>(
  service: Service,
  context: z.RefinementCtx,
): Omit<Service, 'proxy' | 'destinations' | 'to'> & Readonly<{ proxy?: 'v1' | 'v2' | undefined; to?: Behind | undefined }> {
  const { proxy, destinations, to, ...rest } = service;
  const complain = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message, input: service });
  if (typeof proxy !== 'object') {
    if (destinations !== undefined) complain('destinations', 'it beside proxy: { http: true } only');
    return { ...rest, proxy, to };
  }
  if (to !== undefined) complain('to', 'no to beside a proxy');
  if (service.dir !== undefined) complain('dir', 'no dir beside a proxy');
  if (!proxy.http && !proxy.socks5) complain('proxy', 'http or socks5, or both');
  if (proxy.hide && proxy.socks5) complain('proxy', 'hide without socks5: its first answer says what it is');
  const listen = proxy.listen === undefined ? [] : [proxy.listen].flat();
  const { http, socks5, hide, udp } = proxy;
  if (udp && !http && listen.length === 0) complain('proxy', 'udp with http, or with socks5 and listen');
  const {
    allow = [],
    deny = [{ text: 'private' }],
    mode = 'enforce',
    sni = 'any',
    resolver = null,
    via,
    requests,
    answers,
  } = destinations ?? {};
  if (udp && sni === 'match') complain('proxy', 'udp without sni: match: no datagram names its host');
  if (udp && via !== undefined) complain('proxy', 'udp without via: no datagrams go by the proxy behind');
  const behind: EgressBehind = {
    is: 'egress',
    door: {
      http,
      socks5,
      hide,
      ...(udp ? { udp: true as const } : {}),
      listen: listen.map(({ scheme, host, port }) => ({ scheme, host, port })),
      clear: proxy.clear === 'allow',
    },
    way: { allow, deny, mode, sni, resolver, ...optional({ via, requests, answers }) },
  };
  return { ...rest, to: behind };
}

type Optional = Pick<EgressBehind['way'], 'via' | 'requests' | 'answers'>;

/** What was left out is no key. */
function optional({ via, requests, answers }: { [Key in keyof Optional]: Optional[Key] | undefined }): Optional {
  return {
    ...(via === undefined ? {} : { via }),
    ...(requests === undefined ? {} : { requests }),
    ...(answers === undefined ? {} : { answers }),
  };
}
