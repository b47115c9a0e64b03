/** The shape of a relay's file, `relay.yaml`: the words of `sallyport.yaml`, as far as a relay has a use for them. */

import { z } from 'zod';
import { durationExpected, parseDuration } from './duration.ts';
import { domainExpected, listenExpected, readDomain, readListen, readRelay } from './forms.ts';
import { nameServersMax, readNameServer } from '../enrolment/txt-proof.ts';
import { relayPageKeys } from './page-keys.ts';
import { formed, limitsSchema, oneOf } from './pieces.ts';
import { userKey } from './process-keys.ts';
import { pemPath, terminateSchema } from './terminate-schema.ts';

const ownExpected = 'a number of names, 1 to 999';

/** Unknown keys are errors; no key takes a secret. A message is what was expected, as in `schema.ts`. */
export function relaySchema() {
  const listen = formed(readListen, listenExpected);
  return z.strictObject(
    {
      $schema: z.string({ error: 'a URL or a path' }).optional().describe('Where the JSON Schema of this file lies, for editors.'),
      domain: formed(readDomain, domainExpected).optional().describe('Names are granted below it; its DNS leads to this machine.'),
      listen: z
        .union([listen, z.array(listen, { error: listenExpected }).min(1, 'at least one address').max(64, 'at most 64 addresses')])
        .optional()
        .describe(
          'Where visitors and gateways come to, https://0.0.0.0:443 when left out; with http://0.0.0.0:80 beside it visitors are sent to HTTPS.',
        ),
      user: userKey().optional(),
      address: formed(readRelay, 'HOST or HOST:PORT')
        .optional()
        .describe('How gateways reach it, when that is not the domain or the listening address.'),
      certificate: pemPath()
        .optional()
        .describe('For the own name: gateways also come in WebSockets, which pass where only HTTPS does. Beside key.'),
      key: pemPath().optional().describe('The key of that certificate.'),
      ownDomains: z
        .int(ownExpected)
        .min(1, ownExpected)
        .max(999, ownExpected)
        .optional()
        .describe('How many names outside of the domain one gateway may have, each proved by a TXT record; none when left out.'),
      resolvers: z
        .array(formed(readNameServer, 'an address like 192.0.2.53'), { error: 'a list of addresses' })
        .min(1, 'at least one address')
        .max(nameServersMax, `at most ${nameServersMax} addresses`)
        .optional()
        .describe('Name servers that are asked for these proofs, instead of the system’s. All must say the same.'),
      terminate: terminateSchema()
        .optional()
        .describe('Names whose TLS ends here, where their gateways agree: the relay then reads everything of them.'),
      firewall: oneOf(['on', 'off'])
        .optional()
        .describe('Whether what only break-in scanners ask for is refused here already, for names under terminate; on when left out.'),
      drain: formed(parseDuration, durationExpected)
        .optional()
        .describe('How long connections may go on behind an upgrade, 15m when left out.'),
      ...relayPageKeys(),
      limits: limitsSchema().optional().describe('Limits by name, in place of the defaults.'),
    },
    { error: 'settings like domain: and listen:' },
  );
}
