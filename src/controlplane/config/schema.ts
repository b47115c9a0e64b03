/** The shape of `sallyport.yaml`: one schema for the parser, the editor's completion and the documentation. */

import { z } from 'zod';
import type { ZodType } from 'zod';
import type { Guard } from '../../contracts/guard.ts';
import { parseNetwork } from '../../core/address.ts';
import { durationExpected, parseDuration } from './duration.ts';
import { firewallKey } from './firewall-keys.ts';
import { listenExpected, nameExpected, readBehind, readHostName, readInstant, readListen, readServiceName, readSource } from './forms.ts';
import { fixedSchemas, readFixed } from './fixed-answers.ts';
import { balanceKey, listSchema, timeoutsKey } from './balance-keys.ts';
import { acmeKey, serviceAcmeKey } from './acme-keys.ts';
import { clientsKey } from './clients-keys.ts';
import { tlsKeys } from './tls-keys.ts';
import { pageKeys } from './page-keys.ts';
import { placeExpected, readWebPlace, webKeys } from './web-schema.ts';
import { serviceLimitsKey } from './limit-keys.ts';
import { relaysSchema } from './relay-keys.ts';
import { entrySchema } from './login-ways.ts';
import { mailKey } from './mail-keys.ts';
import { portKey } from './ports.ts';
import { asProxy, destinationsKey, proxyKey } from './proxy-keys.ts';
import { joinVia, readVia, viaExpected } from './via.ts';
import type { Access, Behind } from './plan.ts';
import { socketKey, userKey } from './process-keys.ts';
import { formed, limitsSchema, oneOf } from './pieces.ts';
import { verifyKey } from './verify-key.ts';

/**
 * The whole file, for the guards that exist. Unknown keys are errors; no key takes a secret.
 * Rules between keys (`to` or `dir`) are checked by the parser, which knows where each stands.
 * In this file a message is what was expected and nothing else ("a port from 1 to 65535"): the
 * parser adds where it stands and what was found.
 */
export function configSchema(guards: readonly Guard<unknown>[]) {
  const listen = listenSchema();
  return z.strictObject(
    {
      $schema: z.string({ error: 'a URL or a path' }).optional().describe('Where the JSON Schema of this file lies, for editors.'),
      relay: relaysSchema()
        .optional()
        .describe('The relay where this gateway is reached, after `sallyport join`, or several in a list. Left out: all that were joined.'),
      via: viaSchema().optional().describe('The way to the relay: a proxy, websocket, both in a list, or direct.'),
      listen: z
        .union([
          ...listen,
          z.array(z.union(listen, { error: listenExpected }), { error: 'a URL or a list of URLs' }).max(64, 'at most 64 URLs'),
        ])
        .optional()
        .describe('Addresses that the gateway listens on itself, like https://0.0.0.0:443.'),
      user: userKey().optional(),
      network: oneOf(['trusted', 'shared', 'hostile'])
        .prefault('hostile')
        .describe(
          'trusted: free for all. shared: free on this machine, a password for others. hostile: a password for everybody, over HTTPS only.',
        ),
      local: oneOf(['free', 'guarded'])
        .optional()
        .describe('Whether visitors on this machine need no credential. By default free in trusted and shared, guarded in hostile.'),
      plainhttp: oneOf(['allow', 'refuse'])
        .prefault('refuse')
        .describe('Whether `network: shared` may serve plain HTTP beyond this machine. Passwords can then be read on the way.'),
      ...tlsKeys(),
      acme: acmeKey(),
      clients: clientsKey(),
      mail: mailKey(),
      ...pageKeys(),
      services: z
        .record(
          formed(readServiceName, 'a name of small letters, digits and hyphens, 63 at most, like blog'),
          serviceSchema(guards).transform(asProxy),
          {
            error: 'services by name, like blog: { to: 3000 }',
          },
        )
        .describe('What is shared, by name.'),
      limits: limitsSchema().optional().describe('Limits by name, in place of the defaults.'),
    },
    { error: 'settings like services: and relay:' },
  );
}

function serviceSchema(guards: readonly Guard<unknown>[]) {
  const name = formed(readHostName, nameExpected);
  const place = formed(readWebPlace, placeExpected);
  return z.strictObject(
    {
      at: z
        .union([place, z.array(place, { error: 'a name or a list of names' }).min(1, 'at least one name').max(100, 'at most 100 names')])
        .optional()
        .describe(
          'The public names that this service answers to, each with the path below which it is meant, if not all. Behind a relay NAME.DOMAIN when left out.',
        ),
      ...webKeys(behindSchema()),
      to: behindSchema()
        .optional()
        .describe(
          'The service: a port, HOST:PORT or http://HOST:PORT; https://HOST:PORT over TLS; h2c:// or h2:// for gRPC; tls://HOST:PORT with its own certificate; tcp://HOST:PORT; udp://HOST:PORT; unix:PATH; or several in a list.',
        ),
      dir: z
        .string({ error: 'the path of a folder' })
        .min(1, 'the path of a folder')
        .max(4096, 'a shorter path')
        .optional()
        .describe('A folder to serve, instead of `to`. A relative path starts at the folder of this file.'),
      indexes: z.boolean({ error: 'true or false' }).prefault(false).describe('Whether a folder without index.html is listed.'),
      access: accessSchema(guards).optional(),
      firewall: firewallKey(),
      from: formed(readSource, 'an IPv4 address of this machine, like 127.0.0.1')
        .optional()
        .describe('The address from which the service is dialled. 127.0.0.1 makes visitors look local to it: a risk.'),
      proxy: proxyKey(),
      destinations: destinationsKey(),
      limits: serviceLimitsKey(),
      balance: balanceKey(),
      timeouts: timeoutsKey(),
      verify: verifyKey(),
      port: portKey(),
      rewritehost: z
        .union([z.boolean({ error: 'true or false' }), name], { error: 'true, false or a name' })
        .prefault(false)
        .describe("What Host says to the service: true for the service's own address, or a name."),
      rawheaders: z
        .boolean({ error: 'true or false' })
        .prefault(false)
        .describe("Leaves X-Forwarded-*, Forwarded and Via unwritten. A visitor's own are removed all the same."),
      acme: serviceAcmeKey(),
      terminate: oneOf(['gateway', 'relay'])
        .prefault('gateway')
        .describe('Where the TLS of visitors ends. relay: the relay may end it, and then reads everything.'),
      expires: formed(readInstant, 'a time like 2027-01-31T18:00:00Z, or never')
        .prefault('never')
        .describe('The moment from which nobody gets in.'),
      for: formed(parseDuration, durationExpected)
        .prefault('never')
        .describe('How long it stays open, counted from the moment it first stood open.'),
    },
    { error: 'the settings of a service, like { to: 3000 }' },
  );
}

/** One word, or a proxy and `websocket` in a list. */
function viaSchema() {
  const word = formed(readVia, viaExpected);
  return z
    .union([word, z.array(word, { error: viaExpected }).min(1, viaExpected).max(2, 'a proxy and websocket')])
    .transform((value, context) => {
      const joined = joinVia([value].flat());
      if (joined !== null) return joined;
      context.issues.push({ code: 'custom', message: 'at most one proxy, and direct for itself', input: value });
      return z.NEVER;
    });
}

/** An address, or one before which balancers stand. Everybody is no balancer: whoever is trusted says who a visitor is. */
function listenSchema() {
  const expected = 'networks of balancers, like [10.0.0.0/8]';
  const network = formed((text) => {
    const found = parseNetwork(text);
    return found === null || found.prefix === 0 ? null : found;
  }, expected);
  const address = formed(readListen, listenExpected);
  const trusting = z
    .strictObject(
      {
        url: address.describe('The address, like https://0.0.0.0:443.'),
        trust: z
          .array(network, { error: expected })
          .min(1, expected)
          .max(1_000, 'at most 1,000 networks')
          .optional()
          .describe('Balancers, which are believed when they say who a visitor is.'),
        header: oneOf(['proxy', 'x-forwarded-for', 'forwarded'])
          .prefault('proxy')
          .describe('Where balancers say it: a PROXY header that begins each connection, or this field of each request.'),
        socket: socketKey().optional(),
      },
      { error: listenExpected },
    )
    // A field that nobody is believed in, and an address with nothing beside it, were meant otherwise.
    .refine(({ trust, header, socket }) => trust !== undefined || (socket !== undefined && header === 'proxy'), {
      path: ['trust'],
      message: expected,
    })
    .transform(({ url, trust, header, socket }) => ({
      ...url,
      ...(trust === undefined ? {} : { trust }),
      ...(header === 'proxy' ? {} : { header }),
      ...(socket === undefined ? {} : { socket }),
    }));
  return [address, trusting] as const;
}

/** What lies behind, and why not when it cannot: a wrong port is told apart from a wrong URL. */
function behindSchema() {
  const expected = 'a port or a URL like http://127.0.0.1:3000';
  const text = z
    .union([z.number({ error: expected }), z.string({ error: expected })], { error: expected })
    .transform((value, context): Behind => {
      const found = readFixed(String(value)) ?? readBehind(String(value));
      if (found.ok) return found.value;
      context.issues.push({ code: 'custom', message: found.expected, input: value });
      return z.NEVER;
    });
  return z.union([text, listSchema(text), ...fixedSchemas()], { error: expected });
}

/** The access list. Each guard's options are its own schema, so a new guard is a new word here by itself. */
function accessSchema(guards: readonly Guard<unknown>[]): ZodType<Access> {
  const named: Record<string, ZodType> = {};
  for (const guard of guards) {
    if (guard.stage === 'identify' && guard.name !== 'public') named[guard.name] = guard.options.optional();
  }
  const example = 'public, or a guard with its options, like password: {}';
  const open = z.literal('public', { error: example }).transform((): Access => [[{ guard: 'public', options: {} }]]);
  return z
    .array(z.union([open, entrySchema(named, example)], { error: example }), {
      error: 'a list like [{ password: {} }]: any one of its entries admits',
    })
    .min(1, 'at least one entry; [public] opens it to everyone')
    .max(32, 'at most 32 entries')
    .transform((entries): Access => entries.flat())
    .describe('Who may come in. Any one entry admits; the guards of one entry must all pass. Left out: what `network` says.');
}
