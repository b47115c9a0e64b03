/** What a configuration says of `bearer`. */

import { z } from 'zod';

const issuerExpected = 'an issuer like https://login.example.org';
const urlExpected = 'an address like https://login.example.org/keys';
const nameExpected = 'a word like proxy or https://api.example.org';

function https(expected: string) {
  return z
    .string({ error: expected })
    .max(512, expected)
    .refine((text) => {
      const url = URL.parse(text);
      return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
    }, expected);
}

const word = z.string({ error: nameExpected }).regex(/^[\x21-\x7e]{1,256}$/, nameExpected);
const claimPath = z
  .string({ error: 'a claim like roles or realm_access.roles' })
  .regex(/^[\w:/-]{1,64}(?:\.[\w:/-]{1,64}){0,4}$/, 'a claim like roles or realm_access.roles');

export const bearerOptions = z.strictObject(
  {
    issuer: https(issuerExpected).describe('Who issues the tokens: `iss` of each, by the letter.'),
    audience: z
      .union([word.transform((text) => [text]), z.array(word).min(1, nameExpected).max(16, 'at most 16 names')], { error: nameExpected })
      .describe('What the tokens must be made for: `aud` of each has to hold one of these.'),
    keys: https(urlExpected).optional().describe('Where the keys of the issuer are (a JWKS). Left out: where its metadata says.'),
    scopes: z.array(word).max(16, 'at most 16 scopes').prefault([]).describe('Scopes that a token must have, all of them.'),
    roles: claimPath
      .optional()
      .describe('The claim that holds roles, like roles or realm_access.roles. Left out: nobody has roles by a token.'),
    introspect: z
      .strictObject(
        {
          client: word.describe('Our name at the issuer.'),
          secret: z
            .string({ error: 'the name of a stored secret' })
            .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'the name of a stored secret, like login')
            .describe('The name of the stored secret that we show to the issuer.'),
          at: https(urlExpected).optional().describe('Where it is asked. Left out: where its metadata says.'),
        },
        { error: 'client and secret, like { client: gateway, secret: login }' },
      )
      .optional()
      .describe('Asks the issuer about each token (RFC 7662), kept for a minute: what it takes back opens nothing any more.'),
    ca: z
      .string({ error: 'the path of a file, like /etc/ssl/own-ca.pem' })
      .max(1_024, 'a shorter path')
      .optional()
      .describe('A file of certificates (PEM) that is trusted for the issuer in place of the list of the system.'),
  },
  { error: 'issuer and audience, like { issuer: https://login.example.org, audience: proxy }' },
);

export type BearerOptions = z.output<typeof bearerOptions>;
