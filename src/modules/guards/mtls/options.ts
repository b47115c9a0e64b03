/** What a configuration says of `mtls`. */

import { z } from 'zod';
import { readName } from './names.ts';

const pathExpected = 'the absolute path of a file, like /etc/sallyport/clients-ca.pem';
const namesExpected = 'names of certificates, like [ana, ben], or all';
const pinExpected = 'a SHA-256 fingerprint: 64 hex digits, with or without colons';
const roleExpected = 'roles by name, like { ana: [editor] }';

const path = z
  .string({ error: pathExpected })
  .max(1_024, 'a shorter path')
  // A relative one would be looked for where the program was started.
  .refine((text) => text.startsWith('/') || /^[A-Za-z]:[\\/]/.test(text), pathExpected);

function paths(many: number) {
  return z.union([path.transform((text) => [text]), z.array(path).min(1, pathExpected).max(many, `at most ${many} files`)], {
    error: pathExpected,
  });
}

const pin = z
  .string({ error: pinExpected })
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .refine((text) => /^[0-9a-f]{64}$/.test(text), pinExpected);

const role = z.string({ error: roleExpected }).regex(/^[a-z0-9_][a-z0-9._-]{0,63}$/, roleExpected);

/** Names are held against the kind that they are of, in their one spelling. */
export const mtlsOptions = z
  .strictObject(
    {
      ca: paths(16)
        .optional()
        .describe('Files (PEM) of the authorities whose certificates are taken. Left out: our own (sallyport clients certificate).'),
      crl: paths(16)
        .optional()
        .describe(
          'Files of what these authorities have revoked (CRL, PEM or DER), read again when they change. One that has ended lets nobody in.',
        ),
      name: z
        .enum(['cn', 'email', 'dns', 'uri'], { error: 'cn, email, dns or uri' })
        .prefault('cn')
        .describe(
          'What of the certificate is the name of its holder: the CN of its subject, or the one entry of that kind in its SubjectAltName.',
        ),
      names: z
        .union(
          [
            z.literal('all'),
            z
              .array(z.string({ error: namesExpected }))
              .min(1, namesExpected)
              .max(1_000, 'at most 1,000 names'),
          ],
          { error: namesExpected },
        )
        .prefault('all')
        .describe('Whose certificates open it: names of holders, or all.'),
      roles: z
        .record(z.string(), z.array(role).max(32, 'at most 32 roles'), { error: roleExpected })
        .prefault({})
        .describe('Roles of holders by their names. Certificates of our own have theirs already.'),
      pins: z
        .array(pin)
        .min(1, pinExpected)
        .max(1_000, 'at most 1,000 fingerprints')
        .optional()
        .describe('Only certificates with one of these SHA-256 fingerprints.'),
    },
    { error: 'settings like { ca: /etc/sallyport/clients-ca.pem, name: email }, or {} for our own' },
  )
  .transform((given, context) => {
    const say = (key: string, message: string): void => void context.issues.push({ code: 'custom', path: [key], message, input: given });
    const own = given.ca === undefined;
    if (own && given.crl !== undefined)
      say('crl', 'ca: beside it: what we made ourselves is revoked by sallyport clients certificates revoke');
    if (own && given.name !== 'cn') say('name', 'ca: beside it: what we made ourselves is named by its CN');
    if (own && Object.keys(given.roles).length > 0)
      say('roles', 'ca: beside it: what we made ourselves has the roles that it was made with');
    const read = (text: string, key: string): string => {
      const name = readName(given.name, text);
      if (name === null) say(key, `names of the kind ${given.name}`);
      return name ?? '';
    };
    const names = given.names === 'all' ? given.names : given.names.map((each) => read(each, 'names'));
    const roles = new Map(Object.entries(given.roles).map(([each, those]) => [read(each, 'roles'), those] as const));
    return {
      ...given,
      ca: given.ca ?? [],
      crl: given.crl ?? [],
      names,
      roles,
      pins: given.pins === undefined ? null : new Set(given.pins),
    };
  });

export type MtlsOptions = z.output<typeof mtlsOptions>;
